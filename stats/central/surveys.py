"""Surveys with `mode = central`: each of their sheets is a data set of true answers, in a column store of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR
from decimal import Decimal as Digits

from loopixmix.errors import MisuseError, StoreError
from stats.central.budget import LEAST_EPS
from stats.central.rows import DataAwayError
from stats.central.statements import EngineTable
from stats.central.terms import CategoryColumn, DataColumn, DataSetTerms, NumberColumn
from stats.columns.seams import ColumnStore, SheetTable
from stats.questionnaire.domains import domain_of, edges_of, label_of
from stats.questionnaire.questionnaire import Mode, Questionnaire
from stats.questionnaire.questions import AnyQuestion, CounterQuestion, MultipleChoice, NumberQuestion

MOST_VALUES = 1_000
"""Of a category: a question with more, such as many cells of a map, is not a column of a data set."""
ANSWERS_EACH = 20
"""So many questions the budget of a survey answers, unless analysts say otherwise."""
_log = logging.getLogger(__name__)


def sheet_terms(survey: Questionnaire, sheet: int) -> DataSetTerms:
    """Return the terms of the data set of one sheet; raise `MisuseError` if the survey has no central noise.

    Its budget is what the survey promises, divided by its sheets, since each person has a report in all of them. A
    person has one report in each period.
    """
    draft = survey.draft
    if draft.privacy.mode is not Mode.CENTRAL:
        raise MisuseError("only a survey with central noise has data sets")
    columns = [column for question in _asked(survey, sheet) for column, _ in _columns(question)]
    if not columns:
        raise MisuseError("a sheet with central noise needs a question of at most 1,000 values")
    budget = (Digits(draft.privacy.eps) / len(survey.sheets)).quantize(Digits("0.000001"), ROUND_FLOOR)
    each = max(LEAST_EPS, (budget / ANSWERS_EACH).quantize(Digits("0.000001"), ROUND_FLOOR))
    return DataSetTerms(
        title=draft.title,
        columns=tuple(columns),
        eps=f"{budget:f}",
        eps_each=f"{each:f}",
        rows_each=_periods(survey),
    )


def sheet_table(survey: Questionnaire, sheet: int, table: SheetTable) -> EngineTable:
    """Return how the columns of that data set are read from the table of the sheet."""
    return EngineTable(
        table.name,
        {column.name: expression for question in _asked(survey, sheet) for column, expression in _columns(question)},
    )


class SheetRows:
    """The rows of one sheet, in the column store of true answers."""

    def __init__(self, columns: ColumnStore, table: EngineTable) -> None:
        """`columns`: the store that nothing but this reads."""
        self._columns = columns
        self._table = table

    @property
    def table(self) -> EngineTable:
        """Where they are."""
        return self._table

    def rows(self, statement: str, most_rows: int) -> Sequence[tuple[object, ...]]:
        """Run a statement; raise `DataAwayError`."""
        try:
            return self._columns.select(statement, tables=[self._table.name], most_rows=most_rows)[1]
        except StoreError:
            # The words of a store may quote rows, and so would an exception that is raised from them.
            _log.error("the true answers of a survey could not be asked")
            raise DataAwayError("the data set could not be asked; its operator finds more in the log") from None


class SheetSource:
    """The data sets of surveys, by their names."""

    def __init__(self, columns: ColumnStore, tables: Mapping[str, EngineTable]) -> None:
        """`tables`: of each data set, as `sheet_table` returns them."""
        self._columns = columns
        self._tables = tables

    def find(self, name: str) -> SheetRows | None:
        """Return the rows of a data set, or None if it is not one of a survey."""
        table = self._tables.get(name)
        return None if table is None else SheetRows(self._columns, table)


def _asked(survey: Questionnaire, sheet: int) -> list[AnyQuestion]:
    by_name = {question.name: question for question in survey.draft.questions}
    return [by_name[name] for name in survey.sheets[sheet].questions]


def _periods(survey: Questionnaire) -> int:
    return 1 if survey.draft.periods is None else survey.draft.periods.count


def _columns(question: AnyQuestion) -> list[tuple[DataColumn, str]]:
    """Return the columns of a question, each with its SQL on the integer that was reported."""
    reported = f'CAST("{question.name}" AS BIGINT)'
    if isinstance(question, MultipleChoice):
        # An option is a column of its own, so that it can be counted and compared by itself.
        return [
            (
                CategoryColumn(name=f"{question.name[:28]}_{place}", values=("no", "yes"), other="unknown"),
                f"CAST(floor({reported} / {1 << place}) AS BIGINT) % 2",
            )
            for place in range(len(question.options))
        ]
    if isinstance(question, NumberQuestion | CounterQuestion):
        return [_number(question, reported)]
    if domain_of(question) > MOST_VALUES:
        return []
    labels = tuple(label_of(question, value)[:200] for value in range(domain_of(question)))
    return [(CategoryColumn(name=question.name, values=labels, other="none of these"), reported)]


def _number(question: NumberQuestion | CounterQuestion, reported: str) -> tuple[DataColumn, str]:
    """Return a number as the middle of its bucket, which is all that was reported; a middle may be a half."""
    edges = edges_of(question)
    last = len(edges) - 2
    doubled = [edges[place] + edges[place + 1] - (place != last) for place in range(last + 1)]
    column = NumberColumn(name=question.name, lower=_halves(doubled[0]), upper=_halves(doubled[-1]), step="0.5")
    cases = " ".join(f"WHEN {value} THEN {steps}" for value, steps in enumerate(doubled))
    return column, f"CASE {reported} {cases} ELSE {doubled[0]} END"


def _halves(doubled: int) -> str:
    whole, half = divmod(abs(doubled), 2)
    return f"{'-' if doubled < 0 else ''}{whole}{'.5' if half else ''}"
