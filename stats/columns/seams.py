"""What a column store does for the collector and for those who read.

A table holds the released reports of one sheet of a survey. Its columns are `period` and `batch`, both unsigned, and
one unsigned integer of 64 bits for each question, named after it. There is no time, no id, and no order in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.uint64]


@dataclass(frozen=True)
class SheetTable:
    """A table of one sheet."""

    name: str
    """`r_` and 16 hexadecimal digits of the survey id, `_` and the number of the sheet."""
    questions: tuple[str, ...]


@dataclass(frozen=True)
class CellFilter:
    """Which rows are counted: those of the periods and batches from a first up to, not including, a last one."""

    periods: tuple[int, int] | None = None
    batches: tuple[int, int] | None = None


class ColumnStore(Protocol):
    """Appends batches, and counts. One process writes; any thread may ask."""

    def ensure(self, table: SheetTable) -> None:
        """Make the table if it is not there yet; raise `StoreError`."""

    def has_batch(self, table: SheetTable, batch: int) -> bool:
        """Tell whether that batch is in the table, as a whole: there is never a part of one."""

    def append(self, table: SheetTable, batch: int, period: int, columns: Sequence[Column]) -> None:
        """Append a batch, durably and as a whole; raise `StoreError`. One that is there already is not appended again.

        `columns`: one for each question, all of one length.
        """

    def batches(self, table: SheetTable) -> list[tuple[int, int, int]]:
        """Return period, number and rows of each batch, in the order of the numbers."""

    def histogram(
        self, table: SheetTable, questions: Sequence[str], where: CellFilter, *, by_period: bool = False
    ) -> Mapping[tuple[int, ...], int]:
        """Return how many rows have each combination of values; the period comes first, if `by_period`.

        Only combinations that occur are in it. The answer has at most `MOST_GROUPS` of them; raise `StoreError` beyond.
        """

    def bit_counts(self, table: SheetTable, question: str, bits: int, where: CellFilter) -> list[int]:
        """Return for each of `bits` bits, the lowest first, how many rows have it set."""

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run one SELECT that only reads, and return its columns and at most `most_rows` rows; raise `StoreError`.

        `tables`: the names of all that it may read. Others, such as the true answers of a survey with central noise,
        are as if they were not there.
        """

    def close(self) -> None:
        """Close it; nothing is lost."""


MOST_GROUPS = 1_000_000
