"""A column store in DuckDB: one file, or memory, in the process of the collector."""

# ruff: noqa: S608 (the names in statements are checked when a table is made, all else is a value)

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from loopixmix.errors import StoreError
from loopixmix.process.files import PRIVATE_FILE
from stats.columns.bits import count_bits
from stats.columns.queries import QuerySafety, check_select
from stats.columns.seams import MOST_GROUPS, CellFilter, Column, SheetTable
from stats.columns.statements import column_names, filter_sql, group_sql, quoted, rows_of, table_faults

MEMORY_BYTES = 1024 * 1024 * 1024
"""Of all queries together. Nothing is put on the disk beside the file."""
QUERY_S = 20.0
"""So long a query of a person may take."""
_BATCHES = "batches_of_tables"


class DuckDbColumns:
    """Implements `ColumnStore`. Readings use connections of their own, and see whole batches."""

    def __init__(self, path: Path | None, *, memory_bytes: int = MEMORY_BYTES, query_s: float = QUERY_S) -> None:
        """Open the file at `path`, or a store in memory for None; raise `StoreError`.

        `memory_bytes`: of all queries together. `query_s`: so long a query of a person may take.
        """
        self._query_s = query_s
        self._writing = threading.Lock()
        settings: dict[str, str | bool | int | float | list[str]] = {
            # Neither files nor extensions nor other databases are in reach of any statement.
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{memory_bytes // 2**20}MiB",
            "temp_directory": "",
            "threads": len(os.sched_getaffinity(0)),
            # The order of rows tells nothing here, and keeping it would cost.
            "preserve_insertion_order": "false",
        }
        try:
            self._database = duckdb.connect(":memory:" if path is None else str(path), config=settings)
            if path is not None:
                path.chmod(PRIVATE_FILE)
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {_BATCHES} "
                "(sheet VARCHAR, period UINTEGER, batch UBIGINT, amount UBIGINT, PRIMARY KEY (sheet, batch))"
            )
            self._database.execute("SET lock_configuration = true")
        except (duckdb.Error, OSError) as error:
            raise StoreError(f"{path or 'the store in memory'}: cannot be opened: {_first_line(error)}") from error

    def ensure(self, table: SheetTable) -> None:
        """Make the table if it is not there yet; raise `StoreError`."""
        for fault in table_faults(table):
            raise StoreError(fault)
        columns = ", ".join(f"{quoted(name)} UBIGINT NOT NULL" for name in table.questions)
        with self._changed() as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} "
                f"(period UINTEGER NOT NULL, batch UBIGINT NOT NULL, {columns})"
            )

    def has_batch(self, table: SheetTable, batch: int) -> bool:
        """Tell whether that batch is in the table, as a whole."""
        found = self._ask(f"SELECT 1 FROM {_BATCHES} WHERE sheet = ? AND batch = ?", [table.name, batch])
        return bool(found)

    def append(self, table: SheetTable, batch: int, period: int, columns: Sequence[Column]) -> None:
        """Append a batch, durably and as a whole, once; raise `StoreError`."""
        rows = rows_of(table, columns)
        incoming = pa.table([pa.array(column) for column in columns], names=list(table.questions))
        names = ", ".join(map(quoted, table.questions))
        with self._changed() as connection:
            if connection.execute(
                f"SELECT 1 FROM {_BATCHES} WHERE sheet = ? AND batch = ?", [table.name, batch]
            ).fetchone():
                return
            connection.register("incoming", incoming)
            try:
                connection.execute("BEGIN")
                connection.execute(
                    f"INSERT INTO {quoted(table.name)} (period, batch, {names}) "
                    f"SELECT ?::UINTEGER, ?::UBIGINT, {names} FROM incoming",
                    [period, batch],
                )
                connection.execute(f"INSERT INTO {_BATCHES} VALUES (?, ?, ?, ?)", [table.name, period, batch, rows])
                connection.execute("COMMIT")
            except duckdb.Error:
                _roll_back(connection)
                raise
            finally:
                connection.unregister("incoming")

    def batches(self, table: SheetTable) -> list[tuple[int, int, int]]:
        """Return period, number and rows of each batch, in the order of the numbers."""
        found = self._ask(f"SELECT period, batch, amount FROM {_BATCHES} WHERE sheet = ? ORDER BY batch", [table.name])
        return [(int(str(period)), int(str(batch)), int(str(amount))) for period, batch, amount in found]

    def histogram(
        self, table: SheetTable, questions: Sequence[str], where: CellFilter, *, by_period: bool = False
    ) -> Mapping[tuple[int, ...], int]:
        """Return how many rows have each combination of values; the period comes first, if `by_period`."""
        keys = column_names(table, questions, by_period=by_period)
        with self._reading() as connection:
            connection.execute(group_sql(table, keys, where))
            found = connection.fetchnumpy()
        *groups, amounts = (np.ma.getdata(column).tolist() for column in found.values())
        if len(amounts) > MOST_GROUPS:
            raise StoreError(f"there are more than {MOST_GROUPS} combinations of values")
        if not keys:
            return {(): amounts[0]} if amounts[0] else {}
        return dict(zip(zip(*groups, strict=True), amounts, strict=True))

    def bit_counts(self, table: SheetTable, question: str, bits: int, where: CellFilter) -> list[int]:
        """Return for each of `bits` bits, the lowest first, how many rows have it set."""
        [name] = column_names(table, [question], by_period=False)
        with self._reading() as connection:
            connection.execute(f"SELECT {quoted(name)} AS found FROM {quoted(table.name)}{filter_sql(where)}")
            column = connection.fetchnumpy()["found"]
        return count_bits(np.ma.getdata(column).astype(np.uint64, copy=False), bits)

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run one SELECT that only reads `tables`; return its columns and at most `most_rows` rows."""
        checked = check_select(sql, QuerySafety("duckdb", frozenset(tables), most_rows))
        with self._reading() as connection:
            overdue = threading.Timer(self._query_s, connection.interrupt)
            overdue.start()
            try:
                connection.execute(checked)
                names = [str(column[0]) for column in connection.description or ()]
                return names, connection.fetchmany(most_rows)
            except duckdb.InterruptException as error:
                raise StoreError(f"the query took more than {self._query_s:g} seconds") from error
            finally:
                overdue.cancel()

    def close(self) -> None:
        """Close it; nothing is lost."""
        with self._writing:
            self._database.close()

    @contextmanager
    def _changed(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._writing:
            try:
                yield self._database
            except duckdb.Error as error:
                raise StoreError(f"the column store cannot be written: {_first_line(error)}") from error

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        # A connection of its own: it sees one state of the store, and no writer waits for it.
        try:
            connection = self._database.cursor()
            try:
                yield connection
            finally:
                connection.close()
        except duckdb.Error as error:
            raise StoreError(f"the column store cannot be read: {_first_line(error)}") from error

    def _ask(self, sql: str, values: list[object]) -> list[tuple[object, ...]]:
        with self._reading() as connection:
            return connection.execute(sql, values).fetchall()


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    # If it was the commit that failed, there is no transaction any more.
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
