"""Means and quantiles of numbers of which only the bucket was reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loopixmix.errors import MisuseError
from stats.estimate.binomial import CONFIDENCE, deviations
from stats.estimate.reports import Numbers
from stats.estimate.sums import ShareSums, WeightedSum

HALVINGS = 40


@dataclass(frozen=True)
class EstimatedMean:
    """A mean with its 95 % interval. Each number is taken for the middle of its bucket."""

    value: float
    low: float
    high: float
    rounding: float
    """By so much, at most, buckets can have moved the mean: a fault that no number of answers makes smaller."""


@dataclass(frozen=True)
class EstimatedQuantile:
    """The number below which the share `level` lies, with its 95 % interval; numbers are spread evenly in a bucket."""

    level: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class BucketEdges:
    """Bucket i holds the whole numbers from `edges[i]` up to, not including, `edges[i + 1]`; the last one both."""

    edges: tuple[int, ...]

    @property
    def middles(self) -> Numbers:
        """The mean of the whole numbers in each bucket."""
        return (self._first + self._last) / 2

    @property
    def half_widths(self) -> Numbers:
        """How far a number is from the middle of its bucket, at most."""
        return (self._last - self._first) / 2

    @property
    def _first(self) -> Numbers:
        return np.array(self.edges[:-1], float)

    @property
    def _last(self) -> Numbers:
        last = np.array(self.edges[1:], float) - 1
        last[-1] += 1
        return last


def estimated_mean(sums: ShareSums, buckets: BucketEdges, *, confidence: float = CONFIDENCE) -> EstimatedMean:
    """Return the mean of all numbers; raise `MisuseError` if there are not as many buckets as values."""
    _check(sums, buckets)
    found = sums.of(buckets.middles)
    half = deviations(confidence) * found.deviation
    rounding = float(buckets.half_widths @ sums.possible)
    return EstimatedMean(found.value, found.value - half, found.value + half, rounding)


def estimated_quantiles(
    sums: ShareSums, buckets: BucketEdges, levels: Sequence[float], *, confidence: float = CONFIDENCE
) -> list[EstimatedQuantile]:
    """Return the quantiles at `levels`, each over 0 and below 1; raise `MisuseError` otherwise.

    The interval holds all numbers x for which the share below x could be the level: a test turned round. Within a
    bucket, the share below grows evenly.
    """
    _check(sums, buckets)
    if not all(0 < level < 1 for level in levels):
        raise MisuseError("the level of a quantile is over 0 and below 1")
    z = deviations(confidence)
    return [_quantile(sums, buckets, level, z) for level in levels]


def _quantile(sums: ShareSums, buckets: BucketEdges, level: float, z: float) -> EstimatedQuantile:
    def bound(way: float) -> float:
        return _crossing(lambda place: _above(_below(sums, place), way * z, level), buckets, from_top=way < 0)

    possible = np.concatenate(([0.0], np.cumsum(sums.possible)))
    value = float(np.interp(level, possible, np.array(buckets.edges, float)))
    low, high = bound(1.0), bound(-1.0)
    return EstimatedQuantile(level, min(max(value, low), high), low, high)


def _below(sums: ShareSums, place: float) -> WeightedSum:
    """Return the share below `place`, counted in buckets: 2.5 is the middle of the third one."""
    return sums.of(np.clip(place - np.arange(len(sums.raw)), 0.0, 1.0))


def _above(share: WeightedSum, way: float, level: float) -> bool:
    return share.value + way * share.deviation >= level


def _crossing(is_above: Callable[[float], bool], buckets: BucketEdges, *, from_top: bool) -> float:
    """Return the number where `is_above` begins to hold; seen from the top, where it last began."""
    last = len(buckets.edges) - 1
    # At the lowest edge the share below is 0, and at the highest it is 1, whatever was reported.
    if from_top:
        bucket = next((place - 1 for place in range(last, 0, -1) if not is_above(float(place - 1))), 0)
    else:
        bucket = next((place for place in range(last) if is_above(float(place + 1))), last - 1)
    low, high = float(bucket), float(bucket + 1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return float(np.interp(high, np.arange(last + 1), np.array(buckets.edges, float)))


def _check(sums: ShareSums, buckets: BucketEdges) -> None:
    if len(buckets.edges) != len(sums.raw) + 1:
        raise MisuseError(f"{len(sums.raw)} values need {len(sums.raw) + 1} edges, not {len(buckets.edges)}")
