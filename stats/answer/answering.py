"""Answering: budget, randomised values, and what was answered go into the store in one transaction, or none of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.answer.drawing import DrawnSheet, draw_sheet, sheets_answered
from stats.answer.ledger import KeptLoss, check_budget, millionths
from stats.answer.store import rows
from stats.answer.store.rows import KeptReport, ReportPlace
from stats.answer.surveys import JoinedSurvey, OpenPeriod
from stats.randomise.permanent import PermanentResponses
from stats.report.report import REPORT_ID_BYTES, SentReport, encode_report


class AlreadyAnsweredError(MisuseError):
    """This was answered in this period already; what was sent cannot be changed."""


@dataclass(frozen=True)
class GivenAnswers:
    """What a person or device answers: values by question, and the same in words, as far as they are to be shown."""

    values: Mapping[str, int] = field(repr=False)
    words: Mapping[str, str] = field(default_factory=dict, repr=False)


def keep_answers(
    connection: Connection, survey: JoinedSurvey, period: OpenPeriod, given: GivenAnswers, *, now_s: float, rng: Rng
) -> list[KeptReport]:
    """Draw a report for each sheet that is answered, and keep them, within a transaction; return them.

    A report is drawn here and nowhere else, and what is sent, however often, is this draw: many draws of one answer
    would tell it. Raises `AlreadyAnsweredError`, `BudgetSpentError`, `MisuseError` for values of no answer.
    """
    sheets = sheets_answered(survey.questionnaire, given.values)
    known = {each.place for each in rows.reports_of(connection, survey.survey_id)}
    places = {sheet: ReportPlace(survey.survey_id, sheet, period.number) for sheet in sheets}
    if known.intersection(places.values()):
        raise AlreadyAnsweredError(AlreadyAnsweredError.__doc__ or "")
    drawn = _draw(connection, survey, sheets, given.values, rng)
    loss = _loss(connection, survey, period, drawn, now_s)
    check_budget(rows.all_losses(connection), loss, rows.find_limits(connection))
    rows.add_loss(connection, loss)
    reports = [_report(places[each.sheet], each, now_s, rng) for each in drawn]
    for report in reports:
        names = survey.questionnaire.sheets[report.place.sheet].questions
        rows.add_report(connection, report, {name: given.words[name] for name in names if name in given.words})
    return reports


def _draw(
    connection: Connection, survey: JoinedSurvey, sheets: Sequence[int], values: Mapping[str, int], rng: Rng
) -> list[DrawnSheet]:
    remembered = PermanentResponses(rows.responses_of(connection, survey.survey_id))
    drawn = [draw_sheet(survey.questionnaire, sheet, values, remembered, rng) for sheet in sheets]
    new = [(each.question, each.answer, each.report) for sheet in drawn for each in sheet.new]
    rows.add_responses(connection, survey.survey_id, new)
    return drawn


def _loss(
    connection: Connection, survey: JoinedSurvey, period: OpenPeriod, drawn: Sequence[DrawnSheet], now_s: float
) -> KeptLoss:
    eps0: int | None = 0
    for each in drawn:
        eps0 = None if eps0 is None or each.eps0 is None else eps0 + each.eps0
    again = sum(each.again for each in drawn)
    loss = KeptLoss(survey.survey_id, period.number, survey.title, promised_loss(survey), eps0, again, now_s)
    # The promise is about all reports of a person in a period, and so is paid with the first one.
    paid = any((each.survey_id, each.period) == (loss.survey_id, loss.period) for each in rows.all_losses(connection))
    return dataclasses.replace(loss, eps=0) if paid else loss


def promised_loss(survey: JoinedSurvey) -> int:
    """Return what a survey promises to cost at most in a period, if one mix is honest, in millionths."""
    return millionths(Decimal(survey.questionnaire.draft.privacy.eps))


def _report(place: ReportPlace, drawn: DrawnSheet, now_s: float, rng: Rng) -> KeptReport:
    report_id = rng.randbytes(REPORT_ID_BYTES)
    # Without a token yet: it is put in when it is taken.
    sent = SentReport(place.survey_id, place.sheet, place.period, report_id, drawn.values, b"")
    return KeptReport(place, report_id, encode_report(sent), changed_at_s=now_s)
