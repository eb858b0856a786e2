"""The surveys of the demonstrations, as their author writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from loopixmix.testnet.plan import provider_name
from stats.demo.data import AFFAIR, MARRIAGE
from stats.demo.network import COLLECTORS_PROVIDER, ISSUERS_PROVIDER
from stats.questionnaire.questionnaire import (
    AtClose,
    Batching,
    PersonKind,
    Persons,
    PrivacyGoal,
    SurveyDraft,
)
from stats.questionnaire.questions import AnyQuestion, SingleChoice, TripQuestion

CONSENT = (
    "Each answer is turned at random into another one before it leaves your machine, and travels anonymously, at a "
    "time of its own. Nobody can tell what you answered, or that it was you who did."
)
LONGEST_WAIT_S = 5


def fair_draft(opens_s: int, closes_s: int, threshold: int) -> SurveyDraft:
    """Return the survey of the demonstration: two questions, each in a report of its own."""
    questions = (
        SingleChoice(name="marriage", text="How do you rate your marriage?", options=MARRIAGE),
        SingleChoice(name="affair", text="Did you have an affair in the last year?", options=AFFAIR),
    )
    persons = Persons(kind=PersonKind.CODES, issuer=provider_name(ISSUERS_PROVIDER))
    return _draft("fair", "Marriages", questions, persons, (opens_s, closes_s), threshold)


def flights_draft(places: Sequence[str], span_s: tuple[int, int], threshold: int) -> SurveyDraft:
    """Return the survey of the second example: from where to where somebody flew, open to anybody."""
    question = TripQuestion(name="flight", text="From where to where did you fly?", places=tuple(places))
    persons = Persons(kind=PersonKind.OPEN, issuer=provider_name(ISSUERS_PROVIDER))
    return _draft("flights", "Flights from New York City", (question,), persons, span_s, threshold)


def _draft(
    name: str,
    title: str,
    questions: Sequence[AnyQuestion],
    persons: Persons,
    span_s: tuple[int, int],
    threshold: int,
) -> SurveyDraft:
    return SurveyDraft(
        name=name,
        version=1,
        title=title,
        consent=CONSENT,
        opens=datetime.fromtimestamp(span_s[0], UTC),
        closes=datetime.fromtimestamp(span_s[1], UTC),
        collector=provider_name(COLLECTORS_PROVIDER),
        persons=persons,
        privacy=PrivacyGoal(eps="2", delta="0.00001"),
        batching=Batching(threshold=threshold, longest_wait_s=LONGEST_WAIT_S, at_close=AtClose.MERGE),
        questions=tuple(questions),
    )
