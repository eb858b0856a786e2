"""The list of surveys, and one survey as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from loopixmix.web.showing.markup import Content, element, items, link, paragraph, section
from loopixmix.web.showing.tables import Cell, table
from stats.analysts.book import Deed
from stats.dashboard.results import QuestionResult, SheetProgress
from stats.dashboard.seams import ShownSurvey
from stats.dashboard.showing.panels import answers_so_far
from stats.dashboard.showing.questions import question_figures
from stats.dashboard.wording import day, moment
from stats.questionnaire.questions import AnyQuestion

To = Callable[[str], str]
"""Makes an address of a path within the dashboard."""

REFUSED = {
    "malformed": "not of the form of a report",
    "unknown-survey": "for a survey, or a version of one, that is not collected here",
    "outside-domain": "a value that no honest program sends",
    "closed": "too early, too late, or for another period",
    "token": "no token, a forged one, one of another key, or one that is spent",
}


def survey_list(surveys: Sequence[tuple[ShownSurvey, Sequence[SheetProgress]]], now_s: float, to: To) -> Content:
    """Return all surveys with how many answers they have so far."""
    if not surveys:
        return paragraph("There is no survey yet. The collector's operator adds them: loopixmix stats collector add.")
    rows: list[Sequence[Cell]] = [
        (
            link(to(_path(survey)), survey.questionnaire.draft.title),
            _state(survey, now_s),
            "-" if survey.is_central else answers_so_far(progress),
            _kind(survey),
        )
        for survey, progress in surveys
    ]
    return table("Surveys", ("survey", "state", "answers so far", "who may answer"), rows)


def survey_links(survey: ShownSurvey, to: To) -> Content:
    """Return the links to the other pages of one survey."""
    base = _path(survey)
    names = {"batches": "Batches", "sql": "Query by SQL", "export": "Export"}
    found = [link(to(f"{base}/{name}"), words) for name, words in names.items()]
    if any(len(sheet.questions) > 1 for sheet in survey.questionnaire.sheets):
        found.insert(0, link(to(f"{base}/cross"), "Two questions against each other"))
    return element("nav", element("ul", *(element("li", each) for each in found)), aria_label="Pages of this survey")


def question_section(survey: ShownSurvey, result: QuestionResult, to: To) -> Content:
    """Return a question of the page of its survey: its text, its chart, and the way to all about it."""
    base = f"{_path(survey)}/question/{result.question.name}"
    further = [link(to(base), f"All figures of {result.question.name}")]
    if survey.period_count > 1:
        further.append(link(to(f"{base}/series"), f"{result.question.name} over time"))
    return section(result.question.text, *question_figures(result), items(*further))


def page_links(survey: ShownSurvey, questions: Sequence[AnyQuestion], page: int, size: int, to: To) -> Content:
    """Return links to the other pages of a long survey, each with `size` questions."""
    pages = range(-(-len(questions) // size))
    if len(pages) <= 1:
        return ""
    named = [
        link(
            to(f"{_path(survey)}?page={number + 1}"),
            f"Questions {number * size + 1} to {min(len(questions), (number + 1) * size)}",
            aria_current="page" if number == page else None,
        )
        for number in pages
    ]
    return element("nav", element("ul", *(element("li", each) for each in named)), aria_label="Questions")


def batch_tables(survey: ShownSurvey, progress: Sequence[SheetProgress], most: int) -> list[Content]:
    """Return the newest batches of each sheet."""
    shown: list[Content] = [
        paragraph(
            "Reports are released together, in a random order and without times. A person is hidden among those of the "
            "same batch, so small batches protect less."
        )
    ]
    for sheet in progress:
        name = ", ".join(sheet.questions)
        rows: list[Sequence[Cell]] = [
            (batch.number, f"{batch.period + 1} ({day(survey.begins_s(batch.period))})", batch.reports)
            for batch in sheet.batches[::-1][:most]
        ]
        told = f"{len(sheet.batches):,} batches with {sheet.released:,} reports; {sheet.discarded:,} were discarded."
        listed = table(f"Batches of {name[:80]}", ("batch", "period", "reports"), rows) if rows else ""
        shown.append(section(f"Reports of {name[:200]}", paragraph(told), listed))
    return shown


def refusal_table(refusals: Mapping[str, int]) -> list[Content]:
    """Return how many reports were refused, by reason."""
    rows: list[Sequence[Cell]] = [
        (name, REFUSED.get(name, "another reason"), refusals.get(name, 0)) for name in {**REFUSED, **refusals}
    ]
    told = "Whoever sent such a report was told that it is refused, and not why. These counts are of all surveys."
    return [paragraph(told), table("Refused reports", ("reason", "meaning", "reports"), rows)]


def _path(survey: ShownSurvey) -> str:
    return f"/survey/{survey.short_id}"


def _state(survey: ShownSurvey, now_s: float) -> str:
    draft = survey.questionnaire.draft
    if now_s < draft.opens_s:
        return f"opens {day(draft.opens_s)}"
    return f"until {day(draft.closes_s)}" if now_s < draft.closes_s else f"closed {day(draft.closes_s)}"


def _kind(survey: ShownSurvey) -> str:
    persons = survey.questionnaire.draft.persons
    return {
        "codes": "holders of a code, once",
        "contacts": "listed contacts, once",
        "account": f"accounts at {persons.provider}, once",
        "open": "open: anybody, any number of times",
    }[persons.kind.value]


def deed_table(deeds: Sequence[Deed]) -> list[Content]:
    """Return what analysts did, the newest first."""
    rows: list[Sequence[Cell]] = [
        (moment(deed.at_s), deed.analyst, deed.kind, deed.subject, deed.amount) for deed in deeds
    ]
    told = paragraph("Every export and every spending of privacy budget is recorded, before it happens.")
    if not rows:
        return [told, paragraph("There is none yet.", class_="quiet")]
    return [told, table("Exports and spendings", ("when", "who", "what", "of what", "how much"), rows)]
