from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from loopixmix.errors import StoreError
from stats.columns import kept
from stats.columns.duckdb_engine import DuckDbColumns
from stats.columns.kept import KeptCounts
from stats.columns.seams import CellFilter, SheetTable
from tests.worlds.stats.engines import TABLE, columns

ALL = CellFilter()


class Told(DuckDbColumns):
    """A store in memory that remembers what it counted."""

    def __init__(self) -> None:
        super().__init__(None)
        self.counted: list[tuple[int, int] | None] = []

    def histogram(
        self, table: SheetTable, questions: Sequence[str], where: CellFilter, *, by_period: bool = False
    ) -> Mapping[tuple[int, ...], int]:
        self.counted.append(where.batches)
        return super().histogram(table, questions, where, by_period=by_period)

    def bit_counts(self, table: SheetTable, question: str, bits: int, where: CellFilter) -> list[int]:
        self.counted.append(where.batches)
        return super().bit_counts(table, question, bits, where)

    def take(self) -> list[tuple[int, int] | None]:
        taken, self.counted = self.counted, []
        return taken


@pytest.fixture
def told() -> Told:
    made = Told()
    made.ensure(TABLE)
    for number, period in ((1, 0), (2, 0), (5, 1)):
        made.append(TABLE, number, period, columns((number, 1), (0, 3)))
    return made


def test_each_batch_is_counted_once(told: Told) -> None:
    store = KeptCounts(told)
    assert store.histogram(TABLE, ["coffee"], ALL) == {(0,): 3, (1,): 1, (2,): 1, (5,): 1}
    assert told.take() == [(1, 6)]
    store.append(TABLE, 6, 1, columns((7, 1)))
    # One that was begun before another, and is there after it.
    store.append(TABLE, 4, 0, columns((8, 1)))
    expected = {(0,): 3, (1,): 1, (2,): 1, (5,): 1, (7,): 1, (8,): 1}
    assert store.histogram(TABLE, ["coffee"], ALL) == expected
    assert told.take() == [(4, 5), (6, 7)]
    assert store.histogram(TABLE, ["coffee"], ALL) == expected
    assert told.take() == []


def test_each_question_is_kept_for_itself(told: Told) -> None:
    store = KeptCounts(told)
    first = CellFilter(periods=(0, 1))
    assert store.histogram(TABLE, ["order"], first) == {(1,): 2, (3,): 2}
    assert store.histogram(TABLE, ["order"], ALL) == {(1,): 3, (3,): 3}
    assert store.histogram(TABLE, ["order"], ALL, by_period=True) == {(0, 1): 2, (0, 3): 2, (1, 1): 1, (1, 3): 1}
    assert store.histogram(TABLE, ["order"], CellFilter(batches=(2, 6))) == {(1,): 2, (3,): 2}
    assert store.histogram(TABLE, ["coffee", "order"], first) == {(1, 1): 1, (2, 1): 1, (0, 3): 2}
    assert store.bit_counts(TABLE, "order", 3, ALL) == [6, 3, 0]
    assert store.bit_counts(TABLE, "order", 1, first) == [4]
    assert len(told.take()) == 7
    store.append(TABLE, 7, 0, columns((0, 2)))
    assert store.histogram(TABLE, ["order"], first) == {(1,): 2, (2,): 1, (3,): 2}
    assert store.bit_counts(TABLE, "order", 3, ALL) == [6, 4, 0]
    assert told.take() == [(7, 8), (7, 8)]


def test_a_table_that_was_put_in_the_place_of_another_is_counted_anew(told: Told) -> None:
    store = KeptCounts(told)
    store.histogram(TABLE, [], ALL)
    other = Told()
    other.ensure(TABLE)
    other.append(TABLE, 2, 0, columns((0, 0)))
    store._store = other
    assert store.histogram(TABLE, [], ALL) == {(): 1}


def test_what_was_asked_longest_ago_is_forgotten(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 2)
    store = KeptCounts(told)
    for questions in (["coffee"], ["order"], ["coffee"], [], ["coffee"], ["order"]):
        store.histogram(TABLE, questions, ALL)
    assert len(told.take()) == 4


def test_an_empty_table_has_no_counts() -> None:
    store = KeptCounts(DuckDbColumns(None))
    store.ensure(TABLE)
    assert store.histogram(TABLE, ["coffee"], ALL) == {}
    assert store.bit_counts(TABLE, "coffee", 2, ALL) == [0, 0]


def test_too_many_combinations_are_refused(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    store = KeptCounts(told)
    monkeypatch.setattr(kept, "MOST_GROUPS", 3)
    with pytest.raises(StoreError, match="more than 3"):
        store.histogram(TABLE, ["coffee"], ALL)
