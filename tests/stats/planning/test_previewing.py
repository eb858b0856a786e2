from __future__ import annotations

from stats.planning.example import example_draft
from stats.planning.forecasting import forecast
from stats.planning.previewing import odds_in_words, preview_lines
from stats.questionnaire.compiling import compile_draft
from stats.questionnaire.drafts import draft_faults
from stats.questionnaire.questionnaire import AtClose, Batching, Mode, PersonKind, Persons, PrivacyGoal, SurveyDraft
from stats.questionnaire.questions import SingleChoice
from tests.worlds.stats.drafts import EVERY_KIND, MOOD, new_draft


def preview(draft: SurveyDraft) -> str:
    return "\n".join(preview_lines(draft, forecast(draft, compile_draft(draft), ())))


def test_all_questions_and_choices_are_shown() -> None:
    text = preview(new_draft(*EVERY_KIND))
    for question in EVERY_KIND:
        assert question.text in text
    for line in (
        "( ) so-so",
        "[ ] phone",
        "- 60 to 120 years",
        "8 x 10 cells",
        "- centre",
        "1 to 3 of these",
        "- other",
    ):
        assert line in text
    assert "You may stop at any time." in text
    assert "01 December 2026, 08:00" in text
    assert "has a code of the survey answers once" in text


def test_what_is_given_away_is_told_in_words() -> None:
    assert "(eps = 1)" in preview(new_draft())
    assert "right at most 73.2 %" in preview(new_draft())
    assert odds_in_words(0.0).endswith("at most 50.0 % of the time")
    assert "Your true answers are sent" in preview(new_draft(privacy=PrivacyGoal(mode=Mode.CENTRAL, eps="1")))


def test_who_may_answer_and_what_becomes_of_the_last_is_told() -> None:
    account = Persons(kind=PersonKind.ACCOUNT, issuer="beta", provider="gamma")
    assert "account at gamma answers once" in preview(new_draft(persons=account))
    assert "as often as they like" in preview(new_draft(persons=Persons(kind=PersonKind.OPEN, issuer="beta")))
    discard = Batching(threshold=1_000, longest_wait_s=60, at_close=AtClose.DISCARD)
    assert "are thrown away" in preview(new_draft(batching=discard))


def test_a_long_list_is_cut() -> None:
    many = SingleChoice(name="many", text="Which?", options=tuple(f"option {index}" for index in range(100)))
    assert "... and 80 more" in preview(new_draft(MOOD, many))


def test_the_example_is_sound_and_has_a_preview() -> None:
    draft = example_draft(1_796_000_000.5, "alpha", "beta")
    assert draft_faults(draft) == []
    assert draft.opens_s % 86_400 == 0
    assert "Buses in the city" in preview(draft)
