"""Devices that report by themselves, such as sensors and counters: the newest values, once in each period."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from client.api import LoopixmixError
from loopixmix.errors import StoreError
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess
from stats.answer.answering import GivenAnswers
from stats.answer.desk import RespondentDesk, SurveyStanding
from stats.answer.invitation import SurveyInvitation
from stats.answer.store import rows
from stats.answer.store.rows import ReportState
from stats.answer.surveys import JoinedSurvey
from stats.answer.terminal import given_answers
from stats.questionnaire.answers import Answer

MOST_WAITING = 1_000
"""So many reports may wait. Each goes to its end with its period, if the client runs."""
LOOK_S = 60.0


class Reported(enum.Enum):
    """What became of values."""

    DRAWN = "drawn"
    """They are randomised, and on their way."""
    KEPT = "kept"
    """The present period has its report, or none is open: they are reported in the next one."""
    DROPPED = "dropped"
    """Too many reports wait already."""


@dataclass(frozen=True)
class DeviceCounters:
    """What a device has done.

    `drawn`, `repeated`, `kept`, `dropped`: since it was started, how often values were randomised, randomised again for
    another period, kept for the next one, dropped. The others: how many of its reports are in each state now.
    """

    drawn: int
    repeated: int
    kept: int
    dropped: int
    waiting: int
    accepted: int
    refused: int
    late: int


class Device:
    """Reports for one device in one survey. Values of questions that are asked again are repeated in each period."""

    def __init__(
        self, desk: RespondentDesk, access: StoreAccess, invitation: SurveyInvitation, *, clock: Clock
    ) -> None:
        """`desk`, `access`: on the store of the device, which no other device shares. `invitation`: to the survey."""
        self._desk = desk
        self._access = access
        self._invitation = invitation
        self._clock = clock
        self._counts = dict.fromkeys(("drawn", "repeated", "kept", "dropped"), 0)
        self.problem = ""
        """Why something has to wait, in a line; empty if nothing has."""

    async def report(self, values: Mapping[str, Answer]) -> Reported:
        """Take the newest answers by the names of the questions; return what became of them once that is durable.

        Raises `AnswerError` and `MisuseError` for what is no answer, `BudgetSpentError` if the device's privacy budget
        is spent, `TooLateError` just before the end of a period, and the client's errors as long as the survey was not
        fetched.
        """
        survey = await self._desk.join(self._invitation)
        given = given_answers(survey, values)
        encoded = msgspec.json.encode(dict(given.values))
        await self._access.write(lambda connection: rows.set_repeated(connection, survey.survey_id, encoded))
        return await self._draw(survey, given.values, "drawn")

    async def work(self) -> None:
        """Order tokens, repeat values in a new period, and move reports along; what cannot be done is done later."""
        try:
            survey = await self._desk.join(self._invitation)
            await self._desk.order_tokens(survey)
            values = await self._repeatable(survey)
            if values:
                await self._draw(survey, values, "repeated")
        except StoreError:
            raise
        except LoopixmixError as error:
            self.problem = str(error)
        else:
            self.problem = ""
        await self._desk.advance()
        self.problem = self.problem or self._desk.problem

    async def run(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """Work from time to time, until it is cancelled. `pause`: waits for seconds."""
        while True:
            await self.work()
            await pause(LOOK_S)

    async def counters(self) -> DeviceCounters:
        """Return what the device has done."""
        found = await self._access.read(lambda connection: rows.reports_of(connection, self._invitation.survey_id))
        states = {state: sum(report.state is state for report in found) for state in ReportState}
        waiting = sum(count for state, count in states.items() if not state.is_end)
        ends = (states[state] for state in (ReportState.ACCEPTED, ReportState.REFUSED, ReportState.LATE))
        return DeviceCounters(
            **self._counts, **dict(zip(("accepted", "refused", "late"), ends, strict=True)), waiting=waiting
        )

    async def _draw(self, survey: JoinedSurvey, values: Mapping[str, int], counted: str) -> Reported:
        found = await self._desk.standing(survey)
        fresh = _of_open_sheets(found, values)
        if not fresh:
            self._counts["kept"] += 1
            return Reported.KEPT
        if sum(not report.state.is_end for report in found.reports) >= MOST_WAITING:
            self._counts["dropped"] += 1
            return Reported.DROPPED
        await self._desk.answer(survey, GivenAnswers(fresh))
        self._counts[counted] += 1
        return Reported.DRAWN

    async def _repeatable(self, survey: JoinedSurvey) -> Mapping[str, int]:
        """Return the newest values of what is asked again, as far as the present period has no report of it.

        All else would be randomised anew in each period, and many draws of one value tell it.
        """
        encoded = await self._access.read(lambda connection: rows.repeated_of(connection, survey.survey_id))
        if encoded is None:
            return {}
        values = msgspec.json.decode(encoded, type=dict[str, int])
        again = {question.name for question in survey.questionnaire.draft.questions if question.again}
        whole = [sheet for sheet in survey.questionnaire.sheets if again.issuperset(sheet.questions)]
        kept = {name: values[name] for sheet in whole for name in sheet.questions if name in values}
        return _of_open_sheets(await self._desk.standing(survey), kept)


def _of_open_sheets(found: SurveyStanding, values: Mapping[str, int]) -> dict[str, int]:
    """Return the values of sheets that have no report in the present period."""
    if found.period is None:
        return {}
    done = {report.place.sheet for report in found.reports if report.place.period == found.period.number}
    sheets = enumerate(found.survey.questionnaire.sheets)
    names = {name for number, sheet in sheets if number not in done for name in sheet.questions}
    return {name: value for name, value in values.items() if name in names}
