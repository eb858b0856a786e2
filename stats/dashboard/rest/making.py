"""From results to the bodies of the REST interface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from stats.analysts.book import Deed
from stats.central.budget import BudgetLeft, DataSpending
from stats.central.datasets import DataSetStanding, NoisyAnswer
from stats.central.terms import CategoryColumn, DataColumn, NumberColumn
from stats.dashboard.privacy import HONEST_MIXES, SurveyPrivacy
from stats.dashboard.rest import documents as doc
from stats.dashboard.results import CrossResult, QuestionResult, SeriesResult, SheetProgress
from stats.dashboard.seams import ShownSurvey
from stats.dashboard.showing.panels import answers_so_far
from stats.estimate.shares import NOISE_LABEL, EstimatedShares
from stats.questionnaire.questions import AnyQuestion


def survey_entry(survey: ShownSurvey, progress: Sequence[SheetProgress]) -> doc.SurveyEntry:
    """Return a survey as it is listed."""
    draft = survey.questionnaire.draft
    return doc.SurveyEntry(
        id=survey.short_id,
        name=draft.name,
        version=draft.version,
        title=draft.title,
        opens=when(draft.opens_s),
        closes=when(survey.closes_s),
        periods=survey.period_count,
        open_to_all=survey.is_open,
        central=survey.is_central,
        answers=answers_so_far(progress),
    )


def survey_document(
    survey: ShownSurvey, progress: Sequence[SheetProgress], privacy: SurveyPrivacy
) -> doc.SurveyDocument:
    """Return one survey."""
    sheet_of = {name: n for n, sheet in enumerate(survey.questionnaire.sheets) for name in sheet.questions}
    return doc.SurveyDocument(
        survey=survey_entry(survey, progress),
        questions=[
            doc.QuestionEntry(name=each.name, kind=kind_of(each), text=each.text, sheet=sheet_of[each.name])
            for each in survey.questionnaire.draft.questions
        ],
        sheets=[
            doc.SheetEntry(
                questions=list(each.questions),
                table=survey.tables[each.sheet].name,
                released=each.released,
                discarded=each.discarded,
                batches=len(each.batches),
                smallest_batch=loss.smallest_batch,
                honest=loss.honest,
                eps0=_finite(loss.eps0),
                eps=None if loss.loss is None else loss.loss.best,
            )
            for each, loss in zip(progress, privacy.sheets, strict=True)
        ],
        privacy=doc.PrivacyDocument(
            eps0=_finite(privacy.eps0),
            eps=privacy.eps,
            delta=privacy.delta,
            sybil_share=privacy.sybil_share,
            honest_mixes=HONEST_MIXES,
            promised_eps=privacy.promised_eps,
        ),
    )


def question_document(survey: ShownSurvey, result: QuestionResult) -> doc.QuestionDocument:
    """Return the estimates of a question."""
    mean = None if result.summary is None else result.summary.mean
    return doc.QuestionDocument(
        survey=survey.short_id,
        question=result.question.name,
        kind=kind_of(result.question),
        text=result.question.text,
        open_to_all=survey.is_open,
        reports=result.shares.reports,
        noise=NOISE_LABEL,
        values=_values(result.labels, result.shares),
        mean=None
        if mean is None
        else doc.MeanDocument(value=mean.value, low=mean.low, high=mean.high, rounding=mean.rounding),
        quantiles=[]
        if result.summary is None
        else [
            doc.QuantileDocument(level=each.level, value=each.value, low=each.low, high=each.high)
            for each in result.summary.quantiles
        ],
    )


def cross_document(survey: ShownSurvey, result: CrossResult) -> doc.CrossDocument:
    """Return two questions against each other."""
    cells = result.cells
    found = []
    for row in range(cells.raw.shape[0]):
        for column in range(cells.raw.shape[1]):
            hidden = bool(cells.hidden[row, column]) or not cells.reports
            figures = (cells.raw, cells.low, cells.high, cells.possible)
            raw, low, high, share = (None if hidden else float(each[row, column]) for each in figures)
            found.append(
                doc.CellEstimate(
                    row=row, column=column, hidden=hidden, raw_share=raw, raw_low=low, raw_high=high, share=share
                )
            )
    return doc.CrossDocument(
        survey=survey.short_id,
        rows=result.rows.name,
        columns=result.columns.name,
        row_labels=list(result.row_labels),
        column_labels=list(result.column_labels),
        open_to_all=survey.is_open,
        reports=cells.reports,
        noise=NOISE_LABEL,
        cells=found,
    )


def series_document(survey: ShownSurvey, result: SeriesResult, false_alarms: float) -> doc.SeriesDocument:
    """Return a question period by period."""
    numbers = [period.period for period in result.periods]
    return doc.SeriesDocument(
        survey=survey.short_id,
        question=result.question.name,
        open_to_all=survey.is_open,
        noise=NOISE_LABEL,
        false_alarms=false_alarms,
        periods=[
            doc.PeriodEstimates(
                period=each.period,
                begins=when(each.begins_s),
                reports=each.shares.reports,
                values=_values(result.labels, each.shares),
            )
            for each in result.periods
        ],
        anomalies=[
            doc.AnomalyDocument(
                period=numbers[each.place],
                value=each.value,
                label=result.labels[each.value],
                share=each.share,
                baseline=each.baseline,
                p_value=each.p_value,
            )
            for each in result.alarms
        ],
        changes=[
            doc.ChangeDocument(
                period=numbers[each.place],
                value=each.value,
                label=result.labels[each.value],
                before=each.before,
                after=each.after,
                p_value=each.p_value,
            )
            for each in result.changes
        ],
    )


def batch_list(progress: Sequence[SheetProgress]) -> doc.BatchList:
    """Return all batches of a survey."""
    return doc.BatchList(
        batches=[
            doc.BatchEntry(sheet=sheet.sheet, period=batch.period, number=batch.number, reports=batch.reports)
            for sheet in progress
            for batch in sheet.batches
        ]
    )


def data_set_list(found: Sequence[DataSetStanding]) -> doc.DataSetList:
    """Return all data sets."""
    return doc.DataSetList(data_sets=[_data_set(each) for each in found])


def data_set_document(standing: DataSetStanding, spendings: Sequence[DataSpending]) -> doc.DataSetDocument:
    """Return one data set."""
    return doc.DataSetDocument(
        data_set=_data_set(standing),
        columns=[_column(column) for column in standing.terms.columns],
        spendings=[
            doc.SpendingEntry(
                at=when(each.at_s),
                analyst=each.analyst,
                question=each.question,
                eps=f"{each.eps:f}",
                delta=f"{each.delta:f}",
            )
            for each in spendings
        ],
    )


def ask_answer(answer: NoisyAnswer) -> doc.AskAnswer:
    """Return the answer of a data set."""
    return doc.AskAnswer(
        groups=list(answer.groups),
        measures=list(answer.measures),
        rows=[
            doc.AskedRow(
                group=list(row.group),
                values=[doc.NoisyNumber(value=each.value, low=each.low, high=each.high) for each in row.values],
            )
            for row in answer.rows
        ],
        eps=f"{answer.eps:f}",
        delta=f"{answer.delta:f}",
        budget=_budget(answer.left),
    )


def deed_list(deeds: Sequence[Deed]) -> doc.DeedList:
    """Return what analysts did."""
    return doc.DeedList(
        record=[
            doc.DeedEntry(
                at=when(each.at_s), analyst=each.analyst, kind=each.kind, subject=each.subject, amount=each.amount
            )
            for each in deeds
        ]
    )


def kind_of(question: AnyQuestion) -> str:
    """Return the kind of a question, as drafts have it."""
    return str(question.__struct_config__.tag)


def when(at_s: float) -> str:
    """Return a moment as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _data_set(standing: DataSetStanding) -> doc.DataSetEntry:
    terms = standing.terms
    return doc.DataSetEntry(
        name=standing.name, title=terms.title, eps_each=terms.eps_each, budget=_budget(standing.left)
    )


def _budget(left: BudgetLeft) -> doc.BudgetDocument:
    return doc.BudgetDocument(
        eps=f"{left.eps_whole:f}",
        eps_left=f"{left.eps:f}",
        delta=f"{left.delta_whole:f}",
        delta_left=f"{left.delta:f}",
    )


def _column(column: DataColumn) -> doc.DataColumnEntry:
    match column:
        case NumberColumn():
            return doc.DataColumnEntry(
                name=column.name, kind="number", lower=column.lower, upper=column.upper, step=column.step
            )
        case CategoryColumn():
            return doc.DataColumnEntry(name=column.name, kind="category", values=list(column.labels))
        case _:
            return doc.DataColumnEntry(name=column.name, kind="key")


def _values(labels: Sequence[str], shares: EstimatedShares) -> list[doc.ValueEstimate]:
    made = []
    for value, label in enumerate(labels):
        hidden = bool(shares.hidden[value]) or not shares.reports
        figures = (shares.raw, shares.low, shares.high, shares.counts, shares.possible)
        raw, low, high, people, share = (None if hidden else float(each[value]) for each in figures)
        made.append(
            doc.ValueEstimate(
                value=value,
                label=label,
                hidden=hidden,
                raw_share=raw,
                raw_low=low,
                raw_high=high,
                raw_people=people,
                share=share,
            )
        )
    return made


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
