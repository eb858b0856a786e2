"""How many reports support each value (docs/protocol/stats.md, 2 and 6).

The values of a multiple choice are its options here, since each report tells of one option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopixmix.errors import FormatError, MisuseError
from stats.estimate.reports import Flags, Integers, Numbers, ReportCounts
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.unary import UnaryEncoding

MOST_COUNTED = 1 << 20
"""So many values are counted one by one; questions have at most 65,536."""


@dataclass(frozen=True, eq=False)
class SupportCounts:
    """`supported[v]` of the `told[v]` reports that tell of value v support it."""

    supported: Integers
    told: Integers
    p: float
    q: float

    @property
    def gap(self) -> float:
        """p - q: by so much more often is a true value supported."""
        return self.p - self.q


def support_counts(mechanism: Mechanism, reports: ReportCounts) -> SupportCounts:
    """Return the supports of all values; raise `FormatError` if a report is not one of `mechanism`."""
    if isinstance(mechanism, UnaryEncoding):
        return supports_of_bits(mechanism, _bit_counts(mechanism, reports), reports.total)
    check_countable(mechanism)
    dense = reports.dense(mechanism.outputs)
    if isinstance(mechanism, SampledBit):
        pairs = dense.reshape(mechanism.options, 2)
        return _made(mechanism, pairs[:, 1].copy(), pairs.sum(axis=1))
    told = np.full(mechanism.domain, reports.total)
    if isinstance(mechanism, HadamardResponse):
        # The transform counts even minus odd; row 0 is no value.
        excess = walsh_hadamard(dense)[1 : mechanism.domain + 1]
        return _made(mechanism, (reports.total + excess) // 2, told)
    return _made(mechanism, dense, told)


def supports_of_bits(mechanism: UnaryEncoding, bit_counts: Sequence[int] | Integers, reports: int) -> SupportCounts:
    """Return the supports of all values, from how many of all `reports` have each bit set."""
    if len(bit_counts) != mechanism.domain:
        raise FormatError(f"there are {mechanism.domain} bits to count, not {len(bit_counts)}")
    return _made(mechanism, np.array(bit_counts, np.int64), np.full(mechanism.domain, reports))


def support_matrix(mechanism: Mechanism, reports: Integers) -> tuple[Flags, Flags]:
    """Return for each value (row) and each of `reports` (column) whether it supports it, and whether it tells of it."""
    columns = reports[np.newaxis, :]
    if isinstance(mechanism, SampledBit):
        told = columns // 2 == np.arange(mechanism.options)[:, np.newaxis]
        return told & (columns % 2 == 1), told
    check_countable(mechanism)
    values = np.arange(mechanism.domain)[:, np.newaxis]
    if isinstance(mechanism, HadamardResponse):
        supported = np.bitwise_count(columns & (values + 1)) % 2 == 0
    elif isinstance(mechanism, UnaryEncoding):
        supported = (columns >> values) & 1 == 1
    else:
        supported = columns == values
    return supported, np.ones_like(supported)


def check_countable(mechanism: Mechanism) -> None:
    """Raise `MisuseError` if `mechanism` has too many values to count them one by one."""
    if not isinstance(mechanism, SampledBit) and mechanism.domain > MOST_COUNTED:
        raise MisuseError(f"at most {MOST_COUNTED} values are counted, not {mechanism.domain}")


def values_of(mechanism: Mechanism) -> int:
    """Return how many values have an estimate: the options of a multiple choice, or all values."""
    return mechanism.options if isinstance(mechanism, SampledBit) else mechanism.domain


def walsh_hadamard(values: Integers | Numbers) -> Integers | Numbers:
    """Return the Walsh-Hadamard transform of `values`, whose length is a power of 2, in the order of the rows."""
    width, made = 1, values.copy()
    while width < len(made):
        pairs = made.reshape(-1, 2, width)
        even, odd = pairs[:, 0, :].copy(), pairs[:, 1, :]
        pairs[:, 0, :] += odd
        pairs[:, 1, :] = even - odd
        width *= 2
    return made


def _bit_counts(mechanism: UnaryEncoding, reports: ReportCounts) -> Integers:
    if reports.reports.size and not 0 <= int(reports.reports.min()) <= int(reports.reports.max()) < mechanism.outputs:
        raise FormatError(f"a report of this mechanism is below {mechanism.outputs}")
    return np.array([reports.counts[(reports.reports >> bit) & 1 == 1].sum() for bit in range(mechanism.domain)])


def _made(mechanism: Mechanism, supported: Integers | Numbers, told: Integers) -> SupportCounts:
    supports = mechanism.supports
    return SupportCounts(supported.astype(np.int64), told.astype(np.int64), float(supports.p), float(supports.q))
