"""The form of an election's ballots: how long each part is, and whose they are (docs/protocol/votes.md, 4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from loopixmix.group.group import Elements, Group
from votes.ballot.plaintexts import PollCoding, coding_of
from votes.record.election import Election, encode_election
from votes.record.fingerprint import fingerprint_of


@dataclass(frozen=True)
class BallotForm:
    """All that is the same for all ballots of one election.

    `codings`: for each poll, in the order of the record. `public_key`: `Y`, a column of one. `voters` and
    `credential_root`: how many credentials there are, and the Merkle root of their list.
    """

    group: Group
    fingerprint: bytes
    public_key: Elements
    codings: tuple[PollCoding, ...]
    voters: int
    credential_root: bytes

    @cached_property
    def width(self) -> int:
        """How many ciphertexts a ballot has, of all polls together."""
        return sum(coding.width for coding in self.codings)

    @property
    def rows_bytes(self) -> int:
        """The length of a ballot's ciphertexts."""
        return 2 * self.width * self.group.element_bytes

    def first_pair(self, poll: int) -> int:
        """Return the place of a poll's first ciphertext among all of a ballot."""
        return sum(coding.width for coding in self.codings[:poll])


def form_of(election: Election, group: Group) -> BallotForm:
    """Return the form of an election's ballots.

    Raises `BadElementError` if the election's key is no element of the group; a record that was checked has one.
    """
    return BallotForm(
        group=group,
        fingerprint=fingerprint_of(encode_election(election)),
        public_key=group.elements(election.public_key),
        codings=tuple(coding_of(poll, group) for poll in election.polls),
        voters=election.voters,
        credential_root=bytes(election.credential_root),
    )
