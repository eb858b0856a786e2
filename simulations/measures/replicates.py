"""A measure over independent replicates: mean, spread, quantiles and a 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Estimate:
    """A measure over `count` independent replicates.

    `low` and `high` bound the 95 % interval of the mean by Student's t with count - 1 degrees of freedom; both are None
    if one replicate, or none, says nothing of the spread. `sd` is the standard deviation between replicates, None
    likewise. `quantiles` are those over replicates at `QUANTILES`.
    """

    count: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    quantiles: tuple[float, ...]

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width: the figure after the sign ±."""
        return None if self.high is None else self.high - self.mean

    def holds(self, value: float) -> bool:
        """Tell whether the interval holds `value`; never if there is no interval."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high


def estimate(values: Iterable[float]) -> Estimate:
    """Return what replicates say together; those that are not a number, being not measured, are not counted.

    Source: Law, Simulation Modeling and Analysis, 9.4.1 (replication and deletion).
    """
    # NaN stands for not measured. Counted as a value, it would make every mean NaN.
    found = [float(value) for value in values if not math.isnan(value)]
    if not found:
        return Estimate(0, float("nan"), None, None, None, (float("nan"),) * len(QUANTILES))
    # Of one there is no spread; n - 1 = 0 would give NaN for it, with a warning.
    if len(found) == 1:
        return Estimate(1, found[0], None, None, None, (found[0],) * len(QUANTILES))
    measured = np.array(found, dtype=np.float64)
    mean, sd = float(measured.mean()), float(measured.std(ddof=1))
    half = _student_t(len(found) - 1) * sd / math.sqrt(len(found))
    ordered = sorted(found)
    quantiles = tuple(_quantile(ordered, probability) for probability in QUANTILES)
    return Estimate(len(found), mean, sd, mean - half, mean + half, quantiles)


def _quantile(ordered: Sequence[float], probability: float) -> float:
    """Return what `np.quantile` does, to the bit; for a few values it takes a hundred times as long.

    A sweep of a thousand points has ten thousand estimates, which a reader waits for.
    """
    place = probability * (len(ordered) - 1)
    before = math.floor(place)
    low, high = ordered[before], ordered[min(before + 1, len(ordered) - 1)]
    share = place - before
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _student_t(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + LEVEL) / 2))
