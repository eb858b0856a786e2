"""Values, moments and shares in words."""

from __future__ import annotations

import pytest

from stats.dashboard.wording import bucket_edges, moment, percent, value_labels
from tests.worlds.stats_dashboard import AGE, HOME, LOAD, NOW_S, TRANSPORT, TRIP


def test_of_a_multiple_choice_options_are_named_and_of_others_values() -> None:
    assert list(value_labels(TRANSPORT)) == list(TRANSPORT.options)
    assert list(value_labels(HOME)) == list(HOME.options)
    trips = value_labels(TRIP)
    assert len(trips) == 16
    assert trips[1] == "Harbour -> Market"
    assert trips[14:16] == ["Hill -> Station", "Hill -> Hill"]
    with pytest.raises(IndexError):
        trips[16]


def test_only_numbers_have_edges() -> None:
    assert bucket_edges(AGE) == AGE.edges
    assert bucket_edges(LOAD) == (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
    assert bucket_edges(HOME) is None


def test_moments_and_shares_are_short() -> None:
    assert moment(NOW_S) == "2027-01-15 08:00 UTC"
    assert percent(0.12345) == "12.3 %"
