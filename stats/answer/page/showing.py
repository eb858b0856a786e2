"""The content of the respondent's pages."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.web.showing.markup import Content, element, items, link, notice, paragraph, section
from loopixmix.web.visiting.visit import Visit
from stats.answer.answering import GivenAnswers, promised_loss
from stats.answer.desk import BudgetStanding, SurveyStanding
from stats.answer.ledger import shown_loss, spent
from stats.answer.store.rows import KeptReport, ReportState
from stats.answer.surveys import JoinedSurvey, shown_time
from stats.answer.wording import (
    told_mechanism,
    told_persons,
    told_promise,
    told_questions,
    told_report,
    told_waiting,
)


def path_of(survey: JoinedSurvey, page: str = "") -> str:
    """Return the path of a page of a survey."""
    return f"/survey/{survey.survey_id.hex()}{page}"


def consent(survey: JoinedSurvey) -> list[Content]:
    """Return what stands before the questions."""
    draft = survey.questionnaire.draft
    paragraphs = [paragraph(each.strip()) for each in draft.consent.split("\n") if each.strip()]
    return [
        *paragraphs,
        section(
            "What answering gives away",
            paragraph(
                "Your answers are changed at random on this machine before they leave it. They travel through the mix "
                "network, and none of them says whose it is."
                if not survey.is_central
                else "Your answers travel through the mix network, and none of them says whose it is."
            ),
            items(*told_promise(survey), told_persons(survey)),
            element(
                "details",
                element("summary", "Id of this survey"),
                paragraph("Everybody who has this id answers the same questions, with the same noise."),
                paragraph(element("code", survey.survey_id.hex())),
            ),
        ),
    ]


def preview(survey: JoinedSurvey, given: GivenAnswers, budget: BudgetStanding, now_s: float) -> list[Content]:
    """Return what is about to be sent, and what it means."""
    found = spent(budget.losses, budget.limits, now_s)
    count = sum(all(name in given.values for name in sheet.questions) for sheet in survey.questionnaire.sheets)
    reports = "1 report of 1,000 bytes" if count == 1 else f"{count} reports of 1,000 bytes each"
    return [
        paragraph(
            f"You send {reports}, each at a random time of its own. Chance is drawn once, when you send: what it says "
            "then cannot be changed, and is not drawn again."
        ),
        *(_answer(survey, number, given) for number in range(len(survey.questionnaire.sheets))),
        section(
            "What it costs",
            paragraph(
                f"Up to eps = {shown_loss(promised_loss(survey))} of your privacy budget, of which "
                f"{shown_loss(found.eps)} of {shown_loss(budget.limits.eps)} is spent."
            ),
        ),
    ]


def _answer(survey: JoinedSurvey, sheet: int, given: GivenAnswers) -> Content:
    found = survey.questionnaire.sheets[sheet]
    parts: list[Content] = []
    for question, spec in zip(survey.questions_of(sheet), found.mechanisms, strict=True):
        if question.name in given.words:
            parts.append(
                section(
                    question.text,
                    paragraph("Your answer counts as: ", element("strong", given.words[question.name])),
                    paragraph(told_mechanism(question, spec), class_="quiet"),
                )
            )
    return parts


def standing(visit: Visit, found: SurveyStanding) -> Content:
    """Return a survey in the list of all."""
    survey = found.survey
    draft = survey.questionnaire.draft
    told: list[Content] = []
    if found.period is None:
        opens = f"It opens on {shown_time(draft.opens_s)}."
        told.append(paragraph("It takes no answers any more." if found.is_over else opens))
    elif unanswered(found):
        told.append(paragraph(link(visit.to(path_of(survey)), f"Answer it until {shown_time(found.period.ends_s)}")))
    elif found.period.number + 1 < survey.period_count:
        told.append(paragraph(f"You answered. The next period begins on {shown_time(found.period.ends_s)}."))
    else:
        told.append(paragraph("You answered."))
    if found.reports:
        told.append(
            paragraph(
                link(visit.to(path_of(survey, "/reports")), "What became of it"),
                ": ",
                f"{told_waiting(found.reports)}.",
            )
        )
    return section(survey.title, *told)


def unanswered(found: SurveyStanding) -> tuple[int, ...]:
    """Return the sheets that are not answered in the present period."""
    if found.period is None:
        return ()
    done = {report.place.sheet for report in found.reports if report.place.period == found.period.number}
    return tuple(sheet for sheet in range(len(found.survey.questionnaire.sheets)) if sheet not in done)


def reports(found: SurveyStanding) -> list[Content]:
    """Return what became of each report, the newest period first."""
    survey = found.survey
    ordered: Sequence[KeptReport] = sorted(found.reports, key=lambda each: (-each.place.period, each.place.sheet))
    parts: list[Content] = []
    for report in ordered:
        words = [found.words[each.name] for each in survey.questions_of(report.place.sheet) if each.name in found.words]
        period = f" (period {report.place.period + 1})" if survey.period_count > 1 else ""
        is_present = found.period is not None and report.place.period == found.period.number
        parts.append(
            section(
                f"{told_questions(survey, report.place.sheet)}{period}",
                paragraph(f"You answered: {'; '.join(words)}") if words and is_present else "",
                paragraph(told_report(survey, report)),
            )
        )
    if found.reports and all(report.state is ReportState.ACCEPTED for report in found.reports):
        parts.insert(0, notice("The collector has everything. Thank you."))
    return parts or [paragraph("Nothing is answered yet.")]
