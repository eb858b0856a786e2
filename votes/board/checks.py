"""The checks of ballots that a board makes before it stores them: those of `votes.ballot`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loopixmix.group.group import Group
from votes.ballot.ballots import Ballot, BallotError
from votes.ballot.challenging import audit_opening
from votes.ballot.checking import BallotCheck
from votes.ballot.form import form_of
from votes.board.seams import MakeChecks
from votes.record.election import Election


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
    """Return what makes the checks of an election. `is_listed`: whether a credential is in its list."""

    def make(election: Election) -> StoringChecks:
        return StoringChecks(BallotCheck(form_of(election, group), is_listed=is_listed))

    return make
