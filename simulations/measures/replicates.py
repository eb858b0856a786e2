"""A measure over independent replicates: mean, spread, quantiles and a 95 % interval."""

from __future__ import annotations

from collections.abc import Iterable
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
    measured = np.array([value for value in values if not np.isnan(value)], dtype=np.float64)
    if measured.size == 0:
        return Estimate(0, float("nan"), None, None, None, (float("nan"),) * len(QUANTILES))
    mean = float(measured.mean())
    quantiles = tuple(np.quantile(measured, QUANTILES).tolist())
    # Of one there is no spread; n - 1 = 0 would give NaN for it, with a warning.
    if measured.size == 1:
        return Estimate(1, mean, None, None, None, quantiles)
    sd = float(measured.std(ddof=1))
    half = _student_t(measured.size - 1) * sd / float(np.sqrt(measured.size))
    return Estimate(measured.size, mean, sd, mean - half, mean + half, quantiles)


def _student_t(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + LEVEL) / 2))
