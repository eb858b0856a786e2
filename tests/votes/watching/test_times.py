from __future__ import annotations

import pytest

from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import CLOSES_AT, OPENS_AT, new_election
from votes.record.phases import Phase
from votes.watching.times import EARLY_CLOSING, EARLY_OPENING, LATE_CLOSING, TOLERANCE_S, wrong_times

ELECTION = new_election(ristretto255()).election


@pytest.mark.parametrize(
    ("phase", "now_s", "names"),
    [
        (Phase.FROZEN, OPENS_AT - 9999, []),
        (Phase.OPEN, OPENS_AT - TOLERANCE_S, []),
        (Phase.OPEN, OPENS_AT - TOLERANCE_S - 1, [EARLY_OPENING]),
        (Phase.OPEN, CLOSES_AT + TOLERANCE_S, []),
        (Phase.OPEN, CLOSES_AT + TOLERANCE_S + 1, [LATE_CLOSING]),
        (Phase.CLOSED, CLOSES_AT - TOLERANCE_S, []),
        (Phase.CLOSED, CLOSES_AT - TOLERANCE_S - 1, [EARLY_CLOSING]),
        (Phase.MIXED, CLOSES_AT - 9999, [EARLY_CLOSING]),
        (Phase.MIXED, CLOSES_AT + 9999, []),
        (Phase.CLOSED, OPENS_AT - 9999, [EARLY_OPENING, EARLY_CLOSING]),
        (Phase.ABANDONED, OPENS_AT, []),
    ],
)
def test_a_board_that_opens_or_closes_at_another_time_is_named(phase: Phase, now_s: float, names: list[str]) -> None:
    assert [name for name, _ in wrong_times(ELECTION, phase, now_s, now_s)] == names


def test_both_times_are_told() -> None:
    [(_, told)] = wrong_times(ELECTION, Phase.CLOSED, CLOSES_AT - 3601, CLOSES_AT - 3600)
    assert told == (
        "the board has closed at 2027-01-16 07:00:00 UTC by my clock; it was to close at 2027-01-16 08:00:00 UTC"
    )


def test_a_slow_answer_convicts_nobody() -> None:
    """Asked before the end, and answered long after it: the board may have closed in between, and on time."""
    assert list(wrong_times(ELECTION, Phase.OPEN, CLOSES_AT - 10, CLOSES_AT + 9999)) == []
    assert list(wrong_times(ELECTION, Phase.CLOSED, CLOSES_AT - 9999, CLOSES_AT + 10)) == []
