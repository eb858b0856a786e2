"""The pages of the dashboard. Each asks who is there, then for results beside the reactor, then shows them."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.errors import LoopixmixError, MisuseError
from loopixmix.seams import Clock
from loopixmix.web.showing.frame import MenuEntry
from loopixmix.web.showing.markup import Content, link, paragraph, section
from loopixmix.web.visiting.answers import Download, PageAnswer, SeeOther, Shown
from loopixmix.web.visiting.doors import DOOR_PATH
from loopixmix.web.visiting.routes import PageRoutes
from loopixmix.web.visiting.visit import Visit
from stats.analysts.book import Analyst, AnalystBook
from stats.analysts.door import find_holder
from stats.analysts.rights import AnalystRight, MissingRightError
from stats.dashboard.central import DataSetPages
from stats.dashboard.exports import ordered_file
from stats.dashboard.filters import filter_form, period_filter
from stats.dashboard.privacy import survey_privacy
from stats.dashboard.record import newest_deeds
from stats.dashboard.results import SurveyResults, UnknownResultError
from stats.dashboard.seams import ShownSurvey
from stats.dashboard.showing.about import ABOUT
from stats.dashboard.showing.asking import (
    RECORDED,
    SQL,
    SQL_FORM,
    cross_form,
    export_form,
    export_order,
    query_content,
    rows_table,
    sql_form,
    wrong,
)
from stats.dashboard.showing.crossing import cross_table
from stats.dashboard.showing.panels import open_label, privacy_panel, progress_panel, true_answers_panel
from stats.dashboard.showing.questions import question_figures, values_table
from stats.dashboard.showing.series import series_content
from stats.dashboard.showing.surveys import (
    batch_tables,
    deed_table,
    page_links,
    question_section,
    refusal_table,
    survey_links,
    survey_list,
)
from stats.dashboard.turns import WaitingTurns
from stats.estimate.alarms import AlarmRule

QUESTIONS_A_PAGE = 8
MOST_BATCHES = 200
MOST_DEEDS = 200


class DashboardPages:
    """What analysts see in a browser."""

    app = PageRoutes()
    title = "Private statistics"
    places = (
        MenuEntry("/", "Surveys"),
        MenuEntry("/data", "Data sets"),
        MenuEntry("/refusals", "Refusals"),
        MenuEntry("/record", "Record"),
        MenuEntry("/about", "Help"),
    )

    def __init__(
        self, results: SurveyResults, data: DataSetPages, book: AnalystBook, turns: WaitingTurns, *, clock: Clock
    ) -> None:
        """`results`, `data`, `book`: asked beside the reactor, by `turns`."""
        self._results = results
        self._data = data
        self._book = book
        self._turns = turns
        self._clock = clock

    @app.page("/")
    async def surveys(self, visit: Visit) -> PageAnswer:
        """List all surveys."""

        def work(_: Analyst) -> Shown:
            found = [(survey, self._results.progress(survey)) for survey in self._results.view.surveys()]
            return Shown("Surveys", [survey_list(found, self._clock.seconds(), visit.to), _look_again(visit, "/")])

        return await self._seen(visit, work)

    @app.page("/survey/<name>")
    async def survey(self, visit: Visit, name: str) -> PageAnswer:
        """Show a survey: how far it is, what it gives away, and its questions."""

        def work(_: Analyst) -> Shown:
            survey = self._results.find(name)
            if survey.is_central:
                return Shown(survey.questionnaire.draft.title, [open_label(survey), true_answers_panel(visit.to)])
            return self._survey_page(visit, survey)

        return await self._seen(visit, work)

    @app.page("/survey/<name>/question/<question>")
    async def question(self, visit: Visit, name: str, question: str) -> PageAnswer:
        """Show all about one question."""

        def work(_: Analyst) -> Shown:
            survey = self._results.find(name)
            where = period_filter(visit.query, survey)
            result = self._results.question(survey, question, where)
            filters = filter_form(survey, where, visit.to(f"/survey/{name}/question/{question}"))
            figures = [*question_figures(result), section("All figures", *values_table(result))]
            return Shown(result.question.text, [_up(visit, survey), open_label(survey), filters, *figures])

        return await self._seen(visit, work)

    @app.page("/survey/<name>/question/<question>/series")
    async def series(self, visit: Visit, name: str, question: str) -> PageAnswer:
        """Show a question period by period."""

        def work(_: Analyst) -> Shown:
            survey, rule = self._results.find(name), AlarmRule()
            result = self._results.series(survey, question, rule)
            shown = series_content(result, rule)
            return Shown(f"{result.question.name} over time", [_up(visit, survey), open_label(survey), *shown])

        return await self._seen(visit, work)

    @app.page("/survey/<name>/cross")
    async def cross(self, visit: Visit, name: str) -> PageAnswer:
        """Show two questions of one sheet against each other."""

        def work(_: Analyst) -> Shown:
            survey = self._results.find(name)
            rows, columns = visit.query.one("rows"), visit.query.one("columns")
            where = period_filter(visit.query.without("rows").without("columns"), survey)
            content: list[Content] = [_up(visit, survey), open_label(survey)]
            if rows and columns:
                content += cross_table(self._results.cross(survey, rows, columns, where))
            content.append(cross_form(survey, rows, columns, visit.to(f"/survey/{name}/cross")))
            return Shown("Two questions against each other", content)

        return await self._seen(visit, work)

    @app.page("/survey/<name>/batches")
    async def batches(self, visit: Visit, name: str) -> PageAnswer:
        """Show the batches of a survey."""

        def work(_: Analyst) -> Shown:
            survey = self._results.find(name)
            shown = batch_tables(survey, self._results.progress(survey), MOST_BATCHES)
            return Shown("Batches", [_up(visit, survey), *shown])

        return await self._seen(visit, work)

    @app.page("/survey/<name>/sql", methods=["GET", "POST"])
    async def sql(self, visit: Visit, name: str) -> PageAnswer:
        """Run a query on the randomised reports of a survey."""

        def work(_: Analyst) -> Shown:
            survey = self._results.find(name)
            filled = None if visit.form is None else SQL_FORM.read(visit.form)
            answer: Content = ""
            status = 200
            if filled is not None and filled.is_good:
                try:
                    answer = rows_table(*self._results.select(survey, filled.value(SQL)))
                except LoopixmixError as error:
                    answer, status = wrong(str(error)), 422
            shown = [_up(visit, survey), answer, sql_form(survey, visit.form_token, filled), query_content(survey)]
            return Shown("Query by SQL", shown, status=422 if filled is not None and not filled.is_good else status)

        return await self._seen(visit, work)

    @app.page("/survey/<name>/export", methods=["GET", "POST"])
    async def export(self, visit: Visit, name: str) -> PageAnswer:
        """Give estimates or randomised reports as a file; who took what is recorded first."""

        def work(analyst: Analyst) -> PageAnswer:
            analyst.need(AnalystRight.EXPORT)
            survey = self._results.find(name)
            form = export_form(survey)
            filled = None if visit.form is None else form.read(visit.form)
            if filled is None or not filled.is_good:
                shown = [_up(visit, survey), paragraph(RECORDED), form.show(visit.form_token, filled)]
                return Shown("Export", shown, status=200 if filled is None else 422)
            file = ordered_file(self._results, survey, export_order(filled))
            self._book.record(analyst, "export", f"{survey.short_id} {file.name}", f"{file.rows} rows")
            return Download(file.name, file.media_type, file.body)

        return await self._seen(visit, work)

    @app.page("/data")
    async def data_sets(self, visit: Visit) -> PageAnswer:
        """List data sets with central noise."""
        return await self._seen(visit, lambda _: self._data.all(visit))

    @app.page("/data/<name>", methods=["GET", "POST"])
    async def data_set(self, visit: Visit, name: str) -> PageAnswer:
        """Show a data set, or ask it."""
        ask = self._data.show if visit.form is None else self._data.ask
        return await self._seen(visit, lambda analyst: ask(visit, name, analyst))

    @app.page("/refusals")
    async def refusals(self, visit: Visit) -> PageAnswer:
        """Show how many reports were refused, by reason."""
        return await self._seen(visit, lambda _: Shown("Refusals", refusal_table(self._results.view.refusals())))

    @app.page("/record")
    async def record(self, visit: Visit) -> PageAnswer:
        """Show who exported what, and who spent how much."""

        def work(_: Analyst) -> Shown:
            return Shown("Record", deed_table(newest_deeds(self._book, self._data.data_sets, MOST_DEEDS)))

        return await self._seen(visit, work)

    @app.page("/about")
    async def about(self, visit: Visit) -> PageAnswer:
        """Tell what the figures mean."""
        return await self._seen(visit, lambda _: Shown("Help", ABOUT))

    def _survey_page(self, visit: Visit, survey: ShownSurvey) -> Shown:
        path = f"/survey/{survey.short_id}"
        draft, page = survey.questionnaire.draft, _page_number(visit)
        chosen = draft.questions[page * QUESTIONS_A_PAGE : (page + 1) * QUESTIONS_A_PAGE]
        if not chosen:
            raise UnknownResultError("the survey has no such page")
        where = period_filter(visit.query.without("page"), survey)
        progress = self._results.progress(survey)
        privacy = survey_privacy(survey, progress)
        found = [self._results.question(survey, question.name, where) for question in chosen]
        return Shown(
            draft.title,
            [
                open_label(survey),
                survey_links(survey, visit.to),
                progress_panel(survey, progress, privacy, self._clock.seconds()),
                filter_form(survey, where, visit.to(path)),
                *(question_section(survey, result, visit.to) for result in found),
                page_links(survey, draft.questions, page, QUESTIONS_A_PAGE, visit.to),
                privacy_panel(privacy),
                _look_again(visit, path),
            ],
        )

    async def _seen(self, visit: Visit, work: Callable[[Analyst], PageAnswer]) -> PageAnswer:
        """Do `work` for somebody who may look; lead others to the door."""

        def done() -> PageAnswer:
            analyst = find_holder(self._book, visit.holder)
            if analyst is None:
                return SeeOther(DOOR_PATH)
            try:
                analyst.need(AnalystRight.SEE)
                return work(analyst)
            except MissingRightError as error:
                words = f"{error}. The collector's operator gives rights: loopixmix stats analyst rights."
                return Shown("Not allowed", paragraph(words), status=403)
            except UnknownResultError as error:
                return Shown("Not found", paragraph(f"{error}.".capitalize()), status=404)

        return await self._turns.do(done)


def _up(visit: Visit, survey: ShownSurvey) -> Content:
    return paragraph(link(visit.to(f"/survey/{survey.short_id}"), f"Back to: {survey.questionnaire.draft.title}"))


def _look_again(visit: Visit, path: str) -> Content:
    words = "Results change when a batch is released, and not in between. "
    return paragraph(words, link(visit.to(path), "Look again"), class_="quiet")


def _page_number(visit: Visit) -> int:
    text = visit.query.one("page") or "1"
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) >= 1):
        raise MisuseError("a page has a number from 1 on")
    return int(text) - 1
