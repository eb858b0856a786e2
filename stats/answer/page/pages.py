"""The respondent's pages, for one person on the own machine: no scripts, works by keyboard and at 320 pixels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from loopixmix.errors import LoopixmixError, MisuseError
from loopixmix.seams import Clock, Rng
from loopixmix.web.forms.fields import TextField
from loopixmix.web.forms.forms import Form, button_form
from loopixmix.web.showing.frame import MenuEntry
from loopixmix.web.showing.markup import Content, element, link, notice, paragraph, section
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.routes import PageRoutes
from loopixmix.web.visiting.visit import Visit
from stats.answer.answering import GivenAnswers
from stats.answer.desk import RespondentDesk, SurveyStanding
from stats.answer.invitation import SurveyInvitation, decode_survey_invitation
from stats.answer.page import showing
from stats.answer.page.budget import LIMITS, budget_content, entered, limits_of
from stats.answer.page.form import SurveyForm
from stats.answer.page.showing import path_of, unanswered
from stats.questionnaire.answers import AnswerError

INVITATION = TextField("invitation", "Your invitation", "One word that begins with survey-1:", longest=1_000, lines=3)
JOIN = Form(INVITATION, submit="Take the invitation")


Prepare: TypeAlias = Callable[[SurveyInvitation], Awaitable[None]]


async def _nothing(_: SurveyInvitation) -> None:
    """Have a client that is ready."""


class RespondentPages:
    """One person's pages."""

    app = PageRoutes()
    title = "Surveys"
    places = (MenuEntry("/surveys", "My surveys"), MenuEntry("/budget", "Privacy budget"))

    def __init__(self, desk: RespondentDesk, *, clock: Clock, rng: Rng, prepare: Prepare = _nothing) -> None:
        """`desk`: of the person. `rng`: names what is looked at. `prepare`: readies the client for an invitation."""
        self._desk = desk
        self._clock = clock
        self._rng = rng
        self._prepare = prepare
        self._looked_at: dict[bytes, tuple[str, GivenAnswers]] = {}

    @app.page("/")
    async def home(self, visit: Visit) -> SeeOther:  # noqa: ARG002 (routes hand it to every page)
        """Lead to the newest survey that can be answered."""
        for survey in reversed(await self._desk.surveys()):
            if unanswered(await self._desk.standing(survey)):
                return SeeOther(path_of(survey))
        return SeeOther("/surveys")

    @app.page("/surveys", methods=["GET", "POST"])
    async def surveys(self, visit: Visit) -> Shown | SeeOther:
        """Show all surveys, and take an invitation."""
        filled, problem = None, ""
        if visit.form is not None:
            filled = JOIN.read(visit.form)
            if filled.is_good:
                try:
                    return await self._join(filled.value(INVITATION))
                except LoopixmixError as error:
                    problem = str(error)
        found = [await self._desk.standing(survey) for survey in await self._desk.surveys()]
        content: list[Content] = [
            *(showing.standing(visit, each) for each in reversed(found)),
            section("Another survey", _problem(problem), JOIN.show(visit.form_token, filled)),
        ]
        return Shown("My surveys", content, status=200 if filled is None else 422)

    @app.page("/survey/<survey_id>", methods=["GET", "POST"])
    async def survey(self, visit: Visit, survey_id: str) -> Shown | SeeOther:
        """Ask every question that is still to be answered."""
        found = await self._standing(survey_id)
        sheets = unanswered(found)
        if not sheets:
            return SeeOther(path_of(found.survey, "/reports"))
        asked = SurveyForm(found.survey, sheets)
        form, filled, problem = asked.form, None, ""
        if visit.form is not None:
            filled = form.read(visit.form)
            if filled.is_good:
                try:
                    code = self._rng.randbytes(8).hex()
                    self._looked_at[found.survey.survey_id] = code, asked.read(filled)
                    return SeeOther(path_of(found.survey, "/preview"))
                except AnswerError as error:
                    problem = str(error)
        # What has to be corrected comes first.
        before = showing.consent(found.survey) if filled is None else [_problem(problem)]
        content = [*before, section("The questions", form.show(visit.form_token, filled))]
        return Shown(found.survey.title, content, status=200 if filled is None else 422)

    @app.page("/survey/<survey_id>/preview")
    async def preview(self, visit: Visit, survey_id: str) -> Shown | SeeOther:
        """Show what is about to be sent."""
        survey = (await self._standing(survey_id)).survey
        if survey.survey_id not in self._looked_at:
            return SeeOther(path_of(survey))
        code, given = self._looked_at[survey.survey_id]
        content = [
            *showing.preview(survey, given, await self._desk.budget(), self._clock.seconds()),
            button_form(visit.form_token, "Send it", visit.to(path_of(survey, f"/send/{code}")), class_="first"),
            paragraph(link(visit.to(path_of(survey)), "Answer otherwise")),
        ]
        return Shown("What is sent", content)

    @app.page("/survey/<survey_id>/send/<code>", methods=["POST"])
    async def send(self, visit: Visit, survey_id: str, code: str) -> SeeOther:  # noqa: ARG002 (as above)
        """Send what was looked at."""
        survey = (await self._standing(survey_id)).survey
        known, given = self._looked_at.get(survey.survey_id, ("", None))
        if given is None or known != code:
            # A second press of the button, or the page of before: it may show other answers.
            return SeeOther(path_of(survey, "/reports" if given is None else "/preview"))
        await self._desk.answer(survey, given)
        del self._looked_at[survey.survey_id]
        return SeeOther(path_of(survey, "/reports"))

    @app.page("/survey/<survey_id>/reports")
    async def reports(self, visit: Visit, survey_id: str) -> Shown:  # noqa: ARG002 (as above)
        """Show what became of each report."""
        await self._desk.advance()
        found = await self._standing(survey_id)
        content = [
            notice(f"Something has to wait: {self._desk.problem}") if self._desk.problem else "",
            *showing.reports(found),
        ]
        return Shown(found.survey.title, content)

    @app.page("/budget", methods=["GET", "POST"])
    async def budget(self, visit: Visit) -> Shown | SeeOther:
        """Show the privacy budget, and change its limits."""
        budget = await self._desk.budget()
        filled = entered(budget.limits)
        if visit.form is not None:
            filled = LIMITS.read(visit.form)
            if filled.is_good:
                await self._desk.set_limits(limits_of(filled))
                return SeeOther("/budget")
        limits = section("What you allow", LIMITS.show(visit.form_token, filled))
        content = [*budget_content(budget, self._clock.seconds()), limits]
        return Shown("Privacy budget", content, status=200 if filled.is_good else 422)

    async def _join(self, text: str) -> SeeOther:
        invitation = decode_survey_invitation(text)
        await self._prepare(invitation)
        survey = await self._desk.join(invitation)
        await self._desk.order_tokens(survey)
        return SeeOther(path_of(survey))

    async def _standing(self, survey_id: str) -> SurveyStanding:
        try:
            survey = await self._desk.survey(bytes.fromhex(survey_id))
        except ValueError as error:
            raise MisuseError("there is no such survey here") from error
        return await self._desk.standing(survey)


def _problem(problem: str) -> Content:
    if not problem:
        return ""
    return element("div", element("p", f"{problem[:1].upper()}{problem[1:]}."), class_="errors", role="alert")
