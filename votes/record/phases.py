"""The phases of an election, and the signed transitions between them (docs/protocol/votes.md, 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

from loopixmix.errors import PeerError
from loopixmix.seams import Identity
from votes.record.election import Election
from votes.record.entries import EntryKind
from votes.record.signing import SigningPurpose
from votes.record.statements import Statement, open_statement, reason_problem


class TransitionError(PeerError):
    """The election cannot go on in this way now."""


class Phase(Enum):
    """How far an election is."""

    DRAFT = "draft"
    LISTED = "listed"
    KEYED = "keyed"
    FROZEN = "frozen"
    OPEN = "open"
    CLOSED = "closed"
    MIXED = "mixed"
    DECRYPTED = "decrypted"
    PUBLISHED = "published"
    ABANDONED = "abandoned"


class SignerRole(Enum):
    """Who signs a transition: the name of a field of the record."""

    ADMINISTRATOR = "administrator"
    CREDENTIAL_AUTHORITY = "credential_authority"
    BOARD = "board"


SIGNED_BY: Mapping[tuple[Phase, Phase], SignerRole] = {
    (Phase.DRAFT, Phase.LISTED): SignerRole.CREDENTIAL_AUTHORITY,
    (Phase.LISTED, Phase.KEYED): SignerRole.ADMINISTRATOR,
    (Phase.KEYED, Phase.FROZEN): SignerRole.ADMINISTRATOR,
    (Phase.FROZEN, Phase.OPEN): SignerRole.BOARD,
    (Phase.OPEN, Phase.CLOSED): SignerRole.BOARD,
    (Phase.CLOSED, Phase.MIXED): SignerRole.ADMINISTRATOR,
    (Phase.MIXED, Phase.DECRYPTED): SignerRole.ADMINISTRATOR,
    (Phase.DECRYPTED, Phase.PUBLISHED): SignerRole.ADMINISTRATOR,
    (Phase.DRAFT, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.LISTED, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.KEYED, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.FROZEN, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.OPEN, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.CLOSED, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.MIXED, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
    (Phase.DECRYPTED, Phase.ABANDONED): SignerRole.ADMINISTRATOR,
}
"""The phase table: every transition that there is, and who signs it."""


ALLOWED_IN: Mapping[EntryKind, tuple[Phase, ...]] = {
    EntryKind.RECORD: (),
    EntryKind.TRANSITION: tuple(Phase),
    EntryKind.BALLOT: (Phase.OPEN,),
    EntryKind.EXCLUSION: (Phase.OPEN, Phase.CLOSED),
    EntryKind.MIX: (Phase.CLOSED,),
    EntryKind.SHARES: (Phase.MIXED,),
    EntryKind.RESULT: (Phase.DECRYPTED,),
    EntryKind.CHALLENGE: (Phase.OPEN,),
    EntryKind.ERASURE: tuple(Phase),
    EntryKind.APPROVAL: (Phase.FROZEN,),
    EntryKind.LISTS: (Phase.MIXED,),
    EntryKind.OBJECTION: tuple(Phase),
}
"""In which phases an entry may be written. The record is the first entry, and no later one is a record."""


class Transition(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The election goes on. `at_s`: Unix seconds. `reason`: why it ends without a result; otherwise empty.

    Before the freeze `fingerprint` is the digest of the draft.
    """

    purpose = SigningPurpose.TRANSITION

    before: Phase = msgspec.field(name="from")
    after: Phase = msgspec.field(name="to")
    at_s: int = msgspec.field(name="time")
    reason: str

    def problem(self) -> str | None:
        """Say what is wrong."""
        if (self.before, self.after) not in SIGNED_BY:
            return f"from is {self.before.value} and to is {self.after.value}; the phase table has no such transition"
        if self.after is Phase.ABANDONED:
            return super().problem() or reason_problem(self.reason, 1)
        return super().problem() or (f"reason is {self.reason!r}; allowed is an empty one" if self.reason else None)


def signer_of(transition: Transition, election: Election) -> Identity:
    """Return who has to sign a transition, by the phase table."""
    match SIGNED_BY[transition.before, transition.after]:
        case SignerRole.ADMINISTRATOR:
            return election.administrator.identity
        case SignerRole.CREDENTIAL_AUTHORITY:
            return election.credential_authority.identity
        case SignerRole.BOARD:
            return election.board.identity


def open_transition(body: bytes, election: Election, fingerprint: bytes, *, phase: Phase) -> Transition:
    """Return the transition in `body`, of an election that is in `phase`.

    `fingerprint`: of the election, or its draft digest before the freeze. Raises `TransitionError` if it is one from
    another phase, before its time or of another election, `FormatError` and `SignatureError`.
    """
    transition = open_statement(body, Transition, lambda each: signer_of(each, election))
    if transition.fingerprint != fingerprint:
        raise TransitionError("the transition is one of another election")
    if transition.before is not phase:
        raise TransitionError(
            f"the election is {phase.value}; a transition from {transition.before.value} does not fit"
        )
    earliest = {Phase.OPEN: election.opens_at, Phase.CLOSED: election.closes_at}.get(transition.after, 0)
    if transition.at_s < earliest:
        raise TransitionError(f"the election is {transition.after.value} from {earliest} on, not at {transition.at_s}")
    return transition
