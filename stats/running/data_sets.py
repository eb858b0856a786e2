"""The data sets of a collector: imported ones, and one for each sheet of a survey with central noise."""

from __future__ import annotations

import logging
import threading

from loopixmix.errors import MisuseError
from loopixmix.seams import Clock
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.central.budget import PrivacyBudgets
from stats.central.datasets import DataSets, DataSetStanding, NoisyAnswer
from stats.central.noise import OpendpNoise
from stats.central.rows import ParquetFolder
from stats.central.schema import SCHEMA
from stats.central.surveys import SheetRows, sheet_table, sheet_terms
from stats.columns.seams import ColumnStore
from stats.dashboard.seams import CollectorView, ShownSurvey
from stats.running.directory import CollectorDirectory

BUDGETS_FILE, IMPORTED = "budgets.sqlite3", "data"
_log = logging.getLogger(__name__)


class SurveySheets:
    """The true answers of surveys, as rows of data sets. A data set has the name of its table."""

    def __init__(self, view: CollectorView, raw: ColumnStore) -> None:
        """`raw`: the column store of true answers, which nothing else reads."""
        self._view = view
        self._raw = raw

    def find(self, name: str) -> SheetRows | None:
        """Return the rows of a data set, or None if it is not one of a survey."""
        for survey, sheet in self.all():
            table = survey.tables[sheet]
            if table.name == name:
                return SheetRows(self._raw, sheet_table(survey.questionnaire, sheet, table))
        return None

    def all(self) -> list[tuple[ShownSurvey, int]]:
        """Return each sheet of each survey with central noise."""
        surveys = [survey for survey in self._view.surveys() if survey.is_central]
        return [(survey, sheet) for survey in surveys for sheet in range(len(survey.tables))]


class CollectorDataSets(DataSets):
    """All data sets of a collector. Those of new surveys are declared when somebody looks."""

    def __init__(self, budgets: PrivacyBudgets, sheets: SurveySheets, imported: ParquetFolder, clock: Clock) -> None:
        """`sheets`, `imported`: where rows are."""
        super().__init__(budgets, [imported, sheets], OpendpNoise(), clock.seconds)
        self._sheets = sheets
        self._declaring = threading.Lock()
        self._left_out: set[str] = set()

    def all(self) -> list[DataSetStanding]:
        """Return all data sets by their names."""
        self._declare_new()
        return super().all()

    def find(self, name: str) -> DataSetStanding:
        """Return a data set; raise `MisuseError` if there is none of this name."""
        self._declare_new()
        return super().find(name)

    def ask(self, data_set: str, sql: str, analyst: str, eps: str | None = None) -> NoisyAnswer:
        """Answer a question, and charge its price before."""
        self._declare_new()
        return super().ask(data_set, sql, analyst, eps)

    def _declare_new(self) -> None:
        with self._declaring:
            known = {*self.budgets.names(), *self._left_out}
            for survey, sheet in self._sheets.all():
                name = survey.tables[sheet].name
                if name in known:
                    continue
                try:
                    self.budgets.declare(name, sheet_terms(survey.questionnaire, sheet))
                except MisuseError as error:
                    self._left_out.add(name)
                    _log.error("the answers of %s cannot be asked: %s", name, error)


def open_data_sets(
    directory: CollectorDirectory, view: CollectorView, raw: ColumnStore, clock: Clock
) -> tuple[CollectorDataSets, Store]:
    """Return the data sets of a collector, and the store of their budgets, which the caller closes."""
    store = Store(SCHEMA, sqlite_url(directory.path / BUDGETS_FILE))
    budgets = PrivacyBudgets(store, clock.seconds)
    folder = ParquetFolder(directory.path / IMPORTED)
    return CollectorDataSets(budgets, SurveySheets(view, raw), folder, clock), store
