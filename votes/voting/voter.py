"""Who votes: a credential that follows from the code and is in the election's list."""

from __future__ import annotations

from dataclasses import dataclass, field

from loopixmix.errors import PeerError
from loopixmix.group.group import Group, Scalars
from votes.ballot.ballots import CredentialPlace
from votes.credentials.codes import read_code
from votes.credentials.derivation import credentials_of, secrets_of
from votes.credentials.invitation import Invitation
from votes.record.election import Election
from votes.record.merkle import leaf_hash, proves_inclusion


class NotAVoterError(PeerError):
    """The code and the invitation are not for this election."""


@dataclass(frozen=True)
class Voter:
    """Somebody who may vote. `secret`: a column of one."""

    secret: Scalars = field(repr=False)
    credential: bytes
    place: CredentialPlace


def voter_of(election: Election, group: Group, code: str, invitation: Invitation) -> Voter:
    """Return who has this code. It never leaves the machine: all that leaves is the credential.

    Raises `CodeError` if the code is mistyped, `NotAVoterError` if the credential is not where the invitation says.
    """
    secret = secrets_of(group, bytes(election.salt), [read_code(code)])
    credential = credentials_of(group, secret).encode()
    root, path = bytes(election.credential_root), invitation.path
    if not proves_inclusion(leaf_hash(credential), invitation.index, election.voters, path, root):
        raise NotAVoterError("this code does not belong to this invitation: look whether both came with the same mail")
    return Voter(secret, credential, CredentialPlace(invitation.index, path))
