"""Which share of the people has each value, with intervals that hold sampling noise and privacy noise together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stats.estimate.binomial import CONFIDENCE, wilson
from stats.estimate.projection import onto_simplex, onto_unit
from stats.estimate.reports import Flags, Numbers
from stats.estimate.supporting import SupportCounts
from stats.estimate.suppression import MIN_CELL, hidden_values

NOISE_LABEL = "95 % intervals: sampling noise and privacy noise together"
OPEN_LABEL = "open survey: anybody may have answered, and as often as they liked"


@dataclass(frozen=True, eq=False)
class EstimatedShares:
    """The share of each value, one row of all arrays for each. Exports hold `raw`, pages show `possible`."""

    reports: int
    """How many reports there are."""
    raw: Numbers
    """Without bias; it may be below 0 or over 1."""
    low: Numbers
    high: Numbers
    """The 95 % interval around `raw`."""
    possible: Numbers
    """The nearest shares that are possible."""
    hidden: Flags
    """Which values are suppressed, because so few people seem to have them."""
    one_each: bool
    """Everybody has exactly one value, so the shares add up to one; not so for a multiple choice."""

    @property
    def counts(self) -> Numbers:
        """How many of those who sent the reports have each value, without bias."""
        return self.raw * self.reports

    def shown(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return possible shares, and the bounds of their intervals cut to possible shares; `nan` where hidden."""
        low, high = onto_unit(self.low), onto_unit(self.high)
        # A share that was moved by the projection stays within its interval on the page.
        low, high = np.minimum(low, self.possible), np.maximum(high, self.possible)
        return tuple(np.where(self.hidden, np.nan, each) for each in (self.possible, low, high))  # type: ignore[return-value]


def estimated_shares(
    supports: SupportCounts,
    *,
    one_each: bool,
    reports: int,
    min_cell: int = MIN_CELL,
    confidence: float = CONFIDENCE,
    repeats: int = 1,
) -> EstimatedShares:
    """Return the share of each value. `min_cell`: values that fewer people seem to have are hidden; 0 hides none.

    The number of supports is binomial if people are drawn at random from a population and each answer is randomised:
    so one interval for its probability, mapped as the estimate is, holds both kinds of noise. `repeats`: in so many
    periods one person may have sent the same report, which then tells as much as one.
    """
    told = np.maximum(supports.told, 1)
    raw = (supports.supported / told - supports.q) / supports.gap
    low, high = wilson(supports.supported / repeats, supports.told / repeats, confidence=confidence)
    low, high = (low - supports.q) / supports.gap, (high - supports.q) / supports.gap
    unknown = supports.told == 0
    raw = np.where(unknown, 0.0, raw)
    possible = onto_simplex(raw) if one_each else onto_unit(raw)
    hidden = hidden_values(raw * reports, one_each=one_each, min_cell=min_cell)
    return EstimatedShares(reports, raw, low, high, possible, hidden, one_each)
