"""What is wrong with a draft, all of it at once, each fault with its place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction

from stats.account.shuffling import LEAST_DELTA, MOST_EPS0
from stats.questionnaire.classifying import words_of
from stats.questionnaire.domains import MICRO, domain_of, edges_of
from stats.questionnaire.promises import period_count, promise_of, sheet_questions
from stats.questionnaire.questionnaire import (
    MOST_BYTES,
    Mode,
    PersonKind,
    PrivacyGoal,
    SurveyDraft,
    encode_canonical,
)
from stats.questionnaire.questions import (
    MOST_PLACES,
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

MOST_KEYS = 128
MOST_DELTA = Fraction(1, 100)
MOST_NUMBER = 2**53
"""Of an edge: what a program that reads JSON takes for a whole number for certain."""
MOST_CENTRAL_NUMBER = 2**35
"""Of an edge, if noise is central: sums of the numbers of all people have to stay whole numbers of 64 bits."""
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}", re.ASCII)
RESERVED = ("period", "batch")
"""Columns of the column store that no question may have the name of."""
KEY_BYTES = 1_000
"""So much room a token key takes at most."""


def draft_faults(draft: SurveyDraft) -> list[str]:
    """Return all that is wrong with a draft, one line each, with its place; empty if it is sound."""
    found = [*_times(draft), *_persons(draft), *_privacy(draft.privacy), *_questions(draft)]
    if found:
        return found
    return [*_promise(draft), *_size(draft)]


def _times(draft: SurveyDraft) -> Iterator[str]:
    for place, moment in (("opens", draft.opens), ("closes", draft.closes)):
        if moment.utcoffset() != timedelta(0) or moment.microsecond:
            yield f"{place}: a time is a whole second in UTC, such as 2026-12-01T08:00:00Z"
    if draft.opens_s < 0 or draft.closes_s <= draft.opens_s:
        yield "closes: the survey closes before it opens"
    if draft.periods is not None and draft.periods.count * draft.periods.length_s > draft.closes_s - draft.opens_s:
        yield "periods: the last period ends after the survey closes"


def _persons(draft: SurveyDraft) -> Iterator[str]:
    persons = draft.persons
    for place, name in (("collector", draft.collector), ("persons.issuer", persons.issuer)):
        if not _PROVIDER.fullmatch(name):
            yield f"{place}: the name of a provider has 1 to 63 of a-z 0-9 . -"
    if (persons.kind is PersonKind.ACCOUNT) != bool(persons.provider):
        yield "persons.provider: it is the provider whose accounts count, and is there only if accounts count"
    if persons.kind is not PersonKind.OPEN and persons.issuer == draft.collector:
        yield "persons.issuer: the issuer and the collector are at two providers, so that no one of them knows both"


def _privacy(goal: PrivacyGoal) -> Iterator[str]:
    if Fraction(goal.eps) <= 0:
        yield "privacy.eps: it is over 0"
    if not 0 < Fraction(goal.eps0_most) <= Fraction(MOST_EPS0):
        yield f"privacy.eps0_most: it is over 0 and at most {MOST_EPS0:g}"
    if not 0 < Fraction(goal.delta) <= MOST_DELTA:
        yield f"privacy.delta: it is over 0 and at most {float(MOST_DELTA):g}"
    if not 0 <= Fraction(goal.sybil_share) < 1:
        yield "privacy.sybil_share: it is from 0 up to, not including, 1"


def _promise(draft: SurveyDraft) -> Iterator[str]:
    sheets = len(sheet_questions(draft))
    if sheets * period_count(draft) > MOST_KEYS:
        needed = f"{sheets} sheets in {period_count(draft)} periods"
        yield f"periods: {needed} need more than {MOST_KEYS} token keys"
    if draft.privacy.mode is Mode.LOCAL:
        company = promise_of(draft).company
        if company.n < 2:
            yield "batching.threshold: less the attacker's share, nobody is left to hide among"
        if company.delta < LEAST_DELTA:
            yield "privacy.delta: it is too small for so many sheets"


def _size(draft: SurveyDraft) -> Iterator[str]:
    # Mechanisms take less room than a token key.
    keys = 0 if draft.persons.kind is PersonKind.OPEN else len(sheet_questions(draft)) * period_count(draft)
    size = len(encode_canonical(draft)) + (keys + len(draft.questions)) * KEY_BYTES
    if size > MOST_BYTES:
        yield f"questions: the questionnaire would have about {size} bytes, and at most {MOST_BYTES} are allowed"


def _questions(draft: SurveyDraft) -> Iterator[str]:
    names = [question.name for question in draft.questions]
    for index, question in enumerate(draft.questions):
        place = f"questions[{index}] ({question.name})"
        if question.name in names[:index]:
            yield f"{place}: another question has this name"
        if question.name in RESERVED:
            yield f"{place}: no question may be called {question.name}"
        if period_count(draft) > 1 and not question.again:
            yield f"{place}: it is asked in each period, so `again` has to be true, or its answers could be averaged"
        for fault in _own_faults(question):
            yield f"{place}: {fault}"
        if draft.privacy.mode is Mode.CENTRAL and _has_far_edge(question):
            yield f"{place}: with central noise, at most {MOST_CENTRAL_NUMBER} is allowed"


def _has_far_edge(question: AnyQuestion) -> bool:
    if not isinstance(question, NumberQuestion | CounterQuestion):
        return False
    return max(map(abs, edges_of(question))) > MOST_CENTRAL_NUMBER


def _own_faults(question: AnyQuestion) -> Iterator[str]:
    match question:
        case SingleChoice(options=labels) | MultipleChoice(options=labels):
            yield from _labels("options", labels)
        case TripQuestion(places=labels) | RouteQuestion(places=labels):
            yield from _labels("places", labels)
            if domain_of(question) > MOST_PLACES:
                yield f"places: {domain_of(question)} values are too many, at most {MOST_PLACES} are allowed"
        case NumberQuestion(edges=edges):
            if any(lower >= upper for lower, upper in itertools.pairwise(edges)):
                yield "edges: they have to ascend"
            if max(map(abs, edges)) > MOST_NUMBER:
                yield f"edges: at most {MOST_NUMBER} is allowed"
        case CellQuestion():
            yield from _grid(question)
        case TopicQuestion(topics=topics):
            yield from _labels("topics", [topic.label for topic in topics])
            for topic in topics:
                if not all(words_of(word) for word in topic.words):
                    yield f"topics: a word of {topic.label!r} has no letter or digit"
        case CounterQuestion(most=most, buckets=buckets):
            if buckets > most + 1:
                yield "buckets: they are more than there are counts"


def _labels(place: str, labels: Sequence[str]) -> Iterator[str]:
    if len(set(labels)) != len(labels):
        yield f"{place}: two of them are the same"
    if any(label != label.strip() or not label.isprintable() for label in labels):
        yield f"{place}: no one begins or ends with a space, or has signs that cannot be printed"


def _grid(question: CellQuestion) -> Iterator[str]:
    if not -90 * MICRO <= question.south < question.north <= 90 * MICRO:
        yield "south, north: they are microdegrees from -90000000 to 90000000, the south below the north"
    if not -180 * MICRO <= question.west < question.east <= 180 * MICRO:
        yield "west, east: they are microdegrees from -180000000 to 180000000, the west below the east"
    if domain_of(question) > MOST_PLACES:
        yield f"rows, columns: {domain_of(question)} values are too many, at most {MOST_PLACES} are allowed"
