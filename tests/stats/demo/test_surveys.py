"""The surveys of the demonstrations are sound."""

from __future__ import annotations

from stats.demo.surveys import fair_draft, flights_draft
from stats.questionnaire.drafts import draft_faults

OPENS_S = 1_800_000_000


def test_the_drafts_are_sound() -> None:
    assert draft_faults(fair_draft(OPENS_S, OPENS_S + 150, 100)) == []
    places = [f"P{number:02}" for number in range(107)]
    assert draft_faults(flights_draft(places, (OPENS_S, OPENS_S + 3600), 4000)) == []
