"""Answers become integers and labels; what is no answer is refused with what is allowed."""

from __future__ import annotations

import pytest

from stats.questionnaire.answers import Answer, AnswerError, value_of
from stats.questionnaire.domains import domain_of, label_of
from stats.questionnaire.questions import AnyQuestion
from tests.worlds.stats.drafts import AGE, COMMUTE, HOME, MOOD, PACKETS, TOOLS, WALK, WISH

ANSWERS: list[tuple[AnyQuestion, Answer, int, str]] = [
    (MOOD, "well", 0, "well"),
    (MOOD, " badly ", 2, "badly"),
    (TOOLS, [], 0, "none"),
    (TOOLS, "", 0, "none"),
    (TOOLS, ["chat", "mail"], 3, "mail; chat"),
    (TOOLS, "letters; mail", 9, "mail; letters"),
    (AGE, 17, 0, "0 to 17 years"),
    (AGE, "18", 1, "18 to 29 years"),
    (AGE, 45.0, 3, "45 to 59 years"),
    (AGE, 120, 4, "60 to 120 years"),
    (AGE, -3, 0, "0 to 17 years"),
    (AGE, 500, 4, "60 to 120 years"),
    (HOME, "52.3, 13.0", 0, "52.3000 to 52.3500, 13.0000 to 13.0800"),
    (HOME, (52.52, 13.40), 45, "52.5000 to 52.5500, 13.4000 to 13.4800"),
    (HOME, [52.7, 13.8], 79, "52.6500 to 52.7000, 13.7200 to 13.8000"),
    (HOME, [48.1, 11.6], 80, "outside"),
    (HOME, (-90, 180), 80, "outside"),
    (COMMUTE, ["north", "centre"], 3, "north -> centre"),
    (COMMUTE, "south -> south", 8, "south -> south"),
    (WALK, ["park"], 0, "park"),
    (WALK, "river", 2, "river"),
    (WALK, "park -> park", 3, "park -> park"),
    (WALK, ["river", "river"], 11, "river -> river"),
    (WALK, "park; park; park", 12, "park -> park -> park"),
    (WALK, ["river", "market", "park"], 12 + 2 * 9 + 1 * 3, "river -> market -> park"),
    (WISH, "More TRAINS, please", 0, "transport"),
    (WISH, "The flat has only cold water", 1, "rent"),
    (WISH, "nothing", 2, "other"),
    (PACKETS, 0, 0, "0 to 99"),
    (PACKETS, "999", 9, "900 to 999"),
    (PACKETS, 10**9, 9, "900 to 999"),
]


@pytest.mark.parametrize(("question", "answer", "value", "label"), ANSWERS)
def test_an_answer_has_a_value_and_the_value_a_label(
    question: AnyQuestion, answer: Answer, value: int, label: str
) -> None:
    assert value_of(question, answer) == value
    assert label_of(question, value) == label
    assert 0 <= value < domain_of(question)


REFUSED: list[tuple[AnyQuestion, Answer, str]] = [
    (MOOD, "great", "one of: well; so-so; badly"),
    (MOOD, 0, "a text"),
    (MOOD, "", "one of"),
    (TOOLS, ["mail", "mail"], "twice"),
    (TOOLS, "mail; fax", "one of"),
    (TOOLS, 3, "list of texts"),
    (TOOLS, [1, 2], "list of texts"),
    (AGE, "12.5", "whole number"),
    (AGE, 12.5, "whole number"),
    (AGE, True, "whole number"),
    (AGE, "9" * 30, "whole number"),
    (AGE, "١٢", "whole number"),
    (AGE, float("nan"), "whole number"),
    (HOME, "52.3", "latitude and longitude"),
    (HOME, "52.3, 13, 4", "latitude and longitude"),
    (HOME, [float("inf"), 1.0], "latitude and longitude"),
    (HOME, [91.0, 1.0], "-90 to 90"),
    (HOME, "north", "latitude and longitude"),
    (COMMUTE, "north", "two places"),
    (COMMUTE, "north -> moon", "one of"),
    (WALK, [], "1 to 3 places"),
    (WALK, ["park"] * 4, "1 to 3 places"),
    (PACKETS, -1, "0 or more"),
]


@pytest.mark.parametrize(("question", "answer", "allowed"), REFUSED)
def test_what_is_no_answer_is_refused_and_says_what_is_allowed(
    question: AnyQuestion, answer: Answer, allowed: str
) -> None:
    with pytest.raises(AnswerError, match=f"{question.name}: .*{allowed}"):
        value_of(question, answer)


def test_a_long_list_of_options_is_not_repeated_in_full() -> None:
    from tests.worlds.stats.drafts import SingleChoice

    many = SingleChoice(name="many", text="Which?", options=tuple(f"option {index}" for index in range(1000)))
    with pytest.raises(AnswerError, match=r"option 11; \.\.\.$"):
        value_of(many, "none of them")
