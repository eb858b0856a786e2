"""Rankings: Schulze's method and Borda's count, by votelib (docs/protocol/votes.md, 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import votelib.component.rankscore
import votelib.convert
import votelib.evaluate.condorcet

from votes.tally.transferable import Ballots


def borda_points(ballots: Ballots, options: int) -> list[int]:
    """Return the points of each option: of `n` options the first on a ballot gets `n`, the next `n - 1`, and so on."""
    convert = votelib.convert.RankedToPositionalVotes(votelib.component.rankscore.Borda(base=1))
    points: Mapping[int, int] = convert.convert(_with_all(ballots, options))
    return [points[option] for option in range(options)]


@dataclass(frozen=True)
class PairwiseCount:
    """What Schulze's method finds. `wins[x, y]`: how many ballots put `x` before `y`.

    `layers`: the options before which no other is, then those of the rest, and so on.
    """

    wins: Mapping[tuple[int, int], int]
    layers: tuple[tuple[int, ...], ...]


def count_pairwise(ballots: Ballots, options: int) -> PairwiseCount:
    """Compare all pairs of options, and order them by Schulze's method (Schulze 2011).

    votelib finds the strengths of the paths. Its own order counts how many others an option is before, which puts one
    of several equal ones first; the page says that these are equal.
    """
    wins = votelib.convert.RankedToCondorcetVotes().convert(_with_all(ballots, options))
    paths = votelib.evaluate.condorcet.Schulze.widest_paths(wins)
    left = list(range(options))
    layers: list[tuple[int, ...]] = []
    while left:
        first = tuple(x for x in left if all(paths.get((x, y), 0) >= paths.get((y, x), 0) for y in left if y != x))
        layers.append(first)
        left = [option for option in left if option not in first]
    return PairwiseCount(wins, tuple(layers))


def _with_all(ballots: Ballots, options: int) -> Ballots:
    """Return the ballots, and none for each option: votelib knows only options that are on a ballot."""
    return {**{(option,): 0 for option in range(options) if (option,) not in ballots}, **ballots}
