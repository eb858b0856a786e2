"""Anomalies in a series of noisy counts: a baseline, and an alarm with a stated rate of false ones.

Reports are randomised one by one. So as long as the share of people with a value stays as it was, a report supports
the value with the same probability now and before, whatever the mechanism, and the number of supports now, given that
of both together, is hypergeometric (Fisher's exact test). No share and no noise has to be estimated for that, and the
rate of false alarms is at most what is stated, for any number of reports.

People send the same permanent response in each period. So several periods together tell no more than one if the same
people are in all of them, and when these leave and others come, sums of periods would raise many false alarms. So
counts of T periods are divided by T before they are held against others: what that hides is small changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from loopixmix.errors import MisuseError
from stats.estimate.reports import Integers, Numbers
from stats.estimate.supporting import SupportCounts

MOST_PERIODS = 400


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """What counts as an anomaly. Raise `MisuseError` for a value out of range."""

    false_alarms: float = 0.01
    """The probability of one false alarm or more among all values of a period; over 0 and below 1."""
    baseline: int = 8
    """How many periods before make the baseline, 1 to 400; at the begin of a series as many as there are."""
    season: int = 1
    """The distance of these periods: with 7, a day is held against the same day of the weeks before."""

    def __post_init__(self) -> None:
        """Check all."""
        if not 0 < self.false_alarms < 1:
            raise MisuseError(f"the rate of false alarms is over 0 and below 1, not {self.false_alarms}")
        if not 1 <= self.baseline <= MOST_PERIODS or not 1 <= self.season <= MOST_PERIODS:
            raise MisuseError(f"baseline and season are 1 to {MOST_PERIODS} periods")

    def before(self, place: int) -> list[int]:
        """Return the places of the periods that are the baseline of the one at `place`."""
        return [
            place - step for step in range(self.season, self.season * self.baseline + 1, self.season) if step <= place
        ]


@dataclass(frozen=True)
class Alarm:
    """The share of a value in a period is not what it was before."""

    place: int
    """Of the period in the series."""
    value: int
    share: float
    """In that period, without bias."""
    baseline: float
    """The share in the periods before, without bias."""
    p_value: float
    """How probable so large a difference is if nothing changed; the alarm is at `false_alarms` / number of values."""


@dataclass(frozen=True)
class ChangePoint:
    """From the period at `place` on, the share of a value is another one."""

    place: int
    value: int
    before: float
    after: float
    p_value: float


def alarms(series: Sequence[SupportCounts], rule: AlarmRule) -> list[Alarm]:
    """Return the alarms of a series of periods, in their order; a period without a baseline has none."""
    supported, told = _stacked(series)
    found = []
    for place in range(len(series)):
        before = rule.before(place)
        base, base_told = supported[before].sum(axis=0), told[before].sum(axis=0)
        periods = max(1, len(before))
        p_values = same_share(supported[place], told[place], base // periods, base_told // periods)
        # Bonferroni: all values of the period share its rate.
        for value in np.nonzero(p_values <= rule.false_alarms / len(p_values))[0]:
            one = series[place]
            shares = (
                _share(one, supported[place, value], told[place, value]),
                _share(one, base[value], base_told[value]),
            )
            found.append(Alarm(place, int(value), *shares, float(p_values[value])))
    return found


def change_points(series: Sequence[SupportCounts], *, false_alarms: float = 0.01) -> list[ChangePoint]:
    """Return where shares changed for longer, in the order of periods.

    The best split of the series is where the periods before and after differ most surely; both parts are split
    further in the same way (binary segmentation; Scott, Knott 1974). `false_alarms` bounds the probability of any
    change point if nothing changed at all: it is shared by all values and splits.
    """
    if not 0 < false_alarms < 1:
        raise MisuseError(f"the rate of false alarms is over 0 and below 1, not {false_alarms}")
    if len(series) < 2:
        return []
    supported, told = _stacked(series)
    tests = (len(series) - 1) * supported.shape[1]
    found: list[ChangePoint] = []
    for value in range(supported.shape[1]):
        # A stack instead of recursion: a series may have many periods.
        parts = [(0, len(series))]
        while parts:
            begin, end = parts.pop()
            counts = (supported[begin:end, value], told[begin:end, value])
            change = _best_split(series[0], counts, false_alarms / tests)
            if change is not None:
                place = begin + change.place
                found.append(ChangePoint(place, value, change.before, change.after, change.p_value))
                parts += [(begin, place), (place, end)]
    return sorted(found, key=lambda change: (change.place, change.value))


def same_share(first: Integers, first_told: Integers, second: Integers, second_told: Integers) -> Numbers:
    """Return the two-sided p-values of Fisher's exact test, twice the smaller tail; 1 where nothing was told."""
    total, supports = first_told + second_told, first + second
    lower = hypergeom.cdf(first, total, supports, first_told)
    upper = hypergeom.sf(first - 1, total, supports, first_told)
    both: Numbers = np.minimum(1.0, 2 * np.minimum(lower, upper))
    return np.where((first_told == 0) | (second_told == 0), 1.0, both)


def _best_split(one: SupportCounts, counts: tuple[Integers, Integers], most: float) -> ChangePoint | None:
    supported, told = (np.cumsum(each) for each in counts)
    if len(supported) < 2:
        return None
    before, before_told = supported[:-1], told[:-1]
    after, after_told = supported[-1] - before, told[-1] - before_told
    # All reports tell where a change is most likely; whether it is one, as many as may be those of different people.
    best = int(np.argmin(same_share(before, before_told, after, after_told)))
    earlier, later = best + 1, len(supported) - best - 1
    p_value = same_share(
        before[best] // earlier, before_told[best] // earlier, after[best] // later, after_told[best] // later
    )
    if p_value > most:
        return None
    shares = _share(one, before[best], before_told[best]), _share(one, after[best], after_told[best])
    return ChangePoint(best + 1, 0, *shares, float(p_value))


def _stacked(series: Sequence[SupportCounts]) -> tuple[Integers, Integers]:
    if not series:
        return np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64)
    if len({len(each.told) for each in series}) != 1:
        raise MisuseError("all periods of a series have the same values")
    return np.array([each.supported for each in series]), np.array([each.told for each in series])


def _share(one: SupportCounts, supported: np.int64, told: np.int64) -> float:
    return (int(supported) / max(1, int(told)) - one.q) / one.gap
