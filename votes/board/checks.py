"""The checks of ballots that a board makes before it stores them: those of `votes.ballot`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loopixmix.errors import FormatError
from loopixmix.group.group import Group
from votes.ballot.ballots import COUNTER_BYTES, INDEX_BYTES, MOST_PATH, Ballot, BallotError
from votes.ballot.challenging import audit_opening
from votes.ballot.checking import BallotCheck
from votes.ballot.form import BallotForm, form_of
from votes.board.seams import MakeChecks
from votes.record.election import Election
from votes.record.entries import MOST_BODY_BYTES, EntryKind
from votes.record.fingerprint import FINGERPRINT_BYTES
from votes.record.merkle import HASH_BYTES

OPENING_HEAD_BYTES = 64
"""More than there is before and between ballot and randomness in an opening."""


class StoringChecks:
    """Everything that is wrong with a ballot, whatever else is stored."""

    def __init__(self, check: BallotCheck) -> None:
        """`check`: of the election."""
        self._check = check

    def check_many(self, encodings: Sequence[bytes], /) -> list[Ballot | BallotError]:
        """Return for each ballot what it is, or why it is refused."""
        return self._check.check_many(encodings)

    def check_opening(self, opening: bytes, /) -> Ballot:
        """Return the ballot that is opened instead of cast; raise `BallotError` if the opening does not fit it."""
        return audit_opening(self._check, opening).ballot


def checks_with(group: Group, is_listed: Callable[[bytes], bool]) -> MakeChecks:
    """Return what makes the checks of an election. `is_listed`: whether a credential is in its list.

    It raises `FormatError` if ballots of the election, or openings of them, are longer than entries may be.
    """

    def make(election: Election) -> StoringChecks:
        form = form_of(election, group)
        opening_bytes = longest_ballot(form) + form.width * group.scalar_bytes + OPENING_HEAD_BYTES
        if opening_bytes > MOST_BODY_BYTES[EntryKind.CHALLENGE]:
            raise FormatError(
                f"ballots of this election would have {longest_ballot(form)} bytes, which is too long: "
                "ask less in one election, or make two"
            )
        return StoringChecks(BallotCheck(form, is_listed=is_listed))

    return make


def longest_ballot(form: BallotForm) -> int:
    """Return how many bytes a ballot has at most."""
    group = form.group
    head = 1 + FINGERPRINT_BYTES + group.element_bytes + COUNTER_BYTES
    proof = (form.width + 1) * (group.element_bytes + group.scalar_bytes)
    return head + form.rows_bytes + proof + 1 + INDEX_BYTES + MOST_PATH * HASH_BYTES
