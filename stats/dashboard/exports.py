"""Results and randomised reports as files: CSV (RFC 4180) and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from loopixmix.errors import MisuseError
from stats.columns.seams import CellFilter
from stats.dashboard.privacy import survey_privacy
from stats.dashboard.queries import MOST_EXPORTED
from stats.dashboard.results import QuestionResult, SurveyResults
from stats.dashboard.seams import ShownSurvey

ESTIMATE_COLUMNS = (
    *("survey", "open", "question", "value", "label", "hidden", "reports"),
    *("raw_share", "raw_low", "raw_high", "raw_people", "share", "eps0", "eps", "delta"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Field: TypeAlias = str | int | float | bool | None


class ExportFormat(Enum):
    """The format of a file."""

    CSV = "csv"
    PARQUET = "parquet"


class ExportedPart(Enum):
    """What is exported."""

    ESTIMATES = "estimates"
    """Estimates of all values of all questions, raw and possible."""
    REPORTS = "reports"
    """The randomised reports of one sheet."""


@dataclass(frozen=True)
class ExportOrder:
    """What somebody wants as a file. `batches`: from a first one up to, not including, a last one."""

    part: ExportedPart
    form: ExportFormat
    sheet: int = 0
    batches: tuple[int, int] | None = None


@dataclass(frozen=True)
class ExportedRows:
    """A table that is to become a file."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Field]]


@dataclass(frozen=True)
class ExportedFile:
    """A file: its name, its type, and how many rows it has."""

    name: str
    media_type: str
    body: bytes
    rows: int


def ordered_file(results: SurveyResults, survey: ShownSurvey, order: ExportOrder) -> ExportedFile:
    """Return the file that was ordered; raise `MisuseError` if it cannot be."""
    if order.part is ExportedPart.ESTIMATES:
        table = estimate_rows(results, survey, CellFilter(batches=order.batches))
        return exported(table, order.form, f"{survey.short_id}-estimates")
    table = report_rows(results, survey, order.sheet, order.batches)
    return exported(table, order.form, f"{survey.short_id}-reports-{order.sheet}")


def estimate_rows(results: SurveyResults, survey: ShownSurvey, where: CellFilter) -> ExportedRows:
    """Return the estimates of all questions. What is hidden on pages is empty here."""
    privacy = survey_privacy(survey, results.progress(survey))
    losses = (privacy.eps0, privacy.eps, privacy.delta)
    rows: list[Sequence[Field]] = []
    for question in survey.questionnaire.draft.questions:
        found = results.question(survey, question.name, where)
        rows += [(survey.short_id, survey.is_open, question.name, *each, *losses) for each in _values(found)]
    return ExportedRows(ESTIMATE_COLUMNS, rows)


def report_rows(
    results: SurveyResults, survey: ShownSurvey, sheet: int, batches: tuple[int, int] | None
) -> ExportedRows:
    """Return the randomised reports of one sheet; raise `MisuseError` if there are more than one file may have.

    `batches`: from a first one up to, not including, a last one.
    """
    if not 0 <= sheet < len(survey.tables):
        raise MisuseError(f"the survey has no sheet {sheet}; it has {len(survey.tables)}, and the first one is 0")
    chosen = [
        batch
        for batch in results.progress(survey)[sheet].batches
        if batches is None or batches[0] <= batch.number < batches[1]
    ]
    count = sum(batch.reports for batch in chosen)
    if count > MOST_EXPORTED:
        raise MisuseError(f"these are {count:,} reports; a file has at most {MOST_EXPORTED:,}: choose fewer batches")
    columns, rows = results.reports(survey, sheet, CellFilter(batches=batches))
    return ExportedRows(tuple(columns), [tuple(int(str(value)) for value in row) for row in rows])


def exported(table: ExportedRows, form: ExportFormat, name: str) -> ExportedFile:
    """Return a table as a file. `name`: without its ending."""
    body = csv_of(table) if form is ExportFormat.CSV else parquet_of(table)
    media_type = "text/csv; charset=utf-8" if form is ExportFormat.CSV else "application/vnd.apache.parquet"
    return ExportedFile(f"{name}.{form.value}", media_type, body, len(table.rows))


def csv_of(table: ExportedRows) -> bytes:
    """Return a table as CSV in which no spreadsheet finds a formula."""
    written = io.StringIO()
    lines: Iterable[Sequence[Field]] = (table.columns, *table.rows)
    csv.writer(written).writerows([_safe(cell) for cell in line] for line in lines)
    return written.getvalue().encode()


def parquet_of(table: ExportedRows) -> bytes:
    """Return a table as Parquet."""
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    made = pa.table({name: pa.array(values) for name, values in zip(table.columns, columns, strict=True)})
    sink = io.BytesIO()
    pq.write_table(made, sink, compression="zstd")
    return sink.getvalue()


def _values(found: QuestionResult) -> Iterable[Sequence[Field]]:
    shares = found.shares
    for value, label in enumerate(found.labels):
        head: tuple[Field, ...] = (value, label, bool(shares.hidden[value]), shares.reports)
        figures = (shares.raw, shares.low, shares.high, shares.counts, shares.possible)
        is_told = shares.reports > 0 and not shares.hidden[value]
        yield (*head, *(float(each[value]) if is_told else None for each in figures))


def _safe(cell: Field) -> Field:
    """Return a cell that no spreadsheet takes for a formula, whatever an author wrote (OWASP: CSV injection)."""
    if not isinstance(cell, str):
        return cell
    shown = "".join(sign if sign.isprintable() else " " for sign in cell)
    return f"'{shown}" if cell.startswith(_FORMULA) or shown.lstrip().startswith(_FORMULA) else shown
