"""What is asked of a respondent's store, and written into it; each function is part of a transaction."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Row, delete, insert, select, update

from stats.answer.ledger import KeptLoss, PrivacyLimits
from stats.answer.store.schema import answers, limits, losses, ordered_tokens, repeated, reports, responses, surveys

_LIMITS_ID = 1


class ReportState(enum.StrEnum):
    """Where a report is. The last three are ends."""

    DRAWN = "drawn"
    """It waits for its token."""
    READY = "ready"
    """It has its token, and is handed to the client next."""
    POSTED = "posted"
    """The client has it, and sends it at its time."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATE = "late"
    """Its period ended before the collector took it, or the person took it back from the client."""

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens to it."""
        return self in (ReportState.ACCEPTED, ReportState.REFUSED, ReportState.LATE)


@dataclass(frozen=True)
class KeptSurvey:
    """A survey whose invitation was taken. `questionnaire`: its bytes."""

    survey_id: bytes
    collector: str
    issuer: str
    code: str = field(repr=False)
    questionnaire: bytes = field(repr=False)
    joined_at_s: float


@dataclass(frozen=True)
class ReportPlace:
    """Which report of a person: there is one for each sheet and period of a survey."""

    survey_id: bytes
    sheet: int
    period: int


@dataclass(frozen=True)
class KeptReport:
    """A report on its way. `drawn`: its bytes, drawn once, empty at its end. `request`: the client's id of it."""

    place: ReportPlace
    report_id: bytes
    drawn: bytes = field(repr=False)
    state: ReportState = ReportState.DRAWN
    attempt: int = 0
    not_before_s: float = 0.0
    deadline_s: float = 0.0
    request: str = ""
    changed_at_s: float = 0.0


def add_survey(connection: Connection, survey: KeptSurvey) -> None:
    """Keep a survey; one that is there already stays as it is."""
    if find_survey(connection, survey.survey_id) is None:
        connection.execute(insert(surveys), vars(survey))


def set_code(connection: Connection, survey_id: bytes, code: str) -> None:
    """Keep the code of a survey."""
    connection.execute(update(surveys).where(surveys.c.survey_id == survey_id).values(code=code))


def find_survey(connection: Connection, survey_id: bytes) -> KeptSurvey | None:
    """Return a survey, if it was joined."""
    row = connection.execute(select(surveys).where(surveys.c.survey_id == survey_id)).first()
    return None if row is None else KeptSurvey(**row._mapping)


def all_surveys(connection: Connection) -> list[KeptSurvey]:
    """Return all surveys, the newest last."""
    found = connection.execute(select(surveys).order_by(surveys.c.joined_at_s, surveys.c.survey_id))
    return [KeptSurvey(**row._mapping) for row in found]


def remove_survey(connection: Connection, survey_id: bytes) -> None:
    """Forget all of a survey but what it cost."""
    for table in (surveys, ordered_tokens, reports, answers, repeated, responses):
        connection.execute(delete(table).where(table.c.survey_id == survey_id))


def is_ordered(connection: Connection, place: ReportPlace) -> bool:
    """Tell whether the token of a report was ordered."""
    chosen = select(ordered_tokens.c.sheet).where(*_at(ordered_tokens, place))
    return connection.execute(chosen).first() is not None


def note_ordered(connection: Connection, place: ReportPlace) -> None:
    """Write down that the token of a report was ordered; once more changes nothing."""
    if not is_ordered(connection, place):
        connection.execute(insert(ordered_tokens), vars(place))


def forget_order(connection: Connection, place: ReportPlace) -> None:
    """Forget that the token of a report was ordered, so that it is ordered again."""
    connection.execute(delete(ordered_tokens).where(*_at(ordered_tokens, place)))


def add_report(connection: Connection, report: KeptReport, words: Mapping[str, str]) -> None:
    """Keep a report that was drawn, and in words what was answered; raise `ConstraintError` if there is one already."""
    place = vars(report.place)
    connection.execute(insert(reports), {**place, **_columns(report)})
    if words:
        rows = [{**place, "question": question, "answer": answer} for question, answer in words.items()]
        connection.execute(insert(answers), rows)


def change_report(connection: Connection, before: KeptReport, after: KeptReport) -> bool:
    """Change a report that is still as it was `before`; tell whether it was: another program may have been quicker.

    What was answered is erased once the client has the report, and the bytes of the report at its end.
    """
    if after.state.is_end:
        after = KeptReport(
            after.place,
            after.report_id,
            b"",
            after.state,
            after.attempt,
            request=after.request,
            changed_at_s=after.changed_at_s,
        )
    changed = connection.execute(
        update(reports)
        .where(
            *_at(reports, before.place),
            reports.c.state == before.state.value,
            reports.c.attempt == before.attempt,
            reports.c.request == before.request,
        )
        .values(**_columns(after))
    )
    if changed.rowcount and after.state not in (ReportState.DRAWN, ReportState.READY):
        connection.execute(delete(answers).where(*_at(answers, after.place)))
    return bool(changed.rowcount)


def reports_of(connection: Connection, survey_id: bytes) -> list[KeptReport]:
    """Return the reports of a survey, by period and sheet."""
    chosen = select(reports).where(reports.c.survey_id == survey_id).order_by(reports.c.period, reports.c.sheet)
    return [_report(row) for row in connection.execute(chosen)]


def open_reports(connection: Connection) -> list[KeptReport]:
    """Return the reports that are not at their end, or whose request the client has still to forget."""
    ends = [state.value for state in ReportState if state.is_end]
    chosen = select(reports).where(reports.c.state.not_in(ends) | (reports.c.request != ""))
    return [_report(row) for row in connection.execute(chosen)]


def words_of(connection: Connection, survey_id: bytes, period: int) -> Mapping[str, str]:
    """Return in words what was answered in a period, as far as it is still kept."""
    chosen = select(answers).where(answers.c.survey_id == survey_id, answers.c.period == period)
    return {row.question: row.answer for row in connection.execute(chosen)}


def responses_of(connection: Connection, survey_id: bytes) -> Mapping[tuple[str, int], int]:
    """Return what was drawn for each question and value of a survey that are asked again."""
    chosen = select(responses).where(responses.c.survey_id == survey_id)
    return {(row.question, row.value): row.drawn for row in connection.execute(chosen)}


def add_responses(connection: Connection, survey_id: bytes, new: Sequence[tuple[str, int, int]]) -> None:
    """Keep permanent responses: question, value, and what was drawn for it."""
    rows = [{"survey_id": survey_id, "question": name, "value": value, "drawn": drawn} for name, value, drawn in new]
    if rows:
        connection.execute(insert(responses), rows)


def forget_secrets(connection: Connection, survey_id: bytes) -> bool:
    """Erase permanent responses, repeated values and the code of a survey; tell whether there were any."""
    found = [
        connection.execute(delete(table).where(table.c.survey_id == survey_id)).rowcount
        for table in (responses, repeated)
    ]
    with_code = update(surveys).where(surveys.c.survey_id == survey_id, surveys.c.code != "")
    return any([*found, connection.execute(with_code.values(code="")).rowcount])


def set_repeated(connection: Connection, survey_id: bytes, values: bytes) -> None:
    """Keep the newest values of a device, in place of older ones."""
    connection.execute(delete(repeated).where(repeated.c.survey_id == survey_id))
    connection.execute(insert(repeated), {"survey_id": survey_id, "values": values})


def repeated_of(connection: Connection, survey_id: bytes) -> bytes | None:
    """Return the newest values of a device."""
    return connection.execute(select(repeated.c["values"]).where(repeated.c.survey_id == survey_id)).scalar()


def add_loss(connection: Connection, loss: KeptLoss) -> None:
    """Write down a loss; what was lost in that survey and period before is added to it."""
    at = (losses.c.survey_id == loss.survey_id, losses.c.period == loss.period)
    known = connection.execute(select(losses).where(*at)).first()
    if known is None:
        connection.execute(insert(losses), vars(loss))
        return
    eps0 = None if known.eps0 is None or loss.eps0 is None else known.eps0 + loss.eps0
    added = {"eps": known.eps + loss.eps, "eps0": eps0, "again": known.again + loss.again, "at_s": loss.at_s}
    connection.execute(update(losses).where(*at).values(**added))


def all_losses(connection: Connection) -> list[KeptLoss]:
    """Return all losses, the oldest first."""
    found = connection.execute(select(losses).order_by(losses.c.at_s, losses.c.survey_id, losses.c.period))
    return [KeptLoss(**row._mapping) for row in found]


def find_limits(connection: Connection) -> PrivacyLimits:
    """Return what the person allows."""
    row = connection.execute(select(limits)).first()
    return PrivacyLimits() if row is None else PrivacyLimits(row.eps, row.eps0, row.days, row.trusts_collectors)


def set_limits(connection: Connection, allowed: PrivacyLimits) -> None:
    """Change what the person allows."""
    connection.execute(delete(limits))
    connection.execute(insert(limits), {"id": _LIMITS_ID, **vars(allowed)})


def _at(table, place: ReportPlace):  # type: ignore[no-untyped-def]
    return table.c.survey_id == place.survey_id, table.c.sheet == place.sheet, table.c.period == place.period


def _columns(report: KeptReport) -> dict[str, object]:
    return {**{name: value for name, value in vars(report).items() if name != "place"}, "state": report.state.value}


def _report(row: Row[tuple[object, ...]]) -> KeptReport:
    found = dict(row._mapping)
    place = ReportPlace(found.pop("survey_id"), found.pop("sheet"), found.pop("period"))
    return KeptReport(place, **{**found, "state": ReportState(found["state"])})
