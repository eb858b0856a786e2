"""Schulze's method and Borda's count: published examples, brute force, a real election."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from tests.worlds.real_elections import BURLINGTON
from votes.tally.ranked import borda_points, count_pairwise
from votes.tally.transferable import Ballots

RANKINGS = st.integers(2, 4).flatmap(
    lambda options: st.tuples(
        st.just(options),
        st.dictionaries(
            st.tuples(st.permutations(range(options)), st.integers(1, options)).map(
                lambda drawn: tuple(drawn[0][: drawn[1]])
            ),
            st.integers(1, 9),
            min_size=1,
            max_size=6,
        ),
    )
)


def test_the_example_with_45_voters() -> None:
    """A to E, the example that texts on the method use (Schulze 2011, section 3); the order is E, A, C, B, D."""
    ballots = {
        tuple("ABCDE".index(letter) for letter in order): count
        for order, count in [
            *(("ACBED", 5), ("ADECB", 5), ("BEDAC", 8), ("CABED", 3)),
            *(("CAEBD", 7), ("CBADE", 2), ("DCEBA", 7), ("EBADC", 8)),
        ]
    }
    assert ["ABCDE"[option] for (option,) in count_pairwise(ballots, 5).layers] == ["E", "A", "C", "B", "D"]


def test_a_real_election_by_pairs() -> None:
    """Pitfall 16: in Burlington, Montroll beats both others in pairs, although run-off voting elected Kiss."""
    layers = count_pairwise(dict(BURLINGTON.ballots), 3).layers
    assert {BURLINGTON.options[option] for option in layers[0]} == BURLINGTON.by_pairs


def _wins(ballots: Ballots, x: int, y: int) -> int:
    return sum(
        count
        for ranking, count in ballots.items()
        if x in ranking and (y not in ranking or ranking.index(x) < ranking.index(y))
    )


def _strongest_path(ballots: Ballots, options: int, ends: tuple[int, int]) -> int:
    between = [option for option in range(options) if option not in ends]
    paths = [
        (ends[0], *middle, ends[1])
        for length in range(len(between) + 1)
        for chosen in combinations(between, length)
        for middle in permutations(chosen)
    ]

    def step(x: int, y: int) -> int:
        forth, back = _wins(ballots, x, y), _wins(ballots, y, x)
        return forth if forth > back else 0

    return max(min(step(*each) for each in pairwise(path)) for path in paths)


@given(RANKINGS)
def test_the_order_is_that_of_brute_force(profile: tuple[int, Ballots]) -> None:
    options, ballots = profile
    strength = {ends: _strongest_path(ballots, options, ends) for ends in permutations(range(options), 2)}
    left, layers = set(range(options)), []
    while left:
        first = {x for x in left if not any(strength[y, x] > strength[x, y] for y in left - {x})}
        layers.append(tuple(sorted(first)))
        left -= first
    assert count_pairwise(ballots, options).layers == tuple(layers)


def test_two_before_which_no_other_is_are_equal() -> None:
    """0 and 1 are equal. votelib's own order puts 0 first, because it is before more others."""
    ballots = {(0, 2, 1, 3): 1, (1, 0): 1, (1, 3, 0, 2): 1, (3, 0, 1, 2): 1}
    layers = count_pairwise(ballots, 4).layers
    assert layers[0] == (0, 1)


@given(RANKINGS)
def test_points_are_those_of_the_places(profile: tuple[int, Ballots]) -> None:
    options, ballots = profile
    points = [0] * options
    for ranking, count in ballots.items():
        for place, option in enumerate(ranking):
            points[option] += (options - place) * count
    assert borda_points(ballots, options) == points
