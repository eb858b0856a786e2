"""Results of a survey as values: estimates of questions, tables of two, series of periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.errors import MisuseError
from stats.columns.seams import CellFilter
from stats.dashboard.queries import MOST_PERIODS, AskedColumn, BatchRow, ResultQueries
from stats.dashboard.seams import CollectorView, ShownSurvey
from stats.dashboard.wording import bucket_edges, value_labels
from stats.estimate.alarms import Alarm, AlarmRule, ChangePoint, alarms, change_points
from stats.estimate.bucketed import (
    BucketEdges,
    EstimatedMean,
    EstimatedQuantile,
    estimated_mean,
    estimated_quantiles,
)
from stats.estimate.crossing import EstimatedCells, estimated_cells
from stats.estimate.reports import ReportCounts, by_period, counted, counted_pairs
from stats.estimate.shares import EstimatedShares, estimated_shares
from stats.estimate.sums import ShareSums
from stats.estimate.supporting import SupportCounts, support_counts, supports_of_bits
from stats.questionnaire.questions import AnyQuestion
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.specified import mechanism_of
from stats.randomise.unary import UnaryEncoding

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


class UnknownResultError(MisuseError):
    """There is no such survey or question."""


@dataclass(frozen=True)
class NumberSummary:
    """What numbers in buckets tell besides their shares."""

    mean: EstimatedMean
    quantiles: tuple[EstimatedQuantile, ...]


@dataclass(frozen=True)
class QuestionResult:
    """A question with its estimates. `labels`: the words for each value."""

    question: AnyQuestion
    mechanism: Mechanism
    labels: Sequence[str]
    shares: EstimatedShares
    summary: NumberSummary | None


@dataclass(frozen=True)
class CrossResult:
    """Two questions of one sheet, with a row for each value of the first and a column for each of the second."""

    rows: AnyQuestion
    columns: AnyQuestion
    row_labels: Sequence[str]
    column_labels: Sequence[str]
    cells: EstimatedCells


@dataclass(frozen=True)
class PeriodResult:
    """The estimates of one question in one period, which began at `begins_s`."""

    period: int
    begins_s: int
    shares: EstimatedShares


@dataclass(frozen=True)
class SeriesResult:
    """A question over the last periods, and where its shares changed. Places count the periods that are here."""

    question: AnyQuestion
    labels: Sequence[str]
    periods: tuple[PeriodResult, ...]
    alarms: tuple[Alarm, ...]
    changes: tuple[ChangePoint, ...]


@dataclass(frozen=True)
class SheetProgress:
    """How far the reports of one sheet are, as batches tell."""

    sheet: int
    questions: tuple[str, ...]
    batches: tuple[BatchRow, ...]
    discarded: int

    @property
    def released(self) -> int:
        """How many reports are in the results."""
        return sum(batch.reports for batch in self.batches)


class SurveyResults:
    """Answers what pages and programs ask. Its methods wait for the column store."""

    def __init__(self, view: CollectorView, queries: ResultQueries) -> None:
        """`view`: the collector. `queries`: on its column store."""
        self.view = view
        self._queries = queries

    def find(self, short_id: str) -> ShownSurvey:
        """Return the survey of that short or whole id; raise `UnknownResultError` if there is none."""
        for survey in self.view.surveys():
            # Whoever made the survey knows it by the whole id, which `freeze` and `collector add` print.
            if short_id in (survey.short_id, survey.survey_id.hex()):
                return survey
        raise UnknownResultError(f"there is no survey {short_id[:40]!r} here")

    def progress(self, survey: ShownSurvey) -> list[SheetProgress]:
        """Return the batches of each sheet. How many wait is not told: it would show when a single one comes.

        Of true answers nothing is told: their number, too, is for noisy questions.
        """
        if survey.is_central:
            return [SheetProgress(n, sheet.questions, (), 0) for n, sheet in enumerate(survey.questionnaire.sheets)]
        discarded = self.view.discarded(survey)
        return [
            SheetProgress(
                number,
                sheet.questions,
                tuple(self._queries.batches(survey.tables[number])),
                sum(count for (of_sheet, _), count in discarded.items() if of_sheet == number),
            )
            for number, sheet in enumerate(survey.questionnaire.sheets)
        ]

    def question(
        self, survey: ShownSurvey, name: str, where: CellFilter, *, confidence: float = 0.95
    ) -> QuestionResult:
        """Return the estimates of one question over `where`."""
        question, column = asked(survey, name)
        mechanism = mechanism_of(column.spec)
        supports, reports = self._supports(column, mechanism, where)
        repeats = self._periods(column, where)
        shares = _shares(mechanism, supports, confidence, repeats)
        edges = bucket_edges(question)
        summary = None
        if edges is not None and shares.reports:
            sums, buckets = ShareSums(mechanism, supports, reports, repeats=repeats), BucketEdges(edges)
            quantiles = tuple(estimated_quantiles(sums, buckets, QUANTILES))
            summary = NumberSummary(estimated_mean(sums, buckets), quantiles)
        return QuestionResult(question, mechanism, value_labels(question), shares, summary)

    def cross(self, survey: ShownSurvey, rows: str, columns: str, where: CellFilter) -> CrossResult:
        """Return two questions against each other; raise `MisuseError` if they cannot be."""
        (first, one), (second, other) = asked(survey, rows), asked(survey, columns)
        if one.table != other.table:
            raise MisuseError(f"{rows} and {columns} travel in separate reports: nothing tells who sent both")
        if rows == columns:
            raise MisuseError("a cross table is of two questions")
        pairs = counted_pairs(self._queries.pairs(one, other, where))
        mechanisms = mechanism_of(one.spec), mechanism_of(other.spec)
        cells = estimated_cells(mechanisms, pairs, repeats=self._periods(one, where))
        return CrossResult(first, second, value_labels(first), value_labels(second), cells)

    def series(self, survey: ShownSurvey, name: str, rule: AlarmRule | None = None) -> SeriesResult:
        """Return the estimates of one question in each of the last periods that have reports."""
        question, column = asked(survey, name)
        mechanism = mechanism_of(column.spec)
        released = sorted({batch.period for batch in self._queries.batches(column.table)})[-MOST_PERIODS:]
        supports = self._by_period(column, mechanism, released) if released else {}
        periods = tuple(
            PeriodResult(period, survey.begins_s(period), _shares(mechanism, supports[period], 0.95))
            for period in sorted(supports)
        )
        rule = rule or AlarmRule()
        in_order = [supports[period] for period in sorted(supports)]
        found = tuple(alarms(in_order, rule))
        changes = tuple(change_points(in_order, false_alarms=rule.false_alarms))
        return SeriesResult(question, value_labels(question), periods, found, changes)

    def select(self, survey: ShownSurvey, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run a query of an analyst on the randomised tables of one survey."""
        check_randomised(survey)
        return self._queries.select(sql, [table.name for table in survey.tables])

    def reports(self, survey: ShownSurvey, sheet: int, where: CellFilter) -> tuple[list[str], list[tuple[object, ...]]]:
        """Return the randomised reports of one sheet, at most as many as one file may have."""
        check_randomised(survey)
        return self._queries.rows(survey.tables[sheet], where)

    def _supports(
        self, column: AskedColumn, mechanism: Mechanism, where: CellFilter
    ) -> tuple[SupportCounts, ReportCounts | None]:
        if isinstance(mechanism, UnaryEncoding):
            bits, total = self._queries.bits(column, where), self._total(column, where)
            return supports_of_bits(mechanism, bits, total), None
        reports = counted(self._queries.histogram(column, where))
        return support_counts(mechanism, reports), reports

    def _by_period(
        self, column: AskedColumn, mechanism: Mechanism, released: Sequence[int]
    ) -> dict[int, SupportCounts]:
        where = CellFilter(periods=(released[0], released[-1] + 1))
        if isinstance(mechanism, UnaryEncoding):
            parts = {period: CellFilter(periods=(period, period + 1)) for period in released}
            return {period: self._supports(column, mechanism, part)[0] for period, part in parts.items()}
        histogram = self._queries.periods(column, where)
        return {period: support_counts(mechanism, reports) for period, reports in by_period(histogram).items()}

    def _periods(self, column: AskedColumn, where: CellFilter) -> int:
        """Return how many periods are in `where`: in each of them a person sends the same permanent response again.

        Who was there in how many of them is not known. So all are taken to have been in all, which makes intervals the
        widest: N reports of these have the variance of N / periods that are drawn each on its own.
        """
        return len({batch.period for batch in self._queries.batches(column.table) if _is_in(batch, where)}) or 1

    def _total(self, column: AskedColumn, where: CellFilter) -> int:
        return sum(batch.reports for batch in self._queries.batches(column.table) if _is_in(batch, where))


def check_randomised(survey: ShownSurvey) -> None:
    """Raise `MisuseError` if the answers of a survey are true ones."""
    if survey.is_central:
        raise MisuseError("this survey has true answers: ask its data set, by its budget")


def asked(survey: ShownSurvey, name: str) -> tuple[AnyQuestion, AskedColumn]:
    """Return a question of a survey and its column; raise `UnknownResultError` if there is none of this name.

    Raises `MisuseError` if its answers are true ones: only noisy questions reach these.
    """
    check_randomised(survey)
    for number, sheet in enumerate(survey.questionnaire.sheets):
        if name in sheet.questions:
            spec = sheet.mechanisms[sheet.questions.index(name)]
            question = next(each for each in survey.questionnaire.draft.questions if each.name == name)
            return question, AskedColumn(survey.tables[number], name, spec)
    raise UnknownResultError(f"the survey has no question {name[:40]!r}")


def _shares(mechanism: Mechanism, supports: SupportCounts, confidence: float, repeats: int = 1) -> EstimatedShares:
    one_each = not isinstance(mechanism, SampledBit)
    # Each report of a multiple choice tells of one option.
    reports = int(supports.told[0]) if one_each else int(supports.told.sum())
    return estimated_shares(supports, one_each=one_each, reports=reports, confidence=confidence, repeats=repeats)


def _is_in(batch: BatchRow, where: CellFilter) -> bool:
    return all(
        bounds is None or bounds[0] <= value < bounds[1]
        for value, bounds in ((batch.period, where.periods), (batch.number, where.batches))
    )
