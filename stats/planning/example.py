"""A draft to begin with: one question of each kind, with everything that an author has to decide."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from stats.questionnaire.questionnaire import Batching, PersonKind, Persons, PrivacyGoal, SurveyDraft, Travel
from stats.questionnaire.questions import (
    CellQuestion,
    MultipleChoice,
    NumberQuestion,
    RouteQuestion,
    SingleChoice,
    Topic,
    TopicQuestion,
    TripQuestion,
)

DAY_S = 86_400
_CONSENT = (
    "We ask this to plan buses. Your answers are changed at random before they leave your device, and travel so that "
    "nobody can tell that they are yours. You may leave out the survey at any time until you send it."
)
_QUESTIONS = (
    SingleChoice(
        name="ride", text="How do you like the buses?", options=("well", "it depends", "not at all", "no idea")
    ),
    MultipleChoice(name="tickets", text="Which tickets do you have?", options=("month", "ten rides", "single", "job")),
    NumberQuestion(
        name="minutes", text="How long did you wait last time?", edges=(0, 3, 6, 11, 16, 31, 120), unit="minutes"
    ),
    CellQuestion(
        name="home",
        text="Where do you live?",
        south=52_340_000,
        west=13_090_000,
        north=52_680_000,
        east=13_760_000,
        rows=4,
        columns=5,
    ),
    TripQuestion(name="trip", text="Which way do you ride most often?", places=("north", "centre", "south", "airport")),
    RouteQuestion(
        name="change", text="Where do you change?", places=("zoo", "main station", "town hall", "east cross"), steps=2
    ),
    TopicQuestion(
        name="wish",
        text="What should be better?",
        topics=(
            Topic(label="more often", words=("often", "frequen*", "wait*", "every ten minutes")),
            Topic(label="cheaper", words=("cheap*", "price*", "expensive", "cost*")),
            Topic(label="cleaner", words=("clean*", "dirt*", "smell*")),
        ),
    ),
)


def example_draft(now_s: float, collector: str, issuer: str) -> SurveyDraft:
    """Return a sound draft that opens tomorrow and closes two weeks later; the two hosts are providers."""
    tomorrow_s = (int(now_s) // DAY_S + 1) * DAY_S
    return SurveyDraft(
        name="buses",
        version=1,
        title="Buses in the city",
        consent=_CONSENT,
        opens=datetime.fromtimestamp(tomorrow_s, UTC),
        closes=datetime.fromtimestamp(tomorrow_s + 14 * DAY_S, UTC),
        collector=collector,
        persons=Persons(kind=PersonKind.CODES, issuer=issuer),
        privacy=PrivacyGoal(eps="3"),
        batching=Batching(threshold=500, longest_wait_s=DAY_S),
        travel=Travel.SEPARATE,
        questions=_QUESTIONS,
    )


def written(draft: SurveyDraft) -> bytes:
    """Return a draft as a file that people edit: JSON with all fields, also those that have a default, in lines."""
    return msgspec.json.format(msgspec.json.encode(draft), indent=2) + b"\n"


FIELDS = (
    ("name, version", "the survey's short name, a-z 0-9 _; count the version up when you change anything"),
    ("title, consent", "what people see first; the consent says why you ask, and what becomes of the answers"),
    ("opens, closes", "in UTC; nothing counts before or after"),
    ("collector", "the provider that hosts the collector"),
    ("persons.kind", "who may answer once: codes, contacts, account (then persons.provider), or open to anybody"),
    ("persons.issuer", "the provider that hosts the issuer of tokens; not the collector's; not asked if open"),
    ("privacy.mode", "local: noise on each device; central: true answers, and noise on what analysts ask"),
    ("privacy.eps, delta", "the loss of a person in a period against somebody who sees everything but one mix"),
    ("privacy.eps0_most", "the loss of a report if all mixes work together: never more than this"),
    ("privacy.sybil_share", "the share of the reports that an attacker may have sent"),
    ("batching.threshold", "never fewer reports are released at once; more hide better, and need more people"),
    ("batching.longest_wait_s", "so long they wait for more"),
    ("batching.at_close", "what becomes of the last ones: merge (the last have company) or discard"),
    ("travel", "separate: each answer alone, no cross tables; together: one report, and the losses add up in it"),
    ("periods", "for surveys that are repeated: length_s and count; then each question has `again`: true"),
    ("questions", "kinds: single, multiple, number, cell, trip, route, topic, counter"),
)
"""What each field means, for people."""
