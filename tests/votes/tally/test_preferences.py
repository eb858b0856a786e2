"""Rankings, counted by each method."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from loopixmix.group.ristretto import ristretto255
from tests.worlds.vote_polls import rank
from votes.ballot.choices import Ranking
from votes.ballot.plaintexts import coding_of
from votes.record.polls import RankPoll
from votes.tally.counts import count_choices
from votes.tally.outcomes import PollOutcome, Winners
from votes.tally.preferences import ranking_outcome

BURLINGTON = {(0, 1, 2): 13, (0, 2, 1): 8, (0,): 5, (1, 0, 2): 20, (1,): 10, (2, 0, 1): 15, (2, 1, 0): 5, (2,): 13}


def _outcome(poll: RankPoll, ballots: Mapping[tuple[int, ...], int]) -> PollOutcome:
    choices = [Ranking(order) for order, count in ballots.items() for _ in range(count)]
    counts = count_choices(coding_of(poll, ristretto255()), choices)
    return ranking_outcome(poll, counts, lambda option: bytes([option]))


@pytest.mark.parametrize(("method", "winner"), [("irv", 1), ("stv", 1), ("schulze", 0), ("borda", 0)])
def test_methods_differ_in_whom_they_elect(method: str, winner: int) -> None:
    outcome = _outcome(rank(3, least=0, most=3, method=method), BURLINGTON)
    assert outcome.winners == Winners((f"Option {winner + 1}",))


def test_first_places_are_always_told() -> None:
    outcome = _outcome(rank(3, least=0, most=3, method="counts"), {**BURLINGTON, (): 2})
    assert outcome.winners is None
    assert [row.figures for row in outcome.tables[0].rows] == [(26, 66), (30, 71), (33, 74)]


def test_the_rounds_are_a_table() -> None:
    outcome = _outcome(rank(3, least=0, most=3, method="irv"), BURLINGTON)
    assert outcome.notes == ("The quota is 45 ballots.",)
    rounds = outcome.tables[1]
    assert rounds.columns == ("option", "round 1", "round 2", "round 3", "result")
    assert [(row.name, row.figures) for row in rounds.rows] == [
        ("Option 1", (26, "", "", "out in round 1")),
        ("Option 2", (30, 43, 71, "elected in round 3")),
        ("Option 3", (33, 41, "", "out in round 2")),
        ("(no option left on the ballot)", (0, 5, 18, "")),
    ]


def test_parts_of_votes_have_up_to_nine_decimals() -> None:
    outcome = _outcome(rank(3, least=1, most=3, method="stv", seats=2), {(0, 1): 4, (0, 2): 3, (2,): 2, (1,): 1})
    assert [row.figures[1] for row in outcome.tables[1].rows] == ["", "2.714285712", "3.285714284", 0]


def test_a_lot_is_told() -> None:
    outcome = _outcome(rank(3, least=1, most=3, method="irv"), {(0,): 2, (1,): 1, (2,): 1})
    assert outcome.notes[1] == "Round 1: Option 2, Option 3 were equal in all rounds; by lot Option 3 was out."


def test_schulze_shows_order_and_pairs() -> None:
    outcome = _outcome(rank(3, least=0, most=3, method="schulze"), BURLINGTON)
    order, pairs, _ = outcome.tables
    assert [(row.name, row.figures) for row in order.rows] == [
        ("Option 1", (1,)),
        ("Option 2", (2,)),
        ("Option 3", (3,)),
    ]
    assert pairs.rows[0].figures == ("", 41, 46)


@pytest.mark.parametrize("method", ["irv", "stv", "schulze", "borda"])
def test_without_rankings_all_are_equal(method: str) -> None:
    """Without ballots instant run-off voting would draw the winner by lot."""
    poll = rank(2, least=0, most=2, method=method)
    for ballots in ({}, {(): 3}):
        assert _outcome(poll, ballots).winners == Winners((), ("Option 1", "Option 2"), 1)
