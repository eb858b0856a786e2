"""The time of a packet: Erlang delays, links of any law, waiting for a turn and for a pull, convolved on a grid.

A law on a grid is exact up to the grid's step, which is the spread divided by some ten thousands; means and standard
deviations of the closed forms beside it are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import gammaincc, gammaincinv

from loopixmix.errors import MisuseError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Quantiles at 0 and 1 do not exist for an Erlang law; this far inside, the grid still has mass.
_LEAST = 1e-9
# Up to here the sum over Poisson events is several times as fast as the incomplete gamma function.
_FEW_STAGES = 8


def erlang_mean_s(stages: int, delay_mean_s: float) -> float:
    """Return the mean of the sum of `stages` exponential delays: k theta."""
    return stages * delay_mean_s


def erlang_sd_s(stages: int, delay_mean_s: float) -> float:
    """Return its standard deviation: sqrt(k) theta. Four hops of Exp(2): 2.0 s and 1.0 s (Loopix, Fig. 10)."""
    return sqrt(stages) * delay_mean_s


def erlang_cdf(stages: int, delay_mean_s: float, time_s: ArrayLike) -> FloatArray:
    """Return the probability that `stages` exponential delays of mean `delay_mean_s` last no longer than `time_s`."""
    return 1.0 - erlang_exceedance(stages, delay_mean_s, time_s)


def erlang_exceedance(stages: int, delay_mean_s: float, time_s: ArrayLike) -> FloatArray:
    """Return the probability that they last longer, to full precision if it is small."""
    times = np.asarray(time_s, dtype=np.float64)
    if stages == 0:
        return np.where(times >= 0, 0.0, 1.0)
    scaled = np.maximum(times, 0.0) / delay_mean_s
    # `gammaincc` and not 1 - `gammainc`: tails of 1e-12 decide how long a grid has to be.
    if stages > _FEW_STAGES:
        return np.asarray(gammaincc(stages, scaled), dtype=np.float64)
    # Not yet `stages` events of a Poisson process: several times as fast as the incomplete gamma function.
    term = np.exp(-scaled)
    fewer: FloatArray = term.copy()
    for event in range(1, stages):
        term *= scaled / event
        fewer += term
    return fewer


def erlang_quantile_s(stages: int, delay_mean_s: float, probability: float) -> float:
    """Return the time within which the sum of `stages` exponential delays is over with `probability` (0 to below 1)."""
    if not 0 <= probability < 1 or stages < 1 or delay_mean_s <= 0:
        raise MisuseError(f"no quantile {probability} of {stages} delays of mean {delay_mean_s}")
    return float(gammaincinv(stages, probability)) * delay_mean_s


@dataclass(frozen=True)
class Grid:
    """Times 0, step, 2 step, ...: `points` of them, on which laws of times are kept as masses that sum to one."""

    step_s: float
    points: int

    @property
    def times_s(self) -> FloatArray:
        """The times, seconds."""
        return np.arange(self.points, dtype=np.float64) * self.step_s

    @classmethod
    def up_to(cls, longest_s: float, points: int = 1 << 15) -> Grid:
        """Return the grid from 0 to `longest_s`, beyond which nothing of weight must lie."""
        if not 0 < longest_s < float("inf"):
            raise MisuseError(f"a grid ends at a positive time, not {longest_s}")
        return cls(longest_s / (points - 1), points)


@dataclass(frozen=True)
class Law:
    """The law of a time on a grid; `masses[i]` is the probability of the times about `least_s` and i steps."""

    grid: Grid
    masses: FloatArray
    least_s: float = 0.0

    @property
    def times_s(self) -> FloatArray:
        """The times that the masses belong to, seconds."""
        return self.least_s + self.grid.times_s

    @property
    def mean_s(self) -> float:
        """The mean, seconds."""
        return self.least_s + float(self.masses @ self.grid.times_s / self.masses.sum())

    @property
    def sd_s(self) -> float:
        """The standard deviation, seconds."""
        from_mean_s = self.grid.times_s - (self.mean_s - self.least_s)
        return sqrt(float(self.masses @ from_mean_s**2 / self.masses.sum()))

    @property
    def cdf(self) -> FloatArray:
        """The probability of no more than each of the times: half a time's own mass lies below it."""
        # A mass stands for the times around its own, so that half of it has passed at that time. Without the half each
        # quantile would be half a step late.
        return np.clip(np.cumsum(self.masses) - self.masses / 2, 0.0, 1.0)

    @property
    def entropy_nats(self) -> float:
        """The differential entropy, of a law that has a density."""
        known = self.masses[self.masses > 0]
        return -float(known @ np.log(known / self.grid.step_s)) / float(known.sum())

    def quantile_s(self, probability: float) -> float:
        """Return a quantile, seconds; see `quantiles_s`."""
        return float(self.quantiles_s([probability])[0])

    def quantiles_s(self, probabilities: ArrayLike) -> FloatArray:
        """Return quantiles, seconds, between the grid's times by linear interpolation.

        Laws without end have no least and greatest time: 0 and 1 stand for `_LEAST` from them.
        """
        within = np.clip(np.asarray(probabilities, dtype=np.float64), _LEAST, 1 - _LEAST)
        # Rounding lets the distribution function fall by some 1e-17 here and there, which `interp` does not allow.
        return np.interp(within, np.maximum.accumulate(self.cdf), self.times_s)

    def then(self, *others: Law) -> Law:
        """Return the law of this time and independent others, one after the other."""
        points = self.grid.points
        # Room for the whole sum: a shorter transform would wrap the longest times around to the shortest.
        length = next_fast_len((1 + len(others)) * points, real=True) if others else points
        spectrum = rfft(self.masses, length)
        for other in others:
            spectrum = spectrum * rfft(other.masses, length)
        # Constant parts are kept beside the grid. On it they would be spread over two times, and each link would add
        # its share to the variance.
        least_s = self.least_s + sum(other.least_s for other in others)
        return Law(self.grid, _tidy(np.asarray(irfft(spectrum, length), dtype=np.float64)[:points]), least_s)

    def longest_of(self, other: Law) -> Law:
        """Return the law of the longer of this time and an independent other."""
        mine, theirs = self.from_zero(), other.from_zero()
        # Both are over by t if each is: the distribution functions are multiplied.
        return Law(self.grid, np.diff(np.cumsum(mine.masses) * np.cumsum(theirs.masses), prepend=0.0))

    def from_zero(self) -> Law:
        """Return the same law with `least_s` 0, all of it on the grid."""
        if self.least_s == 0:
            return self
        return Law(self.grid, self.masses).then(Law(self.grid, _point(self.grid, self.least_s)))


def at_once(grid: Grid) -> Law:
    """Return the law of no time at all."""
    return fixed(grid, 0.0)


def fixed(grid: Grid, time_s: float) -> Law:
    """Return the law of always the same time, 0 or more; it need not lie on the grid."""
    if not 0 <= time_s < float("inf"):
        raise MisuseError(f"a time is 0 s or more, unlike {time_s}")
    return Law(grid, _point(grid, 0.0), time_s)


def erlang(grid: Grid, stages: int, delay_mean_s: float) -> Law:
    """Return the law of the sum of `stages` exponential delays; of no time if there are none."""
    if stages == 0:
        return at_once(grid)
    return _by_excess(grid, lambda times: _erlang_excess(stages, delay_mean_s, times))


def uniform(grid: Grid, low_s: float, high_s: float) -> Law:
    """Return the law of a time between `low_s` and `high_s`, all equally likely."""
    return piecewise(grid, ((0.0, low_s), (1.0, high_s)))


def piecewise(grid: Grid, quantiles: Sequence[tuple[float, float]]) -> Law:
    """Return the law through (probability, seconds) points that rise, straight between them.

    Below the first and above the last point lies what they leave over, at their times: as interpolation has it.
    """
    total = np.zeros(grid.points)
    (first, first_s), (last, last_s) = quantiles[0], quantiles[-1]
    total += first * _point(grid, first_s) + (1 - last) * _point(grid, last_s)
    for (below, below_s), (above, above_s) in pairwise(quantiles):
        # Two equal quantiles are a jump: a point of mass, not a density without bound.
        if above_s - below_s < grid.step_s * 1e-6:
            total += (above - below) * _point(grid, below_s)
        else:
            _within(grid, above_s)
            total += (above - below) * _by_excess(grid, partial(_uniform_excess, below_s, above_s)).masses
    return Law(grid, total)


def measured(grid: Grid, samples_s: ArrayLike) -> Law:
    """Return the law of samples, each shared by the two times of the grid beside it."""
    values = np.asarray(samples_s, dtype=np.float64)
    _within(grid, float(values.max()))
    places = values / grid.step_s
    below = np.floor(places).astype(np.int64)
    rest = places - below
    masses = np.bincount(below, weights=1 - rest, minlength=grid.points)
    masses += np.bincount(np.minimum(below + 1, grid.points - 1), weights=rest, minlength=grid.points)
    return Law(grid, masses / values.size)


def repeated(law: Law, times: int) -> Law:
    """Return the law of the sum of `times` independent times of one law, 0 or more."""
    return at_once(law.grid) if times == 0 else law.then(*[law] * (times - 1))


# A law's masses are its density against the hat functions of the grid, so that the mean is kept and the error of a
# quantile is of the order of the step squared: second differences of E[max(T - t, 0)], which falls to 0 where T ends.
def _by_excess(grid: Grid, excess: Callable[[FloatArray], FloatArray]) -> Law:
    times = np.arange(-1, grid.points + 1, dtype=np.float64) * grid.step_s
    return Law(grid, _tidy(np.diff(excess(times), 2) / grid.step_s))


def _erlang_excess(stages: int, delay_mean_s: float, times: FloatArray) -> FloatArray:
    mean_s = stages * delay_mean_s
    longer = mean_s * erlang_exceedance(stages + 1, delay_mean_s, times)
    return longer - times * erlang_exceedance(stages, delay_mean_s, times)


def _uniform_excess(low_s: float, high_s: float, times: FloatArray) -> FloatArray:
    above = np.clip(high_s - times, 0.0, high_s - low_s)
    return above**2 / (2 * (high_s - low_s)) + np.maximum(low_s - times, 0.0)


def _point(grid: Grid, time_s: float) -> FloatArray:
    # One time, its mass shared by the two times of the grid beside it.
    _within(grid, time_s)
    masses = np.zeros(grid.points)
    whole, rest = divmod(time_s / grid.step_s, 1.0)
    masses[int(whole)] += 1 - rest
    masses[min(int(whole) + 1, grid.points - 1)] += rest
    return masses


def _tidy(masses: FloatArray) -> FloatArray:
    # Transforms and differences leave some -1e-19, and no probability is below 0.
    return np.maximum(masses, 0.0)


def _within(grid: Grid, time_s: float) -> None:
    if time_s < 0 or time_s > grid.step_s * (grid.points - 1) * (1 + 1e-12):
        raise MisuseError(f"a time of {time_s} s does not lie on a grid up to {grid.step_s * (grid.points - 1)} s")
