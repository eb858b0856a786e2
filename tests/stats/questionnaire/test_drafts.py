"""Each fault of a draft is found, with its place, and all of them at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from stats.questionnaire.drafts import draft_faults
from stats.questionnaire.questionnaire import Batching, Mode, Periods, PersonKind, Persons, PrivacyGoal, Travel
from stats.questionnaire.questions import AnyQuestion
from tests.worlds.stats.drafts import AGE, COMMUTE, EVERY_KIND, HOME, MOOD, OPENS, PACKETS, TOOLS, WALK, WISH, new_draft

DAY_S = 86_400


def test_sound_drafts_have_no_fault() -> None:
    assert draft_faults(new_draft(*EVERY_KIND)) == []
    weekly = Periods(length_s=7 * DAY_S, count=2)
    assert draft_faults(new_draft(replace(MOOD, again=True), periods=weekly)) == []
    together = Persons(kind=PersonKind.OPEN, issuer="alpha")
    assert draft_faults(new_draft(*EVERY_KIND, persons=together, travel=Travel.TOGETHER)) == []


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"closes": OPENS}, "closes: the survey closes before it opens"),
    ({"opens": OPENS.replace(microsecond=1)}, "opens: a time is a whole second in UTC"),
    ({"opens": OPENS.astimezone(timezone(timedelta(hours=1)))}, "opens: a time is a whole second in UTC"),
    ({"opens": datetime(1969, 1, 1, tzinfo=UTC)}, "closes before it opens"),
    ({"periods": Periods(length_s=8 * DAY_S, count=2)}, "periods: the last period ends after the survey closes"),
    ({"periods": Periods(length_s=DAY_S, count=2)}, "`again` has to be true"),
    ({"persons": Persons(kind=PersonKind.CODES, issuer="alpha")}, "two providers"),
    ({"persons": Persons(kind=PersonKind.ACCOUNT, issuer="beta")}, "persons.provider"),
    ({"persons": Persons(kind=PersonKind.CODES, issuer="beta", provider="gamma")}, "persons.provider"),
    ({"collector": "Alpha Ltd"}, "collector: the name of a provider"),
    ({"persons": Persons(kind=PersonKind.CODES, issuer="be/ta")}, "persons.issuer: the name of a provider"),
    ({"privacy": PrivacyGoal(eps="0")}, "privacy.eps: it is over 0"),
    ({"privacy": PrivacyGoal(eps="1", eps0_most="14")}, "privacy.eps0_most"),
    ({"privacy": PrivacyGoal(eps="1", eps0_most="0.0")}, "privacy.eps0_most"),
    ({"privacy": PrivacyGoal(eps="1", delta="0")}, "privacy.delta"),
    ({"privacy": PrivacyGoal(eps="1", delta="0.5")}, "privacy.delta"),
    ({"privacy": PrivacyGoal(eps="1", sybil_share="1")}, "privacy.sybil_share"),
    ({"batching": Batching(threshold=2, longest_wait_s=60)}, "batching.threshold"),
]


@pytest.mark.parametrize(("changes", "fault"), WRONG_FIELDS)
def test_a_wrong_field_is_found(changes: dict[str, Any], fault: str) -> None:
    found = draft_faults(new_draft(**changes))
    assert any(fault in line for line in found), found


WRONG_QUESTIONS: list[tuple[AnyQuestion, str]] = [
    (replace(MOOD, options=("well", "well")), "options: two of them are the same"),
    (replace(MOOD, options=("well", "badly ")), "options: no one begins or ends with a space"),
    (replace(MOOD, options=("well", "bad\nly")), "cannot be printed"),
    (replace(MOOD, name="period"), "may be called period"),
    (replace(TOOLS, options=("a", "a")), "two of them are the same"),
    (replace(AGE, edges=(0, 10, 10, 20)), "edges: they have to ascend"),
    (replace(AGE, edges=(0, 10, 2**60)), "edges: at most"),
    (replace(HOME, south=52_700_000), "south, north"),
    (replace(HOME, north=91_000_000), "south, north"),
    (replace(HOME, west=14_000_000), "west, east"),
    (replace(HOME, rows=256, columns=256), "65537 values are too many"),
    (replace(COMMUTE, places=("a", "a")), "places: two of them are the same"),
    (replace(WALK, places=tuple(f"p{n}" for n in range(60)), steps=3), "values are too many"),
    (replace(WISH, topics=(WISH.topics[0], WISH.topics[0])), "topics: two of them"),
    (replace(WISH, topics=(replace(WISH.topics[0], words=("*",)),)), "no letter or digit"),
    (replace(PACKETS, most=5, buckets=10), "buckets: they are more"),
]


@pytest.mark.parametrize(("question", "fault"), WRONG_QUESTIONS)
def test_a_wrong_question_is_found(question: AnyQuestion, fault: str) -> None:
    found = draft_faults(new_draft(MOOD if question.name != "mood" else AGE, question))
    assert len(found) == 1
    assert found[0].startswith("questions[1] (")
    assert fault in found[0]


def test_with_central_noise_sums_of_numbers_stay_within_bounds() -> None:
    far = replace(AGE, edges=(0, 18, 2**35 + 1))
    central = PrivacyGoal(eps="1", mode=Mode.CENTRAL)
    assert any("with central noise, at most" in line for line in draft_faults(new_draft(far, privacy=central)))
    assert draft_faults(new_draft(far)) == []
    assert draft_faults(new_draft(replace(AGE, edges=(0, 18, 2**35)), privacy=central)) == []


def test_all_faults_are_told_at_once() -> None:
    found = draft_faults(new_draft(MOOD, MOOD, closes=OPENS, privacy=PrivacyGoal(eps="0", delta="0")))
    assert len(found) == 4
    assert "questions[1] (mood): another question has this name" in found


def test_too_many_keys_or_bytes_are_found() -> None:
    many = tuple(replace(MOOD, name=f"q{index}", again=True) for index in range(64))
    hourly = Periods(length_s=3600, count=3)
    assert any("need more than 128 token keys" in fault for fault in draft_faults(new_draft(*many, periods=hourly)))
    long = tuple(
        replace(MOOD, name=f"q{index}", options=tuple(f"{index} {option} " + "x" * 190 for option in range(99)))
        for index in range(20)
    )
    assert any("bytes" in fault for fault in draft_faults(new_draft(*long)))
