"""Cast or audit: a ballot that is opened shows what it says, and never counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.worlds.voters import CHOICES, Voters
from votes.ballot.ballots import BallotError
from votes.ballot.challenging import audit_opening, open_ballot
from votes.ballot.making import MadeBallot, OpeningError
from votes.ballot.weeding import NotCounted, StoredBallot, weed

VOTERS = Voters()


def test_anybody_can_see_what_a_challenged_ballot_says() -> None:
    made = VOTERS.made()
    audited = audit_opening(VOTERS.check, open_ballot(made))
    assert (audited.ballot, audited.choices) == (made.ballot, CHOICES)


def test_a_challenged_ballot_never_counts() -> None:
    challenged, cast = VOTERS.made(0, counter=2), VOTERS.made(0, counter=1)
    digest = audit_opening(VOTERS.check, open_ballot(challenged)).ballot.digest
    stored = [StoredBallot(5, cast.ballot), StoredBallot(6, challenged.ballot)]
    weeded = weed(stored, excluded=frozenset(), challenged={digest})
    assert weeded.counting == (stored[0],)
    assert weeded.not_counted == {6: NotCounted.CHALLENGED}


def test_a_ballot_cannot_be_opened_by_somebody_else() -> None:
    """Nobody but its author can have a ballot challenged away."""
    victim, own = VOTERS.made(0), VOTERS.made(1)
    with pytest.raises(OpeningError, match="was not made with this randomness"):
        audit_opening(VOTERS.check, open_ballot(MadeBallot(victim.ballot, own.randomness)))


def test_nobody_opens_a_ballot_in_the_name_of_another() -> None:
    made = VOTERS.made(0)
    opening, other = open_ballot(made), VOTERS.voters[1].credential
    forged = opening[: 5 + 33] + other + opening[5 + 65 :]
    with pytest.raises(BallotError):
        audit_opening(VOTERS.check, forged)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda opening: b"\1\0\0", "begins with version 1 and a length"),
        (lambda opening: b"\2" + opening[1:], "begins with version 1 and a length"),
        (lambda opening: opening + b"\0", "a ballot and 4 scalars are allowed"),
        (lambda opening: opening[:-32], "a ballot and 4 scalars are allowed"),
        (lambda opening: opening[:1] + b"\xff" * 4 + opening[5:], "a ballot and 4 scalars are allowed"),
        (lambda opening: opening[:-32] + b"\xff" * 32, "not in its only allowed form"),
    ],
)
def test_other_bytes_are_no_opening(change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(OpeningError, match=reason):
        audit_opening(VOTERS.check, change(open_ballot(VOTERS.made())))
