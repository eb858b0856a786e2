"""The column store that a configuration names."""

from __future__ import annotations

from pathlib import Path

from loopixmix.errors import ConfigError
from stats.columns.kept import KeptCounts
from stats.columns.seams import ColumnStore

MEMORY = "memory"
CLICKHOUSE_SCHEMES = ("clickhouse", "clickhouses")


def open_columns(place: str, file: Path) -> ColumnStore:
    """Open the column store at `place`: empty for DuckDB in `file`, "memory", or clickhouse://USER:PASSWORD@HOST/NAME.

    `clickhouses://` is ClickHouse over TLS. Counts are kept: a batch is counted once. Raises `ConfigError` or
    `StoreError`.
    """
    # Each engine is loaded where it is used: the other one need not be installed.
    if place in ("", MEMORY):
        from stats.columns.duckdb_engine import DuckDbColumns

        return KeptCounts(DuckDbColumns(file if not place else None))
    if place.partition("://")[0] in CLICKHOUSE_SCHEMES:
        from stats.columns.clickhouse_engine import ClickHouseColumns

        return KeptCounts(ClickHouseColumns.connect(place))
    raise ConfigError(f"{place.partition('://')[0]}: a column store is empty (DuckDB), memory, or clickhouse://...")
