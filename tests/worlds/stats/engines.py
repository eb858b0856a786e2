"""Column stores in tests: DuckDB in this process, and ClickHouse behind a small HTTP face."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from stats.columns.opening import open_columns
from stats.columns.seams import Column, ColumnStore, SheetTable

DUCKDB_AND_CLICKHOUSE = (
    "duckdb",
    "memory",
    pytest.param("clickhouse", marks=[pytest.mark.long, pytest.mark.needs("chdb")]),
)
"""What tests of column stores are run on."""
TABLE = SheetTable("r_0123456789abcdef_0", ("coffee", "order"))
"""The second question has the name of a word of SQL."""
RAW = SheetTable("raw_fedcba9876543210_0", ("income",))


@contextmanager
def opened_columns(kind: str, directory: Path) -> Iterator[ColumnStore]:
    """Open a new column store of this kind."""
    if kind != "clickhouse":
        store = open_columns("memory" if kind == "memory" else "", directory / "columns.duckdb")
        yield store
        store.close()
        return
    with clickhouse_face(directory) as url:
        store = open_columns(url, directory / "none")
        yield store
        store.close()


@contextmanager
def clickhouse_face(directory: Path) -> Iterator[str]:
    """Start ClickHouse's engine in a process of its own, behind HTTP; return its address."""
    line = [sys.executable, "-P", "-m", "tests.worlds.stats.clickhouse_face", str(directory)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield f"clickhouse://stats:marked-password@127.0.0.1:{int(process.stdout.readline())}/stats"
        finally:
            process.kill()


def column(*values: int) -> Column:
    """Return a column."""
    return np.array(values, dtype=np.uint64)


def columns(*rows: Sequence[int]) -> list[Column]:
    """Return the columns of some rows."""
    return [column(*values) for values in zip(*rows, strict=True)]
