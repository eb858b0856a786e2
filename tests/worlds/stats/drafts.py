"""Drafts of surveys, and token keys for them, as tests want them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from loopixmix.tokens.keys import TokenKey, encode_public, encode_token_key
from stats.questionnaire.freezing import freeze
from stats.questionnaire.promises import period_count, period_span, purpose_of, sheet_questions
from stats.questionnaire.questionnaire import (
    Batching,
    PersonKind,
    Persons,
    PrivacyGoal,
    Questionnaire,
    SurveyDraft,
    SurveyKey,
)
from stats.questionnaire.questions import (
    AnyQuestion,
    CellQuestion,
    CounterQuestion,
    MultipleChoice,
    NumberQuestion,
    RouteQuestion,
    SingleChoice,
    Topic,
    TopicQuestion,
    TripQuestion,
)

OPENS = datetime(2026, 12, 1, 8, tzinfo=UTC)
CLOSES = datetime(2026, 12, 15, 8, tzinfo=UTC)

MOOD = SingleChoice(name="mood", text="How are you?", options=("well", "so-so", "badly"))
TOOLS = MultipleChoice(name="tools", text="What do you use?", options=("mail", "chat", "phone", "letters"))
AGE = NumberQuestion(name="age", text="How old are you?", edges=(0, 18, 30, 45, 60, 120), unit="years")
HOME = CellQuestion(
    name="home",
    text="Where do you live?",
    south=52_300_000,
    west=13_000_000,
    north=52_700_000,
    east=13_800_000,
    rows=8,
    columns=10,
)
COMMUTE = TripQuestion(name="commute", text="From where to where?", places=("centre", "north", "south"))
WALK = RouteQuestion(name="walk", text="Which way?", places=("park", "market", "river"), steps=3)
WISH = TopicQuestion(
    name="wish",
    text="What should be better?",
    topics=(
        Topic(label="transport", words=("bus", "train*", "tram")),
        Topic(label="rent", words=("rent*", "flat", "cold water")),
    ),
)
PACKETS = CounterQuestion(name="packets", text="How many packets?", most=999, buckets=10)
EVERY_KIND: tuple[AnyQuestion, ...] = (MOOD, TOOLS, AGE, HOME, COMMUTE, WALK, WISH, PACKETS)


def new_draft(*questions: AnyQuestion, **changes: Any) -> SurveyDraft:
    """Return a sound draft for people with codes; `changes` are fields of it."""
    draft = SurveyDraft(
        name="city",
        version=1,
        title="Life in the city",
        consent="You may stop at any time.",
        opens=OPENS,
        closes=CLOSES,
        collector="alpha",
        persons=Persons(kind=PersonKind.CODES, issuer="beta"),
        privacy=PrivacyGoal(eps="1"),
        batching=Batching(threshold=1_000, longest_wait_s=86_400),
        questions=questions or (MOOD,),
    )
    return msgspec.structs.replace(draft, **changes)


def keys_for(draft: SurveyDraft) -> tuple[SurveyKey, ...]:
    """Return a token key for each sheet and period. They look like keys, and nobody has their private halves."""
    if draft.persons.kind is PersonKind.OPEN:
        return ()
    sheets, periods = range(len(sheet_questions(draft))), range(period_count(draft))
    return tuple(survey_key(draft, sheet, period) for sheet in sheets for period in periods)


def survey_key(draft: SurveyDraft, sheet: int, period: int) -> SurveyKey:
    """Return the token key of one sheet and period."""
    modulus = int.from_bytes(hashlib.shake_256(f"{sheet} {period}".encode()).digest(256)) | 1 << 2047 | 1
    begins_s, ends_s = period_span(draft, period)
    key = TokenKey(purpose=purpose_of(draft, sheet), begins_s=begins_s, ends_s=ends_s, public=encode_public(modulus))
    return SurveyKey(sheet=sheet, period=period, key=encode_token_key(key))


def new_questionnaire(*questions: AnyQuestion, **changes: Any) -> Questionnaire:
    """Return a sound questionnaire."""
    draft = new_draft(*questions, **changes)
    return freeze(draft, keys_for(draft))
