"""The data sets in the directory of a collector: their budgets in a store, their rows in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from loopixmix.errors import MisuseError
from loopixmix.process.files import erase_file
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.central.budget import PrivacyBudgets
from stats.central.datasets import DataSets, RowsSource
from stats.central.importing import Imported, import_csv
from stats.central.noise import OpendpNoise
from stats.central.rows import ParquetFolder
from stats.central.schema import SCHEMA
from stats.central.terms import DataSetTerms

BUDGETS_FILE, ROWS_FOLDER = "budgets.sqlite3", "data"


def open_data_sets(directory: Path, *, now_s: Callable[[], float], surveys: Sequence[RowsSource] = ()) -> DataSets:
    """Open the data sets in `directory`; raise `MisuseError` or `StoreError`. `surveys`: rows that are not imported.

    Budgets are a file here also if the collector's own store is a server: commands and the program share it.
    """
    if not directory.is_dir():
        raise MisuseError(f"{directory}: there is no such directory")
    budgets = PrivacyBudgets(Store(SCHEMA, sqlite_url(directory / BUDGETS_FILE)), now_s)
    return DataSets(budgets, [ParquetFolder(directory / ROWS_FOLDER), *surveys], OpendpNoise(), now_s)


def import_data_set(directory: Path, data: DataSets, name: str, terms: DataSetTerms, source: Path) -> Imported:
    """Import a CSV file as the data set `name`; raise `MisuseError` if it is refused, and nothing is left then."""
    data.budgets.check_new(name, terms)
    path = ParquetFolder(directory / ROWS_FOLDER).path(name)
    made = import_csv(source, path, terms)
    # Only now: a data set without rows could never be imported again under its name.
    data.budgets.declare(name, terms)
    return made


def erase_rows(directory: Path, data: DataSets, name: str) -> bool:
    """Erase the rows of an imported data set, and tell whether there were any. What was spent stays recorded."""
    data.budgets.terms(name)
    return erase_file(ParquetFolder(directory / ROWS_FOLDER).path(name)) is not None
