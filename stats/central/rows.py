"""The rows of imported data sets: one Parquet file each, which only statements of this folder reach, on DuckDB."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset

from loopixmix.errors import StoreError
from stats.central.statements import EngineTable

ROWS_FILE = "rows.parquet"
LONGEST_S = 60.0
TABLE = "rows"
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    # No file, no network, no other database: all that a statement can reach is the table that is handed in.
    "enable_external_access": False,
    "memory_limit": "1GB",
    "threads": 2,
}
_log = logging.getLogger(__name__)


class DataAwayError(StoreError):
    """The rows of the data set cannot be asked just now."""


class ParquetRows:
    """The rows of one imported data set. Each statement has its own connection, so threads may ask side by side."""

    def __init__(self, path: Path, *, longest_s: float = LONGEST_S) -> None:
        """`path`: the Parquet file. `longest_s`: a statement that takes longer is stopped."""
        self._path = path
        self._longest_s = longest_s

    @property
    def table(self) -> EngineTable:
        """Columns have the names that are declared."""
        return EngineTable(TABLE, {})

    def rows(self, statement: str, most_rows: int) -> Sequence[tuple[object, ...]]:
        """Run a statement; raise `DataAwayError`."""
        try:
            return self._rows(statement, most_rows)
        except (duckdb.Error, OSError, pa.ArrowException):
            # Their words may quote rows, and so would an exception that is raised from them.
            _log.error("the rows of a data set could not be asked")
            raise DataAwayError("the data set could not be asked; its operator finds more in the log") from None

    def _rows(self, statement: str, most_rows: int) -> list[tuple[object, ...]]:
        found = pa.dataset.dataset(str(self._path), format="parquet")
        with duckdb.connect(":memory:", config=_SETTINGS) as connection:
            connection.register(TABLE, found)
            connection.execute("SET lock_configuration = true")
            watch = threading.Timer(self._longest_s, connection.interrupt)
            watch.start()
            try:
                made: list[tuple[object, ...]] = connection.execute(statement).fetchmany(most_rows)
                return made
            finally:
                watch.cancel()


class ParquetFolder:
    """The folder of all imported data sets."""

    def __init__(self, directory: Path) -> None:
        """`directory`: has a folder for each data set."""
        self._directory = directory

    def path(self, name: str) -> Path:
        """Return where the rows of a data set are, or would be."""
        return self._directory / name / ROWS_FILE

    def find(self, name: str) -> ParquetRows | None:
        """Return the rows of a data set, or None if it has none here."""
        path = self.path(name)
        return ParquetRows(path) if path.is_file() else None
