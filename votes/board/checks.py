"""The checks of ballots by `votes.ballot`, as the board uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loopixmix.errors import FormatError, PeerError
from loopixmix.group.group import Group
from votes.ballot.ballots import COUNTER_BYTES, INDEX_BYTES, MOST_PATH, Ballot
from votes.ballot.challenging import audit_opening
from votes.ballot.checking import BallotCheck
from votes.ballot.form import BallotForm, form_of
from votes.record.election import Election
from votes.record.entries import MOST_BODY_BYTES, EntryKind
from votes.record.fingerprint import FINGERPRINT_BYTES
from votes.record.merkle import HASH_BYTES


class ElectionChecks:
    """Checks the ballots of one election."""

    def __init__(self, election: Election, group: Group, *, is_listed: Callable[[bytes], bool]) -> None:
        """`is_listed`: for ballots that bring no proof of their credential.

        Raises `FormatError` if ballots of this election, or openings of them, are longer than entries may be.
        """
        form = form_of(election, group)
        opening_bytes = longest_ballot(form) + form.width * group.scalar_bytes + 64
        if opening_bytes > MOST_BODY_BYTES[EntryKind.CHALLENGE]:
            raise FormatError(
                f"ballots of this election would have {longest_ballot(form)} bytes, which is too long: "
                "ask less in one election, or make two"
            )
        self._check = BallotCheck(form, is_listed=is_listed)

    def check_many(self, encodings: Sequence[bytes], /) -> Sequence[Ballot | PeerError]:
        """Return for each ballot what it is, or why it is refused; all proofs are checked in one sum."""
        return self._check.check_many(encodings)

    def check_opening(self, opening: bytes, /) -> Ballot:
        """Return the ballot that is opened; raise `PeerError` if the opening does not fit."""
        return audit_opening(self._check, opening).ballot


def longest_ballot(form: BallotForm) -> int:
    """Return how many bytes a ballot has at most."""
    group = form.group
    head = 1 + FINGERPRINT_BYTES + group.element_bytes + COUNTER_BYTES
    proof = (form.width + 1) * (group.element_bytes + group.scalar_bytes)
    return head + form.rows_bytes + proof + 1 + INDEX_BYTES + MOST_PATH * HASH_BYTES
