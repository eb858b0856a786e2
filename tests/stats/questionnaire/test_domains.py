from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from stats.questionnaire.answers import value_of
from stats.questionnaire.domains import (
    cell_bounds,
    cell_of,
    chosen_of,
    domain_of,
    edges_of,
    label_of,
    route_of,
    trip_of,
)
from stats.questionnaire.questions import AnyQuestion, CounterQuestion
from tests.worlds.stats.drafts import AGE, COMMUTE, EVERY_KIND, HOME, PACKETS, TOOLS, WALK


@pytest.mark.parametrize(("question", "size"), list(zip(EVERY_KIND, (3, 16, 5, 81, 9, 3 + 9 + 27, 3, 10), strict=True)))
def test_each_value_has_a_label_of_its_own_and_there_are_no_others(question: AnyQuestion, size: int) -> None:
    assert domain_of(question) == size
    assert len({label_of(question, value) for value in range(size)}) == size
    for value in (-1, size):
        with pytest.raises(MisuseError, match=f"0 to {size - 1}"):
            label_of(question, value)


def test_parts_of_values_lead_back_to_them() -> None:
    for value in range(domain_of(COMMUTE)):
        assert value_of(COMMUTE, trip_of(COMMUTE, value)) == value
    for value in range(domain_of(WALK)):
        assert value_of(WALK, route_of(WALK, value)) == value
    for value in range(domain_of(TOOLS)):
        assert value_of(TOOLS, chosen_of(TOOLS, value)) == value


def test_the_middle_of_a_cell_is_in_it() -> None:
    for value in range(domain_of(HOME) - 1):
        place = cell_of(HOME, value)
        assert place is not None
        south, west, north, east = cell_bounds(HOME, *place)
        assert value_of(HOME, [(south + north) / 2, (west + east) / 2]) == value
    assert cell_of(HOME, 80) is None


def test_edges_hold_what_the_buckets_hold() -> None:
    assert edges_of(AGE) == (0, 18, 30, 45, 60, 120)
    assert edges_of(PACKETS) == (0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 999)
    uneven = CounterQuestion(name="uneven", text="How many?", most=10, buckets=4)
    assert edges_of(uneven) == (0, 3, 6, 9, 10)
    assert [value_of(uneven, count) for count in range(12)] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
