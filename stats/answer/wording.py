"""What a report says and costs, and what became of it, in words for the person who answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stats.answer.ledger import shown_loss
from stats.answer.store.rows import KeptReport, ReportState
from stats.answer.surveys import JoinedSurvey, shown_time
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec, PersonKind
from stats.questionnaire.questions import AnyQuestion
from stats.randomise.specified import mechanism_of

ALMOST_SURE = 1_000
"""A guess that became so many times as likely is hardly a guess any more."""


def told_mechanism(question: AnyQuestion, spec: MechanismSpec) -> str:
    """Return what the report of a question says, a sentence or two."""
    if spec.kind is MechanismKind.NONE:
        return "The report says exactly this, and the collector can read it."
    supports = mechanism_of(spec).supports
    p, q = _percent(supports.p), _percent(supports.q)
    match spec.kind:
        case MechanismKind.KRR:
            said = (
                f"With a probability of {p} the report says this. Otherwise it says one of the {spec.domain - 1:,} "
                "other answers, each as probable as the next."
            )
        case MechanismKind.SAMPLED_BIT:
            said = (
                "Chance picks one of the options. The report tells only whether you chose that one, and with a "
                f"probability of {q} it says the opposite."
            )
        case MechanismKind.UNARY:
            said = (
                f"The report says yes or no for each of the {spec.domain} answers: yes for yours with a probability of "
                f"{p}, and yes for each other one with {q}."
            )
        case _:
            said = (
                f"The report is a number that fits half of all answers. With a probability of {p} yours is among them."
            )
    return f"{said} If you are asked again, the same answer gets the same report." if question.again else said


def told_promise(survey: JoinedSurvey) -> list[str]:
    """Return what answering gives away, in sentences."""
    privacy = survey.questionnaire.draft.privacy
    if survey.is_central:
        return [
            "This survey sends true answers. Whoever runs its collector can read them, but not whose they are.",
            f"What analysts get to see has noise: it promises eps = {privacy.eps}.",
        ]
    local = sum(mechanism_of(spec).eps0 for sheet in survey.questionnaire.sheets for spec in sheet.mechanisms)
    together = (
        f"they may find it up to {_times(local)} times as likely"
        if math.exp(local) < ALMOST_SURE
        else "they may become almost sure of what you answered"
    )
    return [
        f"If one of the mixes is honest, whoever sees everything else may find a guess about you up to "
        f"{_times(float(privacy.eps))} times as likely as before (eps = {privacy.eps}).",
        f"If all mixes work together, {together} (eps0 = {local:.2f}).",
    ]


def told_persons(survey: JoinedSurvey) -> str:
    """Return who may answer, and how often."""
    each = "in each period" if survey.period_count > 1 else "in all"
    match survey.questionnaire.draft.persons.kind:
        case PersonKind.CODES:
            return f"Whoever has a code may answer once {each}."
        case PersonKind.CONTACTS:
            return f"Whoever holds the key of an invited address may answer once {each}."
        case PersonKind.ACCOUNT:
            return f"Whoever has an account at {survey.questionnaire.draft.persons.provider} may answer once {each}."
        case PersonKind.OPEN:
            return "Anybody may answer, as often as they like. So the results may be wrong, and say so."


def told_report(survey: JoinedSurvey, report: KeptReport) -> str:
    """Return what became of a report, and what to do, if something can be done."""
    match report.state:
        case ReportState.DRAWN if survey.takes_tokens:
            return (
                "It waits for its token, which comes in the next hours, at a random time. Leave the program running, "
                "or start it again later."
            )
        case ReportState.DRAWN | ReportState.READY:
            return "It is handed to your client next."
        case ReportState.POSTED:
            return (
                f"Your client has it, and sends it at a random time before {shown_time(report.deadline_s)}, so that "
                "nobody sees when you answered. Leave the client running."
            )
        case ReportState.ACCEPTED:
            return "The collector has it."
        case ReportState.REFUSED:
            return (
                "The collector did not take it, and never says why. Perhaps your code was used before, or the clock of "
                "this machine is wrong. Ask whoever invited you."
            )
        case ReportState.LATE:
            return f"It was not taken before its period ended.{_next_period(survey, report)}"


def told_questions(survey: JoinedSurvey, sheet: int) -> str:
    """Return what a report is about."""
    texts = [question.text for question in survey.questions_of(sheet)]
    return texts[0] if len(texts) == 1 else f"All {len(texts)} questions"


def told_waiting(reports: Sequence[KeptReport]) -> str:
    """Return how many reports have come how far, in a line."""
    counts = {state: sum(report.state is state for report in reports) for state in ReportState}
    named = {
        ReportState.DRAWN: "waiting for tokens",
        ReportState.READY: "handed over next",
        ReportState.POSTED: "waiting for their time",
        ReportState.ACCEPTED: "with the collector",
        ReportState.REFUSED: "not taken",
        ReportState.LATE: "too late",
    }
    told = [f"{counts[state]} {words}" for state, words in named.items() if counts[state]]
    return f"of {len(reports)} reports, {', '.join(told)}" if told else "nothing is answered yet"


def told_cost(eps: int, eps0: int | None) -> str:
    """Return a loss in figures."""
    return f"eps = {shown_loss(eps)}, " + ("true answers" if eps0 is None else f"eps0 = {shown_loss(eps0)}")


def _next_period(survey: JoinedSurvey, report: KeptReport) -> str:
    following = report.place.period + 1
    if following >= survey.period_count:
        return " The survey is over, and nothing more can be done."
    return f" Answer again in the next one, which begins on {shown_time(survey.period(following).begins_s)}."


def _percent(probability: object) -> str:
    return f"{100 * float(probability):.3g} %"  # type: ignore[arg-type]


def _times(eps: float) -> str:
    factor = math.exp(eps)
    return f"{factor:.2g}" if factor < 10 else f"{factor:,.0f}"
