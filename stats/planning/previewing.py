"""What a respondent will see, as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from stats.planning.forecasting import SheetForecast
from stats.questionnaire.domains import MICRO, OTHER, OUTSIDE, domain_of, label_of
from stats.questionnaire.promises import period_count
from stats.questionnaire.questionnaire import AtClose, PersonKind, SurveyDraft, Travel
from stats.questionnaire.questions import (
    AnyQuestion,
    CellQuestion,
    CounterQuestion,
    MultipleChoice,
    NumberQuestion,
    RouteQuestion,
    SingleChoice,
    TopicQuestion,
    TripQuestion,
)

MOST_SHOWN = 20
_ONCE = {
    PersonKind.CODES: "Whoever has a code of the survey answers once.",
    PersonKind.CONTACTS: "Whoever holds the key of an address on the list answers once.",
    PersonKind.OPEN: "Anybody answers, as often as they like. So the results show reports, and not people.",
}


def preview_lines(draft: SurveyDraft, forecasts: Sequence[SheetForecast]) -> Iterator[str]:
    """Yield the lines of a preview."""
    yield draft.title
    yield "=" * len(draft.title)
    yield from ("", draft.consent, "")
    yield f"Open from {draft.opens:%d %B %Y, %H:%M} to {draft.closes:%d %B %Y, %H:%M} UTC."
    if period_count(draft) > 1:
        yield f"Asked {period_count(draft)} times."
    yield _ONCE.get(draft.persons.kind, f"Whoever has an account at {draft.persons.provider} answers once.")
    yield from _what_is_told(draft, forecasts)
    for number, question in enumerate(draft.questions, 1):
        yield from ("", f"{number}. {question.text}")
        yield from (f"   {line}" for line in _choices(question))


def odds_in_words(eps: float) -> str:
    """Return what a privacy loss means: how far an answer may shift what somebody believes about a person."""
    believed = 1 / (1 + math.exp(-eps))
    percent = math.ceil(1000 * believed) / 10
    return f"whoever guesses between two answers of yours is right at most {percent:.1f} % of the time"


def _what_is_told(draft: SurveyDraft, forecasts: Sequence[SheetForecast]) -> Iterator[str]:
    eps0 = math.fsum(sheet.eps0 for sheet in forecasts)
    if math.isinf(eps0):
        yield "Your true answers are sent, and the collector has to be trusted with them. Noise is added to results."
        return
    if draft.travel is Travel.SEPARATE and len(forecasts) > 1:
        yield "Each answer travels alone, so that nobody can tell which of them belong together."
    batching = draft.batching
    last = "join the ones before" if batching.at_close is AtClose.MERGE else "are thrown away"
    yield f"Reports are looked at only when {batching.threshold:,} wait together; if too few are left, they {last}."
    told = math.fsum(sheet.eps_at_threshold for sheet in forecasts)
    yield f"With all your answers, {odds_in_words(told)} if one mix is honest (eps = {told:.3g})."
    yield f"If all mixes work together, {odds_in_words(eps0)} (eps0 = {eps0:.3g})."


def _choices(question: AnyQuestion) -> Iterator[str]:
    match question:
        case SingleChoice(options=options):
            yield from _listed("( )", options)
        case MultipleChoice(options=options):
            yield from _listed("[ ]", options)
        case NumberQuestion() | CounterQuestion():
            yield "a whole number, of which the range is sent:"
            yield from _listed("-", [label_of(question, value) for value in range(domain_of(question))])
        case CellQuestion():
            sides = (question.south, question.north, question.west, question.east)
            south, north, west, east = (side / MICRO for side in sides)
            yield f"a place, of which the cell is sent: {question.rows} x {question.columns} cells"
            yield f"from {south:.4f} to {north:.4f} north, {west:.4f} to {east:.4f} east, or {OUTSIDE}"
        case TripQuestion(places=places):
            yield "from one of these places to one of them:"
            yield from _listed("-", places)
        case RouteQuestion(places=places, steps=steps):
            yield f"1 to {steps} of these places, in their order:"
            yield from _listed("-", places)
        case TopicQuestion(topics=topics):
            yield "a free text, of which only the topic is sent:"
            yield from _listed("-", [*(topic.label for topic in topics), OTHER])


def _listed(mark: str, labels: Sequence[str]) -> Iterator[str]:
    yield from (f"{mark} {label}" for label in labels[:MOST_SHOWN])
    if len(labels) > MOST_SHOWN:
        yield f"... and {len(labels) - MOST_SHOWN} more"
