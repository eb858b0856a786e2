"""Reports on their way: each gets a token, is handed to the client, and is followed until the collector has it.

Every step can be done again: the token comes by an idempotency key, the request is posted by one, and a change of the
store counts only if the report is still as it was. So a kill between two steps neither loses a report nor doubles it,
and two programs may do the same step.
"""

from __future__ import annotations

import dataclasses
from functools import partial

from client.api import (
    Client,
    NoTokenError,
    PostedRequest,
    RequestId,
    RequestState,
    UnknownRequestError,
    WrongStateError,
)
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess
from stats.answer.store import rows
from stats.answer.store.rows import KeptReport, ReportState
from stats.answer.surveys import JoinedSurvey
from stats.answer.times import SendingRule, TooLateError
from stats.collect.requests import ACCEPTED, SERVICE, AskedOfCollector, encode_asked
from stats.report.report import decode_report, encode_report

MOST_ATTEMPTS = 3
"""A collector that is being started again cannot take a report; one that refuses it for good does so again."""


class ReportDispatch:
    """Moves reports along."""

    def __init__(self, client: Client, access: StoreAccess, *, clock: Clock, rng: Rng, rule: SendingRule) -> None:
        """`client`: of a guest account. `access`: the respondent's store. `rule`: when reports leave."""
        self._client = client
        self._access = access
        self._clock = clock
        self._rng = rng
        self._rule = rule

    async def advance(self, survey: JoinedSurvey, report: KeptReport) -> KeptReport:
        """Do what can be done now; return the report as it is then. Raises the client's errors, and nothing is lost."""
        while True:
            after = await self._step(survey, report)
            if after == report:
                return report
            after = dataclasses.replace(after, changed_at_s=self._clock.seconds())
            if not await self._access.write(partial(rows.change_report, before=report, after=after)):
                return report
            if after.state is not report.state and after.state not in (ReportState.DRAWN, ReportState.READY):
                # What was erased still stands in the log of changes.
                await self._access.empty_log()
            report = after

    async def _step(self, survey: JoinedSurvey, report: KeptReport) -> KeptReport:
        # By a clock that is ahead a report would be too late for good.
        if report.state in (ReportState.DRAWN, ReportState.READY) and not (await self._client.status()).time_agreed:
            return report
        match report.state:
            case ReportState.DRAWN:
                return await self._with_token(survey, report)
            case ReportState.READY:
                return await self._posted(survey, report)
            case ReportState.POSTED:
                return await self._followed(survey, report)
            case _ if report.request:
                await self._forget(report)
                return dataclasses.replace(report, request="")
            case _:
                return report

    async def _with_token(self, survey: JoinedSurvey, report: KeptReport) -> KeptReport:
        times_or_late = self._with_times(survey, report)
        if times_or_late.state is ReportState.LATE:
            return times_or_late
        token = b""
        if survey.takes_tokens:
            purpose = survey.questionnaire.sheets[report.place.sheet].purpose
            try:
                token = await self._client.take_token(purpose, idempotency_key=f"stats-{report.report_id.hex()}")
            except NoTokenError:
                return report
        sent = dataclasses.replace(decode_report(report.drawn), token=token)
        return dataclasses.replace(times_or_late, drawn=encode_report(sent), state=ReportState.READY)

    async def _posted(self, survey: JoinedSurvey, report: KeptReport) -> KeptReport:
        if self._clock.seconds() >= report.deadline_s:
            # The program was away for so long. If the client has the request already, it is found by its key.
            report = self._with_times(survey, report)
            if report.state is ReportState.LATE:
                return report
        request = await self._client.post_request(
            f"{SERVICE}@{survey.kept.collector}",
            encode_asked(AskedOfCollector.REPORT, report.drawn),
            idempotency_key=f"stats-{report.report_id.hex()}-{report.attempt}",
            not_before_s=report.not_before_s,
            deadline_s=report.deadline_s,
        )
        return dataclasses.replace(report, state=ReportState.POSTED, request=str(request))

    async def _followed(self, survey: JoinedSurvey, report: KeptReport) -> KeptReport:
        try:
            posted = await self._client.answer(RequestId(report.request))
        except UnknownRequestError:
            # Another client, or one that has forgotten it. The collector knows a report that it has by its token.
            return self._tried_again(survey, report, ReportState.LATE)
        match posted.state:
            case RequestState.QUEUED | RequestState.ASKING:
                return report
            case RequestState.ANSWERED:
                return dataclasses.replace(report, state=_end_of(posted))
            case RequestState.CANCELLED:
                return dataclasses.replace(report, state=ReportState.LATE)
            case RequestState.FAILED | RequestState.EXPIRED:
                # Otherwise the client would keep a copy for a month.
                await self._forget(report)
                otherwise = ReportState.REFUSED if posted.state is RequestState.FAILED else ReportState.LATE
                return self._tried_again(survey, report, otherwise)

    def _tried_again(self, survey: JoinedSurvey, report: KeptReport, otherwise: ReportState) -> KeptReport:
        """Return the same report, to be sent in another request, if there is time and it was not tried too often."""
        if report.attempt + 1 >= MOST_ATTEMPTS:
            return dataclasses.replace(report, state=otherwise)
        again = dataclasses.replace(report, state=ReportState.READY, attempt=report.attempt + 1, request="")
        timed = self._with_times(survey, again)
        return dataclasses.replace(report, state=otherwise) if timed.state is ReportState.LATE else timed

    def _with_times(self, survey: JoinedSurvey, report: KeptReport) -> KeptReport:
        ends_s = survey.period(report.place.period).ends_s
        try:
            times = self._rule.leaving_times(self._clock.seconds(), ends_s, self._rng)
        except TooLateError:
            return dataclasses.replace(report, state=ReportState.LATE)
        return dataclasses.replace(report, not_before_s=times.not_before_s, deadline_s=times.deadline_s)

    async def _forget(self, report: KeptReport) -> None:
        try:
            await self._client.forget_request(RequestId(report.request))
        except (UnknownRequestError, WrongStateError):
            # It is gone already, or was found by a second program in between; the client forgets it after 30 days.
            return


def _end_of(posted: PostedRequest) -> ReportState:
    return ReportState.ACCEPTED if posted.answer == ACCEPTED else ReportState.REFUSED
