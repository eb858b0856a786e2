"""Whoever is asked again sends what was drawn the first time."""

from __future__ import annotations

import random

import pytest

from loopixmix.errors import MisuseError
from stats.randomise import permanent
from stats.randomise.krr import RandomisedResponse
from stats.randomise.permanent import PermanentResponses, RememberedResponse
from stats.randomise.weights import Weights

MECHANISM = RandomisedResponse(1000, Weights(2, 1))


def test_the_same_answer_is_the_same_report_in_each_period() -> None:
    rng, memory = random.Random(1), PermanentResponses()
    first = memory.draw("mood", 7, MECHANISM, rng)
    memory = memory.with_new(first)
    assert {memory.draw("mood", 7, MECHANISM, rng).report for _ in range(50)} == {first.report}


def test_without_the_memory_it_would_differ() -> None:
    rng = random.Random(1)
    assert len({PermanentResponses().draw("mood", 7, MECHANISM, rng).report for _ in range(50)}) > 40


def test_each_answer_and_question_has_a_response_of_its_own() -> None:
    rng, memory = random.Random(2), PermanentResponses()
    for question, answer in (("mood", 1), ("mood", 2), ("health", 1)):
        memory = memory.with_new(memory.draw(question, answer, MECHANISM, rng))
    assert len({memory.draw(*each, MECHANISM, rng).report for each in (("mood", 1), ("mood", 2), ("health", 1))}) == 3
    assert memory.of("health", 2) is None


def test_a_response_is_never_replaced() -> None:
    memory = PermanentResponses().with_new(RememberedResponse("mood", 1, 5))
    assert memory.with_new(RememberedResponse("mood", 1, 5)) == memory
    with pytest.raises(MisuseError, match="another permanent response"):
        memory.with_new(RememberedResponse("mood", 1, 6))


def test_what_is_remembered_of_another_mechanism_is_not_sent() -> None:
    memory = PermanentResponses({("mood", 1): 1000})
    with pytest.raises(MisuseError, match="no report of its mechanism"):
        memory.draw("mood", 1, MECHANISM, random.Random(1))


def test_memory_is_bounded() -> None:
    memory = PermanentResponses({("mood", answer): 0 for answer in range(permanent.MOST_REMEMBERED)})
    with pytest.raises(MisuseError, match="remembered"):
        memory.draw("health", 1, MECHANISM, random.Random(1))
    assert memory.draw("mood", 1, MECHANISM, random.Random(1)).report == 0


def test_answers_do_not_show() -> None:
    response = RememberedResponse("mood", 4711, 815)
    shown = repr(response) + repr(PermanentResponses().with_new(response))
    assert "4711" not in shown
    assert "815" not in shown
