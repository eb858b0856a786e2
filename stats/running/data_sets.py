"""The data sets of a collector: imported ones, and one for each sheet of a survey with central noise."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from loopixmix.errors import MisuseError
from loopixmix.seams import Clock
from stats.central.budget import DataSpending
from stats.central.datasets import DataSets, DataSetStanding, NoisyAnswer
from stats.central.opening import open_data_sets
from stats.central.surveys import SheetRows, sheet_table, sheet_terms
from stats.columns.seams import ColumnStore
from stats.dashboard.seams import CollectorView, ShownSurvey

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


class CollectorDataSets:
    """All data sets of a collector. Those of new surveys are declared when somebody looks."""

    def __init__(self, data_sets: DataSets, sheets: SurveySheets) -> None:
        """`data_sets`: asks `sheets` for rows, too."""
        self._data_sets = data_sets
        self._sheets = sheets
        self._declaring = threading.Lock()
        self._left_out: set[str] = set()

    def all(self) -> list[DataSetStanding]:
        """Return all data sets by their names."""
        self._declare_new()
        return self._data_sets.all()

    def find(self, name: str) -> DataSetStanding:
        """Return a data set; raise `MisuseError` if there is none of this name."""
        self._declare_new()
        return self._data_sets.find(name)

    def ask(self, data_set: str, sql: str, analyst: str, eps: str | None = None) -> NoisyAnswer:
        """Answer a question, and charge its price before."""
        self._declare_new()
        return self._data_sets.ask(data_set, sql, analyst, eps)

    def spendings(self, name: str, most: int) -> list[DataSpending]:
        """Return the newest spendings on a data set, the newest first."""
        return self._data_sets.budgets.spendings(name, most)

    def close(self) -> None:
        """Close the store of budgets."""
        self._data_sets.budgets.close()

    def _declare_new(self) -> None:
        budgets = self._data_sets.budgets
        with self._declaring:
            known = {*budgets.names(), *self._left_out}
            for survey, sheet in self._sheets.all():
                name = survey.tables[sheet].name
                if name in known:
                    continue
                try:
                    budgets.declare(name, sheet_terms(survey.questionnaire, sheet))
                except MisuseError as error:
                    self._left_out.add(name)
                    _log.error("the answers of %s cannot be asked: %s", name, error)


def collector_data_sets(directory: Path, view: CollectorView, raw: ColumnStore, clock: Clock) -> CollectorDataSets:
    """Return the data sets of the collector in `directory`; raise `StoreError`. `raw`: where true answers are."""
    sheets = SurveySheets(view, raw)
    return CollectorDataSets(open_data_sets(directory, now_s=clock.seconds, surveys=[sheets]), sheets)
