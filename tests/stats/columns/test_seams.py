"""What every column store does, asked of each engine."""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from loopixmix.errors import StoreError
from stats.columns.seams import CellFilter, ColumnStore, SheetTable
from tests.worlds.stats.engines import DUCKDB_AND_CLICKHOUSE, RAW, TABLE, columns, opened_columns

ALL = CellFilter()


@pytest.fixture(params=DUCKDB_AND_CLICKHOUSE, scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ColumnStore]:
    with opened_columns(request.param, tmp_path_factory.mktemp("columns")) as opened:
        yield opened


@pytest.fixture
def table(engine: ColumnStore, request: pytest.FixtureRequest) -> SheetTable:
    """Return a table that no other test uses, with two batches in it."""
    made = SheetTable(f"r_{zlib.crc32(request.node.name.encode()):016x}_0", TABLE.questions)
    engine.ensure(made)
    engine.append(made, 1, 0, columns((0, 3), (0, 1), (2, 1)))
    engine.append(made, 4, 1, columns((0, 2**63 - 1), (1, 2**62)))
    return made


def test_batches_are_there_as_a_whole(engine: ColumnStore, table: SheetTable) -> None:
    assert engine.batches(table) == [(0, 1, 3), (1, 4, 2)]
    assert [engine.has_batch(table, number) for number in range(6)] == [False, True, False, False, True, False]


def test_a_batch_is_appended_once(engine: ColumnStore, table: SheetTable) -> None:
    engine.append(table, 4, 1, columns((0, 2**63 - 1), (1, 2**62)))
    engine.append(table, 1, 0, columns((3, 3)))
    assert engine.batches(table) == [(0, 1, 3), (1, 4, 2)]
    engine.ensure(table)
    assert engine.histogram(table, [], ALL) == {(): 5}


def test_rows_are_counted_by_their_values(engine: ColumnStore, table: SheetTable) -> None:
    assert engine.histogram(table, ["coffee"], ALL) == {(0,): 3, (1,): 1, (2,): 1}
    assert engine.histogram(table, ["order"], ALL) == {(1,): 2, (3,): 1, (2**63 - 1,): 1, (2**62,): 1}
    both = {(0, 3): 1, (0, 1): 1, (2, 1): 1, (0, 2**63 - 1): 1, (1, 2**62): 1}
    assert engine.histogram(table, ["coffee", "order"], ALL) == both
    assert engine.histogram(table, ["coffee"], ALL, by_period=True) == {(0, 0): 2, (0, 2): 1, (1, 0): 1, (1, 1): 1}
    assert engine.histogram(table, [], ALL, by_period=True) == {(0,): 3, (1,): 2}


def test_only_the_rows_of_a_filter_are_counted(engine: ColumnStore, table: SheetTable) -> None:
    assert engine.histogram(table, ["coffee"], CellFilter(periods=(1, 2))) == {(0,): 1, (1,): 1}
    assert engine.histogram(table, ["coffee"], CellFilter(batches=(0, 4))) == {(0,): 2, (2,): 1}
    assert engine.histogram(table, [], CellFilter(periods=(0, 1), batches=(4, 5))) == {}
    assert engine.bit_counts(table, "order", 3, CellFilter(periods=(1, 2))) == [1, 1, 1]


def test_bits_are_counted(engine: ColumnStore, table: SheetTable) -> None:
    values = [3, 1, 1, 2**63 - 1, 2**62]
    expected = [sum(value >> bit & 1 for value in values) for bit in range(63)]
    assert engine.bit_counts(table, "order", 63, ALL) == expected
    assert engine.bit_counts(table, "order", 2, ALL) == expected[:2]
    assert engine.bit_counts(table, "order", 3, CellFilter(periods=(9, 10))) == [0, 0, 0]


def test_a_large_batch_is_counted_as_numpy_counts_it(engine: ColumnStore, table: SheetTable) -> None:
    rng = np.random.default_rng(1)
    coffee = rng.integers(0, 50, 200_000).astype(np.uint64)
    order = rng.integers(0, 2**40, 200_000).astype(np.uint64)
    engine.append(table, 9, 7, [coffee, order])
    there = CellFilter(batches=(9, 10))
    assert engine.histogram(table, ["coffee"], there) == {(value,): n for value, n in Counter(coffee.tolist()).items()}
    expected = [int((order >> np.uint64(bit) & np.uint64(1)).sum()) for bit in range(40)]
    assert engine.bit_counts(table, "order", 40, there) == expected


def test_readers_see_whole_batches_while_others_are_appended(engine: ColumnStore, table: SheetTable) -> None:
    seen: list[int] = []
    has_ended = threading.Event()

    def look() -> None:
        while not has_ended.is_set():
            seen.append(engine.histogram(table, [], CellFilter(batches=(10, 100))).get((), 0))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(10, 20):
        engine.append(table, number, 0, columns(*[(1, 1)] * 1000))
    has_ended.set()
    reader.join()
    assert seen
    assert all(rows % 1000 == 0 for rows in seen)
    assert seen == sorted(seen)


def test_a_query_of_a_person_reads_the_tables_it_may(engine: ColumnStore, table: SheetTable) -> None:
    sql = f'SELECT coffee, count(*) AS n FROM {table.name} WHERE "order" < 10 GROUP BY coffee ORDER BY n DESC, coffee'
    assert engine.select(sql, tables=[table.name], most_rows=10) == (["coffee", "n"], [(0, 2), (2, 1)])
    assert engine.select(sql, tables=[table.name], most_rows=1) == (["coffee", "n"], [(0, 2)])
    engine.ensure(RAW)
    engine.append(RAW, 1, 0, columns((50_000,)))
    with pytest.raises(StoreError, match="there is no table"):
        engine.select(f"SELECT * FROM {RAW.name}", tables=[table.name], most_rows=10)


def test_what_cannot_be_is_told(engine: ColumnStore, table: SheetTable) -> None:
    with pytest.raises(StoreError, match="no question 'tea'"):
        engine.histogram(table, ["tea"], ALL)
    with pytest.raises(StoreError, match="columns of one length"):
        engine.append(table, 5, 0, columns((1, 2))[:1])
    for name, questions in ((TABLE.name, ("period",)), ("drop table x", ("a",)), (TABLE.name, ("a", "a"))):
        with pytest.raises(StoreError):
            engine.ensure(SheetTable(name, questions))
    with pytest.raises(StoreError, match="the column store cannot be"):
        engine.append(SheetTable("r_ffffffffffffffff_9", ("a",)), 1, 0, columns((1,)))


def test_what_was_appended_is_there_after_a_restart(tmp_path: Path) -> None:
    for number in (1, 2):
        with opened_columns("duckdb", tmp_path) as store:
            store.ensure(TABLE)
            store.append(TABLE, number, 0, columns((number, 0)))
            assert [batch for _, batch, _ in store.batches(TABLE)] == [1, 2][:number]
    assert (tmp_path / "columns.duckdb").stat().st_mode & 0o777 == 0o600
