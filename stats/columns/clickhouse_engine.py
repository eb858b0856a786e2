"""A column store in ClickHouse, for what outgrows one machine."""

# ruff: noqa: S608 (the names in statements are checked when a table is made, all else is a value)

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import clickhouse_connect
import numpy as np
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from loopixmix.errors import ConfigError, StoreError
from stats.columns.queries import QuerySafety, check_select
from stats.columns.seams import MOST_GROUPS, CellFilter, Column, SheetTable
from stats.columns.statements import column_names, filter_sql, group_sql, quoted, rows_of, table_faults

QUERY_S = 20
MEMORY_BYTES = 4 * 1024**3
CONNECT_S, ANSWER_S = 10, 300
MOST_BATCH_ROWS = 50_000_000
"""Of one insert, which becomes one part of a table: so it is there as a whole, or not at all."""
REMEMBERED_BATCHES = 10_000
"""So many of the last inserts of a table the server knows when they come again."""


class ClickHouseColumns:
    """Implements `ColumnStore` by HTTP. A batch is one insert, which the server knows by the batch's number."""

    def __init__(self, client: Client) -> None:
        """`client`: closed by `close`."""
        self._client = client

    @classmethod
    def connect(cls, url: str) -> ClickHouseColumns:
        """Connect to clickhouse://USER:PASSWORD@HOST:PORT/DATABASE; raise `ConfigError` or `StoreError`."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise ConfigError("the port of the column store is no number") from error
        if parse_qsl(parts.query) or parts.fragment or not parts.hostname:
            raise ConfigError("a column store is clickhouse://USER:PASSWORD@HOST:PORT/DATABASE")
        try:
            client = clickhouse_connect.get_client(
                host=parts.hostname,
                port=port or 0,
                secure=parts.scheme == "clickhouses",
                username=unquote(parts.username or "default"),
                password=unquote(parts.password or ""),
                database=unquote(parts.path.lstrip("/")) or "default",
                connect_timeout=CONNECT_S,
                send_receive_timeout=ANSWER_S,
                # Threads share the client, each query on its own.
                autogenerate_session_id=False,
            )
        except (ClickHouseError, OSError) as error:
            raise StoreError(f"ClickHouse at {parts.hostname} cannot be used: {_first_line(error)}") from error
        return cls(client)

    def ensure(self, table: SheetTable) -> None:
        """Make the table if it is not there yet; raise `StoreError`."""
        for fault in table_faults(table):
            raise StoreError(fault)
        columns = ", ".join(f"{quoted(name)} UInt64" for name in table.questions)
        with self._used("written") as client:
            client.command(
                f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} (period UInt32, batch UInt64, {columns}) "
                "ENGINE = MergeTree ORDER BY (period, batch) "
                # Durable when the insert is answered, and known when it comes again.
                f"SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, "
                f"non_replicated_deduplication_window = {REMEMBERED_BATCHES}"
            )

    def has_batch(self, table: SheetTable, batch: int) -> bool:
        """Tell whether that batch is in the table, as a whole."""
        with self._used("read") as client:
            found = client.query(f"SELECT 1 FROM {quoted(table.name)} WHERE batch = {int(batch)} LIMIT 1")
        return bool(found.result_rows)

    def append(self, table: SheetTable, batch: int, period: int, columns: Sequence[Column]) -> None:
        """Append a batch, durably and as a whole, once; raise `StoreError`."""
        rows = rows_of(table, columns)
        if rows > MOST_BATCH_ROWS:
            raise StoreError(f"a batch for ClickHouse has at most {MOST_BATCH_ROWS} rows, not {rows}")
        data: list[Any] = [np.full(rows, period, np.uint32), np.full(rows, batch, np.uint64), *columns]
        settings = {
            # One block, and so one part, which comes into the table in one step.
            "max_insert_block_size": MOST_BATCH_ROWS,
            "min_insert_block_size_rows": MOST_BATCH_ROWS,
            "min_insert_block_size_bytes": 0,
            "async_insert": 0,
            "insert_deduplicate": 1,
            "insert_deduplication_token": f"{table.name}-{batch}",
        }
        if self.has_batch(table, batch):
            return
        with self._used("written") as client:
            client.insert(
                table.name,
                data,
                column_names=["period", "batch", *table.questions],
                column_oriented=True,
                settings=settings,
            )

    def batches(self, table: SheetTable) -> list[tuple[int, int, int]]:
        """Return period, number and rows of each batch, in the order of the numbers."""
        sql = f"SELECT any(period), batch, count() FROM {quoted(table.name)} GROUP BY batch ORDER BY batch"
        with self._used("read") as client:
            return [(int(period), int(batch), int(rows)) for period, batch, rows in client.query(sql).result_rows]

    def histogram(
        self, table: SheetTable, questions: Sequence[str], where: CellFilter, *, by_period: bool = False
    ) -> Mapping[tuple[int, ...], int]:
        """Return how many rows have each combination of values; the period comes first, if `by_period`."""
        keys = column_names(table, questions, by_period=by_period)
        with self._used("read") as client:
            found = client.query(group_sql(table, keys, where), column_oriented=True).result_columns
        *groups, amounts = found if found else ([] for _ in range(len(keys) + 1))
        if len(amounts) > MOST_GROUPS:
            raise StoreError(f"there are more than {MOST_GROUPS} combinations of values")
        if not keys:
            return {(): int(amounts[0])} if amounts and amounts[0] else {}
        return dict(zip(zip(*groups, strict=True), amounts, strict=True))

    def bit_counts(self, table: SheetTable, question: str, bits: int, where: CellFilter) -> list[int]:
        """Return for each of `bits` bits, the lowest first, how many rows have it set."""
        [name] = column_names(table, [question], by_period=False)
        counts = ", ".join(f"countIf(bitTest({quoted(name)}, {bit}))" for bit in range(bits))
        with self._used("read") as client:
            [row] = client.query(f"SELECT {counts} FROM {quoted(table.name)}{filter_sql(where)}").result_rows
        return [int(count) for count in row]

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run one SELECT that only reads `tables`; return its columns and at most `most_rows` rows."""
        checked = check_select(sql, QuerySafety("clickhouse", frozenset(tables), most_rows))
        settings = {"readonly": 1, "max_execution_time": QUERY_S, "max_memory_usage": MEMORY_BYTES}
        with self._used("read") as client:
            found = client.query(checked, settings=settings)
        return list(found.column_names), [tuple(row) for row in found.result_rows[:most_rows]]

    def close(self) -> None:
        """Close it; nothing is lost."""
        self._client.close()

    @contextmanager
    def _used(self, how: str) -> Iterator[Client]:
        try:
            yield self._client
        except (ClickHouseError, OSError) as error:
            raise StoreError(f"the column store cannot be {how}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
