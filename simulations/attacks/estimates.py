"""Shares that were measured, with the interval in which the true share lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loopixmix.errors import MisuseError

FloatArray: TypeAlias = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class ShareEstimate:
    """A share measured in trials: `successes` of `trials`, and its 95 % interval from `low` to `high`."""

    successes: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share itself."""
        return self.successes / self.trials

    @classmethod
    def of_trials(cls, successes: int, trials: int, *, confidence: float = CONFIDENCE) -> ShareEstimate:
        """Return the exact (Clopper-Pearson 1934) interval for independent trials.

        `trials`: 1 or more; `successes`: 0 to `trials`; `confidence`: above 0, below 1. Raises `MisuseError`.
        """
        from scipy.stats import beta

        if trials < 1 or not 0 <= successes <= trials:
            raise MisuseError(f"{successes} successes of {trials} trials cannot be")
        if not 0 < confidence < 1:
            raise MisuseError(f"confidence must be above 0 and below 1, not {confidence}")
        tail = (1 - confidence) / 2
        # Exact and not the normal approximation, which gives an interval of no width if nothing succeeded.
        low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
        high = float(beta.ppf(1 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
        return cls(successes=successes, trials=trials, low=low, high=high)

    def figures(self, name: str) -> dict[str, float]:
        """Return the share and its interval as figures: `name`, `name.low`, `name.high`."""
        return {name: self.share, f"{name}.low": self.low, f"{name}.high": self.high}


@dataclass(frozen=True)
class MeanEstimate:
    """A mean of independent trials, and its 95 % interval from `low` to `high`; of one trial there is none."""

    mean: float
    trials: int
    low: float
    high: float

    @classmethod
    def of_trials(cls, values: FloatArray) -> MeanEstimate:
        """Return the mean of one or more values with Student's t-interval."""
        from scipy.stats import t

        trials = values.size
        if trials < 1:
            raise MisuseError("a mean needs a value")
        mean = float(values.mean())
        if trials == 1:
            return cls(mean=mean, trials=1, low=mean, high=mean)
        error = float(values.std(ddof=1)) / trials**0.5 * float(t.ppf((1 + CONFIDENCE) / 2, trials - 1))
        return cls(mean=mean, trials=trials, low=mean - error, high=mean + error)

    def figures(self, name: str) -> dict[str, float]:
        """Return the mean and its interval as figures: `name`, `name.low`, `name.high`."""
        return {name: self.mean, f"{name}.low": self.low, f"{name}.high": self.high}
