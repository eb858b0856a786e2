"""Counts that are kept: a batch never changes once it is there, so that only new ones are counted."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.errors import StoreError
from stats.columns.seams import MOST_GROUPS, CellFilter, Column, ColumnStore, SheetTable

MOST_KEPT = 512
MOST_KEPT_COUNTS = 1_000_000
"""Of all answers that are kept: some hundred bytes each."""

_Groups: TypeAlias = Mapping[tuple[int, ...], int]


@dataclass(frozen=True)
class _Asked:
    table: str
    questions: tuple[str, ...]
    where: CellFilter
    by_period: bool = False
    bits: int = 0


class KeptCounts:
    """A column store that counts each batch once for each question that is asked. Any thread may use it."""

    def __init__(self, store: ColumnStore) -> None:
        """`store`: closed by `close`. Nobody else appends to it."""
        self._store = store
        self._changing = threading.Lock()
        self._kept: dict[_Asked, tuple[frozenset[int], _Groups]] = {}

    def ensure(self, table: SheetTable) -> None:
        """Make the table if it is not there yet; raise `StoreError`."""
        self._store.ensure(table)

    def has_batch(self, table: SheetTable, batch: int) -> bool:
        """Tell whether that batch is in the table, as a whole."""
        return self._store.has_batch(table, batch)

    def append(self, table: SheetTable, batch: int, period: int, columns: Sequence[Column]) -> None:
        """Append a batch, durably and as a whole, once; raise `StoreError`."""
        self._store.append(table, batch, period, columns)

    def batches(self, table: SheetTable) -> list[tuple[int, int, int]]:
        """Return period, number and rows of each batch, in the order of the numbers."""
        return self._store.batches(table)

    def histogram(
        self, table: SheetTable, questions: Sequence[str], where: CellFilter, *, by_period: bool = False
    ) -> Mapping[tuple[int, ...], int]:
        """Return how many rows have each combination of values; the period comes first, if `by_period`."""
        asked = _Asked(table.name, tuple(questions), where, by_period)
        return self._counted(
            table, asked, lambda part: self._store.histogram(table, questions, part, by_period=by_period)
        )

    def bit_counts(self, table: SheetTable, question: str, bits: int, where: CellFilter) -> list[int]:
        """Return for each of `bits` bits, the lowest first, how many rows have it set."""

        def count(part: CellFilter) -> _Groups:
            return {(bit,): rows for bit, rows in enumerate(self._store.bit_counts(table, question, bits, part))}

        found = self._counted(table, _Asked(table.name, (question,), where, bits=bits), count)
        return [found.get((bit,), 0) for bit in range(bits)]

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run one SELECT that only reads `tables`; return its columns and at most `most_rows` rows."""
        return self._store.select(sql, tables=tables, most_rows=most_rows)

    def close(self) -> None:
        """Close it; nothing is lost."""
        self._store.close()

    def _counted(self, table: SheetTable, asked: _Asked, count: Callable[[CellFilter], _Groups]) -> _Groups:
        """Count the batches that were not counted before, and add them to the others."""
        there = [number for period, number, _ in self._store.batches(table) if _is_in(asked.where, period, number)]
        with self._changing:
            seen, kept = self._kept.pop(asked, (frozenset(), {}))
        if not seen <= set(there):
            # Another store was put in the place of this one: a copy, perhaps.
            seen, kept = frozenset(), {}
        parts = list(_runs(there, seen))
        found: Counter[tuple[int, ...]] = Counter()
        found.update(kept)
        for first, after in parts:
            found.update(count(CellFilter(asked.where.periods, (first, after))))
        if len(found) > MOST_GROUPS:
            raise StoreError(f"there are more than {MOST_GROUPS} combinations of values")
        self._keep(asked, frozenset(there), found)
        return found

    def _keep(self, asked: _Asked, seen: frozenset[int], counts: _Groups) -> None:
        with self._changing:
            self._kept[asked] = seen, counts
            # Those that were asked for longest ago go first.
            total = sum(len(kept) for _, kept in self._kept.values())
            while self._kept and (len(self._kept) > MOST_KEPT or total > MOST_KEPT_COUNTS):
                _, gone = self._kept.pop(next(iter(self._kept)))
                total -= len(gone)


def _is_in(where: CellFilter, period: int, batch: int) -> bool:
    bounds = ((where.periods, period), (where.batches, batch))
    return all(bound is None or bound[0] <= value < bound[1] for bound, value in bounds)


def _runs(there: Sequence[int], seen: Set[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of batches that hold all that were not seen, and none that was; `there` ascends."""
    for is_seen, run in itertools.groupby(there, seen.__contains__):
        numbers = list(run)
        if not is_seen:
            yield numbers[0], numbers[-1] + 1
