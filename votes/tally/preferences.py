"""Polls in which a ballot ranks options."""

from __future__ import annotations

from collections.abc import Callable

from votes.ballot.choices import Ranking
from votes.record.polls import RankPoll
from votes.tally.counts import ChoiceCounts
from votes.tally.outcomes import Elected, Figure, FigureRow, FigureTable, PollOutcome
from votes.tally.ranked import borda_points, count_pairwise
from votes.tally.seats import elected_by_layers, highest
from votes.tally.transferable import UNIT, Ballots, TransferCount, count_transferable

Lot = Callable[[int], bytes]
"""Gives the lot of an option."""


def ranking_outcome(poll: RankPoll, counts: ChoiceCounts, lot: Lot) -> PollOutcome:
    """Count rankings by the poll's method."""
    ballots: Ballots = {each.choice.order: each.count for each in counts.choices if isinstance(each.choice, Ranking)}
    places = _places(poll, ballots)
    if not any(ballots):
        # Nobody ranked anything: no method finds an order in that.
        elected = Elected((), tuple(range(len(poll.options))), poll.seats)
        return PollOutcome(None if poll.method == "counts" else elected.named(poll.options), (places,))
    if poll.method == "counts":
        return PollOutcome(None, (places,))
    if poll.method == "borda":
        return _borda(poll, ballots, places)
    return _schulze(poll, ballots, places) if poll.method == "schulze" else _transferable(poll, ballots, places, lot)


def _places(poll: RankPoll, ballots: Ballots) -> FigureTable:
    first, anywhere = [0] * len(poll.options), [0] * len(poll.options)
    for order, count in ballots.items():
        for option in order:
            anywhere[option] += count
        if order:
            first[order[0]] += count
    rows = tuple(FigureRow(name, (first[at], anywhere[at])) for at, name in enumerate(poll.options))
    return FigureTable("First places", ("option", "in the first place", "ranked at all"), rows, charted=0)


def _transferable(poll: RankPoll, ballots: Ballots, places: FigureTable, lot: Lot) -> PollOutcome:
    counted = count_transferable(ballots, len(poll.options), poll.seats, lot=lot)
    notes = [f"The quota is {_figure(counted.quota)} ballots."]
    for number, each in enumerate(counted.rounds, start=1):
        if each.by_lot:
            equal = ", ".join(poll.options[option] for option in each.by_lot)
            out = poll.options[each.out[0]]
            notes.append(f"Round {number}: {equal} were equal in all rounds; by lot {out} was out.")
    winners = Elected(counted.winners).named(poll.options)
    return PollOutcome(winners, (places, _rounds(poll, counted)), tuple(notes))


def _rounds(poll: RankPoll, counted: TransferCount) -> FigureTable:
    """Return the votes of each option in each round, and what became of it."""
    columns = ("option", *(f"round {number}" for number in range(1, len(counted.rounds) + 1)), "result")
    fate: dict[int, str] = {}
    for number, each in enumerate(counted.rounds, start=1):
        fate.update(dict.fromkeys(each.elected, f"elected in round {number}"))
        fate.update(dict.fromkeys(each.out, f"out in round {number}"))
    rows = [
        FigureRow(
            name,
            (
                *(_figure(each.votes[option]) if option in each.votes else "" for each in counted.rounds),
                fate.get(option, "left over"),
            ),
        )
        for option, name in enumerate(poll.options)
    ]
    exhausted = (_figure(each.exhausted) for each in counted.rounds)
    rows.append(FigureRow("(no option left on the ballot)", (*exhausted, "")))
    return FigureTable("Rounds", columns, tuple(rows))


def _figure(units: int) -> Figure:
    """Return units of 10^-9 as a decimal number, without zeros at its end."""
    whole, rest = divmod(units, UNIT)
    return f"{whole}.{rest:09d}".rstrip("0") if rest else whole


def _schulze(poll: RankPoll, ballots: Ballots, places: FigureTable) -> PollOutcome:
    pairs = count_pairwise(ballots, len(poll.options))
    place_of: dict[int, int] = {}
    for layer in pairs.layers:
        place_of.update(dict.fromkeys(layer, len(place_of) + 1))
    order = FigureTable(
        "Order",
        ("option", "place"),
        tuple(FigureRow(poll.options[option], (place_of[option],)) for layer in pairs.layers for option in layer),
    )
    options = range(len(poll.options))
    rows = (
        FigureRow(
            name,
            tuple("" if x == y else pairs.wins.get((x, y), 0) for y in options),
        )
        for x, name in enumerate(poll.options)
    )
    duels = FigureTable("Ballots that put the option of the row first", ("option", *poll.options), tuple(rows))
    winners = elected_by_layers(pairs.layers, poll.seats).named(poll.options)
    return PollOutcome(winners, (order, duels, places))


def _borda(poll: RankPoll, ballots: Ballots, places: FigureTable) -> PollOutcome:
    points = borda_points(ballots, len(poll.options))
    rows = tuple(FigureRow(name, (points[at],)) for at, name in enumerate(poll.options))
    table = FigureTable("Points", ("option", "points"), rows, charted=0)
    winners = highest(dict(enumerate(points)), poll.seats).named(poll.options)
    return PollOutcome(winners, (table, places))
