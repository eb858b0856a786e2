"""The desk of one respondent: all surveys of a folder, from the invitation until the collector has the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from client.api import Client, LoopixmixError, UnavailableError
from loopixmix.errors import MisuseError
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess
from stats.answer.answering import GivenAnswers, keep_answers
from stats.answer.dispatching import ReportDispatch
from stats.answer.invitation import SurveyInvitation
from stats.answer.joining import ISSUER, Faults, fetch_survey
from stats.answer.ledger import KeptLoss, PrivacyLimits
from stats.answer.store import rows
from stats.answer.store.rows import KeptReport, ReportPlace, ReportState
from stats.answer.surveys import JoinedSurvey, OpenPeriod
from stats.answer.times import SendingRule

PERIODS_AHEAD = 2
"""Tokens are ordered for the present period and so many after it: then no order tells that somebody answers now."""


@dataclass(frozen=True)
class DeskSetting:
    """What a desk stands in. `faults`: says what is unsound about a questionnaire. `rule`: when reports leave."""

    client: Client
    access: StoreAccess
    clock: Clock
    rng: Rng
    faults: Faults
    rule: SendingRule = field(default_factory=SendingRule)


@dataclass(frozen=True)
class SurveyStanding:
    """How far a survey is. `period`: the one that is open now. `words`: what was answered in it and is still kept.

    `is_over`: no period follows.
    """

    survey: JoinedSurvey
    period: OpenPeriod | None
    reports: Sequence[KeptReport]
    words: Mapping[str, str]
    is_over: bool


@dataclass(frozen=True)
class BudgetStanding:
    """The privacy budget: what is allowed, and what was lost."""

    limits: PrivacyLimits
    losses: Sequence[KeptLoss]


class RespondentDesk:
    """Answers surveys for one person or device."""

    def __init__(self, setting: DeskSetting) -> None:
        """Begin with what is in the store."""
        self._client = setting.client
        self._access = setting.access
        self._clock = setting.clock
        self._rng = setting.rng
        self._faults = setting.faults
        self._rule = setting.rule
        self._dispatch = ReportDispatch(
            setting.client, setting.access, clock=setting.clock, rng=setting.rng, rule=setting.rule
        )
        self.problem = ""
        """Why something has to wait, in a line; empty if nothing has."""

    async def join(self, invitation: SurveyInvitation) -> JoinedSurvey:
        """Take an invitation: fetch and check the questionnaire if it is not here yet, and keep it durably.

        Raises `WrongSurveyError`, `UnsoundSurveyError`, `MisuseError`, and the client's errors.
        """
        known = await self._access.read(lambda connection: rows.find_survey(connection, invitation.survey_id))
        if known is None:
            now_s = self._clock.seconds()
            joined = await fetch_survey(self._client, invitation, faults=self._faults, now_s=now_s)
            await self._access.write(lambda connection: rows.add_survey(connection, joined.kept))
        elif (
            # A second code is for a second person, unless the first one was mistyped.
            invitation.code not in ("", known.code)
            and (not known.code or await self._refused_places(JoinedSurvey.of(known)))
        ):
            await self.set_code(invitation.survey_id, invitation.code)
        return await self.survey(invitation.survey_id)

    async def survey(self, survey_id: bytes) -> JoinedSurvey:
        """Return a survey that was joined; raise `MisuseError` if there is none of this id."""
        kept = await self._access.read(lambda connection: rows.find_survey(connection, survey_id))
        if kept is None:
            raise MisuseError(f"there is no survey {survey_id.hex()[:16]} here: its invitation was not taken")
        return JoinedSurvey.of(kept)

    async def set_code(self, survey_id: bytes, code: str) -> None:
        """Keep the code of a survey, which came later than its invitation, or in the place of one that was refused."""
        kept = await self._access.read(lambda connection: rows.find_survey(connection, survey_id))
        refused = [] if kept is None else await self._refused_places(JoinedSurvey.of(kept))

        def change(connection: Connection) -> None:
            rows.set_code(connection, survey_id, code)
            for place in refused:
                rows.forget_order(connection, place)

        await self._access.write(change)

    async def order_tokens(self, survey: JoinedSurvey) -> int:
        """Order the tokens for the present period and the next ones, as far as that was not done; return how many.

        The client asks for them at random times. One that is ordered twice, after a kill, is given once by the issuer.
        Raises `MisuseError` if the survey needs a code, and there is none.
        """
        if not survey.takes_tokens:
            return 0
        missing = await self._access.read(lambda connection: self._not_ordered(survey, connection))
        if missing and not survey.kept.code:
            raise MisuseError("this survey needs the code that came with its invitation")
        keys = {(each.sheet, each.period): each.key for each in survey.questionnaire.keys}
        for place in missing:
            await self._client.fetch_tokens(
                f"{ISSUER}@{survey.kept.issuer}",
                survey.questionnaire.sheets[place.sheet].purpose,
                1,
                credential=survey.kept.code,
                key=keys[place.sheet, place.period],
            )
            await self._access.write(partial(rows.note_ordered, place=place))
        return len(missing)

    async def answer(self, survey: JoinedSurvey, given: GivenAnswers) -> list[KeptReport]:
        """Take the answers of the present period; return the reports once they are durable, randomised and paid for.

        `advance` sends them. Raises `NotOpenError`, `TooLateError`, `AlreadyAnsweredError`, `BudgetSpentError`, and
        `MisuseError` for values that are no answers; then nothing has changed.
        """
        now_s = self._clock.seconds()
        period = survey.open_period(now_s)
        # So that nothing is paid for a report that cannot arrive any more.
        self._rule.leaving_times(now_s, period.ends_s, self._rng)
        return await self._access.write(
            lambda connection: keep_answers(connection, survey, period, given, now_s=now_s, rng=self._rng)
        )

    async def advance(self) -> bool:
        """Move all reports along as far as they go now; return whether all have come to their end.

        What cannot be done now is done by a later call; `problem` says why.
        """
        self.problem = ""
        reports = await self._access.read(rows.open_reports)
        ended = True
        for report in reports:
            survey = await self.survey(report.place.survey_id)
            try:
                after = await self._dispatch.advance(survey, report)
            except UnavailableError as error:
                self.problem, after = str(error), report
            except LoopixmixError as error:
                self.problem, after = f"{survey.title}: {error}", report
            ended = ended and after.state.is_end
        self.problem = self.problem or await self._told_refusal()
        await self._forget_closed()
        return ended

    async def standing(self, survey: JoinedSurvey) -> SurveyStanding:
        """Return how far a survey is."""
        now_s = self._clock.seconds()
        period = survey.find_period(now_s)
        number = survey.period_count - 1 if period is None else period.number
        reports = await self._access.read(lambda connection: rows.reports_of(connection, survey.survey_id))
        words = await self._access.read(lambda connection: rows.words_of(connection, survey.survey_id, number))
        return SurveyStanding(survey, period, reports, words, survey.is_over(now_s))

    async def surveys(self) -> list[JoinedSurvey]:
        """Return all surveys, the newest last."""
        return [JoinedSurvey.of(kept) for kept in await self._access.read(rows.all_surveys)]

    async def budget(self) -> BudgetStanding:
        """Return the privacy budget."""
        limits = await self._access.read(rows.find_limits)
        return BudgetStanding(limits, await self._access.read(rows.all_losses))

    async def set_limits(self, limits: PrivacyLimits) -> None:
        """Change what is allowed."""
        await self._access.write(lambda connection: rows.set_limits(connection, limits))

    async def forget(self, survey: JoinedSurvey) -> None:
        """Forget a survey, but not what it cost; raise `MisuseError` while reports are on their way."""
        reports = await self._access.read(lambda connection: rows.reports_of(connection, survey.survey_id))
        if any(not report.state.is_end for report in reports):
            raise MisuseError("reports of this survey are on their way; forget it when they have come to an end")
        await self._access.write(lambda connection: rows.remove_survey(connection, survey.survey_id))
        await self._access.empty_log()

    def _not_ordered(self, survey: JoinedSurvey, connection: Connection) -> list[ReportPlace]:
        now_s = self._clock.seconds()
        if survey.is_over(now_s):
            return []
        present = survey.find_period(now_s)
        first = 0 if present is None else present.number
        last = min(survey.period_count, first + 1 + PERIODS_AHEAD)
        sheets = range(len(survey.questionnaire.sheets))
        places = [ReportPlace(survey.survey_id, sheet, period) for period in range(first, last) for sheet in sheets]
        return [place for place in places if not rows.is_ordered(connection, place)]

    async def _told_refusal(self) -> str:
        for survey in await self.surveys():
            if await self._refused_places(survey):
                return f"{survey.title}: the issuer refused the code: take the invitation again, with the right code"
        return ""

    async def _refused_places(self, survey: JoinedSurvey) -> list[ReportPlace]:
        """Return the reports that wait for a token which the issuer has refused: the client has given up its order."""
        if not survey.takes_tokens:
            return []

        def waiting(connection: Connection) -> list[ReportPlace]:
            reports = rows.reports_of(connection, survey.survey_id)
            places = [report.place for report in reports if report.state is ReportState.DRAWN]
            return [place for place in places if rows.is_ordered(connection, place)]

        places = await self._access.read(waiting)
        if not places:
            return []
        coming = {each.purpose for each in await self._client.tokens() if each.usable or each.resting or each.ordered}
        return [place for place in places if survey.questionnaire.sheets[place.sheet].purpose not in coming]

    async def _forget_closed(self) -> None:
        """Erase what is not needed any more of surveys that are over: permanent responses, and codes."""
        now_s = self._clock.seconds()
        over = [survey.survey_id for survey in await self.surveys() if survey.is_over(now_s)]

        def forget(connection: Connection) -> bool:
            return sum(rows.forget_secrets(connection, each) for each in over) > 0

        if not over:
            return
        forgotten = await self._access.write(forget)
        if forgotten:
            await self._access.empty_log()
