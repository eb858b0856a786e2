"""The single transferable vote, and instant run-off voting, which is that for one seat (docs/protocol/votes.md, 2.3).

votelib counts. It knows no rule for rounding and none for equal last options, so both are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import votelib.component.transfer
import votelib.evaluate.sequential

UNIT = 10**9
"""The value of a ballot: it is counted in units of 10^-9."""

Ballots: TypeAlias = dict[tuple[int, ...], int]
"""Rankings and how many ballots have each."""
Allocation: TypeAlias = dict[int | None, dict[tuple[int, ...], int]]
"""As votelib keeps it: for each option still in the race the rankings that count for it, with their value in units.

`None` has the rankings with nobody left on them.
"""


@dataclass(frozen=True)
class TransferRound:
    """One round. `votes`: of each option still in the race, in units; `exhausted`: of ballots with none of them left.

    `elected` and `out`: what the round decided; `by_lot`: options that were equal in all rounds, if a lot decided.
    """

    votes: Mapping[int, int]
    exhausted: int
    elected: tuple[int, ...]
    out: tuple[int, ...]
    by_lot: tuple[int, ...]


@dataclass(frozen=True)
class TransferCount:
    """All rounds. `quota`: in units; `winners`: in the order in which they won."""

    quota: int
    rounds: tuple[TransferRound, ...]
    winners: tuple[int, ...]


def count_transferable(ballots: Ballots, options: int, seats: int, *, lot: Callable[[int], bytes]) -> TransferCount:
    """Count by single transferable vote.

    `ballots`: at least one that ranks something; empty ones are passed over. `options`: how many there are, at least
    `seats`. `lot`: the lot of an option.
    """
    # An option that is on no ballot would not be known to votelib; this gives it no votes.
    known: Ballots = {(option,): 0 for option in range(options)}
    for ranking, count in ballots.items():
        if ranking:
            known[ranking] = known.get(ranking, 0) + count
    total = sum(known.values())
    last = _LastOption(lot)
    transfer = _RoundedDown(known)
    counting = votelib.evaluate.sequential.TransferableVoteDistributor(
        transferer=transfer, retainer=last, quota_function=_droop
    )
    allocation: Allocation = votelib.evaluate.sequential.initial_allocation(
        {ranking: count * UNIT for ranking, count in known.items()}, transfer
    )
    once = dict.fromkeys(range(options), 1)
    rounds: list[TransferRound] = []
    winners: dict[int, int] = {}
    while len(winners) < seats:
        votes = votelib.evaluate.sequential.allocation_totals(allocation)
        exhausted = votes.pop(None, 0)
        last.earlier.append(votes)
        last.by_lot = ()
        before = set(votes)
        allocation, elected = counting.next_count(allocation, seats, total, prev_gains=winners, max_seats=once)
        winners.update(elected)
        gone = () if elected else tuple(before - set(allocation))
        rounds.append(TransferRound(votes, exhausted, tuple(elected), gone, last.by_lot))
    return TransferCount(_droop(total, seats), tuple(rounds), tuple(winners))


def _droop(ballots: int, seats: int) -> int:
    """Return the quota in units. More than `seats` options cannot have it."""
    return (ballots // (seats + 1) + 1) * UNIT


@dataclass
class _LastOption:
    """Tells votelib which options stay in the race. `earlier`: the votes in all rounds, the present one included."""

    lot: Callable[[int], bytes]
    earlier: list[Mapping[int, int]] = field(default_factory=list)
    by_lot: tuple[int, ...] = ()

    def evaluate(self, votes: Mapping[int, int]) -> list[int]:
        """Return all options but the last one."""
        equal: Sequence[int] = sorted(votes)
        # The present round is the last of them: the fewest votes now, then the fewest in the round before, and so on.
        for of_round in reversed(self.earlier):
            fewest = min(of_round[option] for option in equal)
            equal = [option for option in equal if of_round[option] == fewest]
        out = equal[0]
        if len(equal) > 1:
            self.by_lot = tuple(equal)
            out = max(equal, key=self.lot)
        return [option for option in votes if option != out]


class _RoundedDown(votelib.component.transfer.VoteTransferer):  # type: ignore[misc]
    """The weighted inclusive Gregory method, with values of ballots rounded down to units.

    votelib's own keeps exact fractions. Their denominators double their length with each surplus, so ten winners would
    take longer than all else.
    """

    def __init__(self, ballots: Ballots) -> None:
        self._ballots = ballots
        self._onward = votelib.component.transfer.Gregory()

    def subtract(self, allocation: Allocation, elected: Mapping[int, int]) -> Allocation:
        """Take the quota off the winners' ballots. `elected`: winners and quotas."""
        return {
            option: self._reduced(rankings, elected[option]) if option in elected and option is not None else rankings
            for option, rankings in allocation.items()
        }

    def transfer(self, allocation: Allocation, candidates: Sequence[int]) -> Allocation:
        """Hand the ballots of options that left the race on."""
        moved: Allocation = self._onward.transfer(allocation, candidates)
        return moved

    def _reduced(self, rankings: Mapping[tuple[int, ...], int], quota: int) -> dict[tuple[int, ...], int]:
        total = sum(rankings.values())
        reduced = {}
        for ranking, units in rankings.items():
            # Equal rankings always have equal values, so the value of each is their units divided by their number.
            if count := self._ballots[ranking]:
                reduced[ranking] = units // count * (total - quota) // total * count
        return reduced
