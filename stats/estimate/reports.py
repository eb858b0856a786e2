"""How often each report came: all that estimates are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopixmix.errors import FormatError

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReportCounts:
    """The reports of one question: `counts[i]` times came `reports[i]`. The reports differ from each other."""

    reports: Integers
    counts: Integers

    @property
    def total(self) -> int:
        """How many reports came."""
        return int(self.counts.sum())

    def dense(self, outputs: int) -> Integers:
        """Return how often each report below `outputs` came; raise `FormatError` if there is another one."""
        if self.reports.size and not 0 <= int(self.reports.min()) <= int(self.reports.max()) < outputs:
            raise FormatError(f"a report of this mechanism is below {outputs}")
        made = np.zeros(outputs, np.int64)
        made[self.reports] = self.counts
        return made


@dataclass(frozen=True, eq=False)
class PairCounts:
    """The reports of two questions of one sheet: `counts[i]` times came `first[i]` together with `second[i]`."""

    first: Integers
    second: Integers
    counts: Integers

    @property
    def total(self) -> int:
        """How many reports came."""
        return int(self.counts.sum())


def counted(histogram: Mapping[tuple[int, ...], int]) -> ReportCounts:
    """Return the counts of a histogram of one question, as a column store returns it."""
    return ReportCounts(_columns(histogram, 1)[:, 0], _counts(histogram))


def counted_pairs(histogram: Mapping[tuple[int, ...], int]) -> PairCounts:
    """Return the counts of a histogram of two questions."""
    columns = _columns(histogram, 2)
    return PairCounts(columns[:, 0], columns[:, 1], _counts(histogram))


def by_period(histogram: Mapping[tuple[int, ...], int]) -> dict[int, ReportCounts]:
    """Return the counts of each period, from a histogram whose keys begin with the period."""
    parts: dict[int, dict[tuple[int, ...], int]] = {}
    for (period, *rest), count in histogram.items():
        parts.setdefault(period, {})[tuple(rest)] = count
    return {period: counted(parts[period]) for period in sorted(parts)}


def _columns(histogram: Mapping[tuple[int, ...], int], width: int) -> Integers:
    rows = np.array(list(histogram), np.int64)
    if rows.size and rows.shape != (len(histogram), width):
        raise FormatError(f"the keys of this histogram have {width} values each")
    return rows.reshape(-1, width)


def _counts(histogram: Mapping[tuple[int, ...], int]) -> Integers:
    return np.fromiter(histogram.values(), np.int64, len(histogram))
