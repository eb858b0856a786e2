"""Which of many values are surely there: frequent trips, routes, cells, topics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from loopixmix.errors import MisuseError
from stats.estimate.reports import Numbers
from stats.estimate.shares import EstimatedShares
from stats.estimate.supporting import SupportCounts

FALSE_VALUES = 0.05


@dataclass(frozen=True)
class FrequentValue:
    """A value with its share, without bias, and the 95 % interval of it."""

    value: int
    share: float
    low: float
    high: float


def frequent_values(
    supports: SupportCounts, shares: EstimatedShares, *, most: int, false_values: float = FALSE_VALUES
) -> list[FrequentValue]:
    """Return at most `most` values that are surely there, the most frequent first; none that is hidden.

    Among thousands of values that nobody has, noise alone makes some look frequent. A value is surely there if so many
    supports of it by noise alone are improbable: the probability that the list has a value that nobody has is at most
    `false_values`, shared by all values (Bonferroni). Raise `MisuseError` if that is not over 0 and below 1.
    """
    if not 0 < false_values < 1:
        raise MisuseError(f"the probability of a false value is over 0 and below 1, not {false_values}")
    by_noise: Numbers = np.asarray(binom.sf(supports.supported - 1, supports.told, supports.q))
    sure = (by_noise <= false_values / len(by_noise)) & (supports.supported > 0) & ~shares.hidden
    order = np.argsort(-shares.raw, kind="stable")
    return [
        FrequentValue(int(value), float(shares.raw[value]), float(shares.low[value]), float(shares.high[value]))
        for value in order[sure[order]][:most]
    ]
