"""Where people are, and from where to where they go: heat maps of cells, flows between places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loopixmix.errors import MisuseError
from stats.estimate.binomial import CONFIDENCE, deviations
from stats.estimate.reports import Flags, Integers, Numbers
from stats.estimate.shares import EstimatedShares
from stats.estimate.sums import ShareSums

MOST_PLACES_SUMMED = 128
"""Each of so many places takes two transforms of all pairs; beyond it a page would wait for seconds."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """The share of people in each cell, row 0 in the south and column 0 in the west."""

    possible: Numbers
    raw: Numbers
    low: Numbers
    high: Numbers
    hidden: Flags
    outside: float
    """The share of those who are outside of the grid, as far as it is possible."""


@dataclass(frozen=True, eq=False)
class PlaceFlows:
    """Of each place the share of trips that begin there (`leaving`), and that end there (`arriving`).

    Each has one row for a place: share without bias, and lower and upper bound of its 95 % interval.
    """

    leaving: Numbers
    arriving: Numbers


def heat_map(shares: EstimatedShares, rows: int, columns: int) -> HeatMap:
    """Put the shares of cells into a grid; raise `MisuseError` if it has another number of cells."""
    if len(shares.raw) != rows * columns + 1:
        raise MisuseError(f"a grid of {rows} by {columns} has {rows * columns + 1} values, not {len(shares.raw)}")

    def grid(column: Numbers) -> Numbers:
        return column[:-1].reshape(rows, columns)

    hidden: Flags = shares.hidden[:-1].reshape(rows, columns)
    outside = float(shares.possible[-1])
    return HeatMap(grid(shares.possible), grid(shares.raw), grid(shares.low), grid(shares.high), hidden, outside)


def place_flows(sums: ShareSums, places: int, *, confidence: float = CONFIDENCE) -> PlaceFlows:
    """Sum the shares of trips by origin and by destination; value = origin * places + destination.

    Raise `MisuseError` if there is another number of values, or if there are over `MOST_PLACES_SUMMED` places.
    """
    if len(sums.raw) != places**2 or places > MOST_PLACES_SUMMED:
        raise MisuseError(f"flows are those between at most {MOST_PLACES_SUMMED} places, each pair a value")
    z, pairs = deviations(confidence), np.arange(places**2, dtype=np.int64)

    def summed(place_of: Integers) -> Numbers:
        found = [sums.of((place_of == place).astype(float)) for place in range(places)]
        return np.array(
            [(each.value, each.value - z * each.deviation, each.value + z * each.deviation) for each in found]
        )

    return PlaceFlows(summed(pairs // places), summed(pairs % places))
