"""Which token keys a survey needs."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from loopixmix.tokens.keys import check_purpose
from stats.issue.slots import KeySlot, slots_of
from stats.questionnaire.questionnaire import Periods, PersonKind, Travel
from tests.worlds.stats.issuers import CLOSES_S, OPENS_S, survey_draft

DAY_S = 86_400


def test_a_survey_whose_questions_travel_together_needs_one_key() -> None:
    draft = survey_draft(questions=3, travel=Travel.TOGETHER)
    purpose = f"stats-{draft.draft_id.hex()[:16]}-0"
    assert slots_of(draft) == [KeySlot(0, 0, purpose, OPENS_S, CLOSES_S)]


def test_each_sheet_and_period_has_a_key() -> None:
    slots = slots_of(survey_draft(questions=2, periods=Periods(length_s=DAY_S, count=2)))
    assert [(slot.sheet, slot.period) for slot in slots] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert [(slot.begins_s, slot.ends_s) for slot in slots[::2]] == [
        (OPENS_S, OPENS_S + DAY_S),
        (OPENS_S + DAY_S, OPENS_S + 2 * DAY_S),
    ]
    assert len({slot.purpose for slot in slots}) == 2
    for slot in slots:
        check_purpose(slot.purpose)


def test_a_survey_that_can_have_no_keys_is_refused() -> None:
    with pytest.raises(MisuseError, match="open to anybody"):
        slots_of(survey_draft(kind=PersonKind.OPEN))
    with pytest.raises(MisuseError, match="more than 128"):
        slots_of(survey_draft(questions=33, periods=Periods(length_s=3600, count=4)))
    with pytest.raises(MisuseError, match="after the survey closes"):
        slots_of(survey_draft(periods=Periods(length_s=DAY_S, count=4)))
