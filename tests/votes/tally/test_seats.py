"""Who has the highest figures, and seats of lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds.real_elections import LISTS_OF_CZECHIA
from votes.tally.outcomes import Elected
from votes.tally.seats import elected_by_layers, highest, seats_of_lists


@pytest.mark.parametrize(
    ("figures", "seats", "elected"),
    [
        ([5, 9, 7], 1, Elected((1,))),
        ([5, 9, 7], 2, Elected((1, 2))),
        ([5, 9, 7], 3, Elected((1, 2, 0))),
        ([9, 9, 7], 1, Elected((), (0, 1), 1)),
        ([5, 9, 5, 5], 2, Elected((1,), (0, 2, 3), 1)),
        ([5, 9, 5, 5], 3, Elected((1,), (0, 2, 3), 2)),
        ([5, 9, 5, 5], 4, Elected((1, 0, 2, 3))),
        ([0, 0], 1, Elected((), (0, 1), 1)),
        ([], 2, Elected()),
    ],
)
def test_equal_ones_for_the_last_seats_stay_tied(figures: list[int], seats: int, elected: Elected) -> None:
    assert highest(dict(enumerate(figures)), seats) == elected


@pytest.mark.parametrize(
    ("layers", "seats", "elected"),
    [
        (((2,), (0, 1)), 1, Elected((2,))),
        (((2,), (0, 1)), 2, Elected((2,), (0, 1), 1)),
        (((2,), (0, 1)), 3, Elected((2, 0, 1))),
        (((0, 1), (2,)), 1, Elected((), (0, 1), 1)),
    ],
)
def test_a_layer_that_does_not_fit_is_a_tie(layers: tuple[tuple[int, ...], ...], seats: int, elected: Elected) -> None:
    assert elected_by_layers(layers, seats) == elected


def test_the_seats_of_a_real_election() -> None:
    """Pitfall 16: Czechia's seats in the European Parliament, 2019."""
    election = LISTS_OF_CZECHIA
    assert seats_of_lists(election.method, election.votes, election.seats) == (list(election.list_seats), Elected())


@given(
    st.sampled_from([("d-hondt", 1), ("sainte-lague", 2)]),
    st.lists(st.integers(0, 60), min_size=1, max_size=6),
    st.integers(1, 12),
)
def test_seats_are_those_of_the_highest_quotients(method: tuple[str, int], votes: list[int], seats: int) -> None:
    """The same by sorting all quotients, which are compared as whole numbers."""
    name, step = method
    divisors = range(1, step * seats + 1, step)
    scale = 1
    for divisor in divisors:
        scale *= divisor
    quotients = sorted(
        ((count * scale // divisor, number) for number, count in enumerate(votes) if count for divisor in divisors),
        reverse=True,
    )
    found = seats_of_lists(name, votes, seats)
    if not quotients:
        assert found == ([0] * len(votes), Elected(open_seats=seats))
        return
    limit = quotients[seats - 1][0]
    above = [number for quotient, number in quotients if quotient > limit]
    at = [number for quotient, number in quotients if quotient == limit]
    if len(above) + len(at) == seats:
        above, at = above + at, []
    won = [above.count(number) for number in range(len(votes))]
    assert found == (won, Elected((), tuple(sorted(at)), seats - len(above)))


def test_equal_quotients_leave_a_seat_open() -> None:
    assert seats_of_lists("d-hondt", [40, 20, 20], 3) == ([1, 0, 0], Elected((), (0, 1, 2), 2))
    assert seats_of_lists("d-hondt", [40, 20, 20], 4) == ([2, 1, 1], Elected())
    assert seats_of_lists("d-hondt", [41, 20, 20], 3) == ([2, 0, 0], Elected((), (1, 2), 1))
