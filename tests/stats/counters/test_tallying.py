from __future__ import annotations

import json

import pytest

from loopixmix.errors import FormatError
from stats.counters.tallying import SeenCounts, begun, observed, read_counts
from tests.worlds.stats.counting import new_plan, status

PLAN = new_plan()


def seen(packets: int, replays: int | None = None, *, started_at_s: float = 1.0) -> SeenCounts:
    return read_counts(status(packets, replays, started_at_s=started_at_s), PLAN)


def test_counters_are_found_in_a_status() -> None:
    assert seen(5, 2) == SeenCounts(1.0, (5, 2))
    # No packet was dropped for this reason yet.
    assert seen(5) == SeenCounts(1.0, (5, 0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        json.dumps({"started_at_s": 1, "dropped": {}}).encode(),
        json.dumps({"started_at_s": 1, "packets_in": -1, "dropped": {}}).encode(),
        json.dumps({"started_at_s": 1, "packets_in": 1.5, "dropped": {}}).encode(),
        json.dumps({"started_at_s": 1, "packets_in": True, "dropped": {}}).encode(),
        json.dumps({"started_at_s": 1, "packets_in": 1}).encode(),
        json.dumps({"started_at_s": "x", "packets_in": 1, "dropped": {}}).encode(),
        json.dumps({"started_at_s": 1, "packets_in": 2**63, "dropped": {}}).encode(),
    ],
)
def test_a_status_without_the_counters_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_counts(data, PLAN)


def test_only_what_came_since_the_begin_is_counted() -> None:
    tally = begun(0, 2, complete=True, seen=seen(100, 1))
    assert observed(tally, seen(100, 1)).counted == (0, 0)
    tally = observed(tally, seen(130, 1))
    assert observed(tally, seen(150, 4)).counted == (50, 3)


def test_a_node_that_was_started_anew_counts_from_zero() -> None:
    tally = observed(begun(0, 2, complete=True, seen=seen(100, 5)), seen(7, 1, started_at_s=2.0))
    assert tally.counted == (7, 1)
    # Even if its clock was set back, so that it says the same begin.
    assert observed(tally, seen(3, 1, started_at_s=2.0)).counted == (10, 2)


def test_without_a_status_before_nothing_is_counted() -> None:
    tally = observed(begun(0, 2, complete=False, seen=None), seen(100, 5))
    assert tally.counted == (0, 0)
    assert observed(tally, seen(101, 5)).counted == (1, 0)
