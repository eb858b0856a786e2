"""What a mixer draws follows from its seed, differs wherever it should, and favours nothing."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import permutations

import pytest

from loopixmix.group.ristretto import ristretto255
from votes.shuffle.chunks import Chunk
from votes.shuffle.draws import Draws, below, inverse

GROUP = ristretto255("libsodium")
SEED = bytes(range(32))
CHUNK = Chunk(0, 0, 5)


def all_of(draws: Draws, chunk: Chunk) -> dict[str, bytes]:
    """Return each encoded scalar by the name of its place."""
    columns = {
        "r": draws.commitments(chunk),
        **{f"s{number}": column for number, column in enumerate(draws.reencryption(chunk))},
        "x": draws.chain(chunk),
        "z": draws.chain_masks(chunk),
        "eps": draws.order_masks(chunk),
    }
    rows = {f"{name}{row}": column[row : row + 1] for name, column in columns.items() for row in range(len(column))}
    sums = draws.sums()
    alone = {"alpha": sums.alpha, "gamma": sums.gamma, "delta": sums.delta}
    phi = {f"phi{number}": sums.phi[number : number + 1] for number in range(draws.width)}
    return {name: scalar.encode() for name, scalar in (rows | alone | phi).items()}


def test_one_seed_gives_the_same_values_again() -> None:
    first, second = Draws(GROUP, SEED, 2), Draws(GROUP, SEED, 2)
    assert all_of(first, CHUNK) == all_of(second, CHUNK)
    assert first.permutation(50) == second.permutation(50)


def test_no_two_values_are_alike() -> None:
    drawn = [*all_of(Draws(GROUP, SEED, 2), CHUNK).values()]
    assert len(set(drawn)) == len(drawn) == 6 * 5 + 5
    # The sums' own values are the same in all chunks; nothing else is.
    others = all_of(Draws(GROUP, SEED, 2), Chunk(1, 5, 5))
    assert len({*drawn, *others.values()}) == 2 * 6 * 5 + 5
    assert not {*drawn} & {*all_of(Draws(GROUP, SEED[::-1], 2), CHUNK).values()}


def test_a_shorter_chunk_has_the_first_values() -> None:
    whole, short = (all_of(Draws(GROUP, SEED, 1), Chunk(3, 15, count)) for count in (5, 2))
    assert short.items() <= whole.items()


def test_keys_differ_by_their_names() -> None:
    draws = Draws(GROUP, SEED, 1)
    assert len({draws.key("a"), draws.key("b"), Draws(GROUP, SEED[::-1], 1).key("a"), SEED}) == 4


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Draws(GROUP, seed, 1)


def test_no_value_shows() -> None:
    draws = Draws(GROUP, SEED, 1)
    shown = repr(draws) + repr(draws.sums()) + repr(draws.commitments(CHUNK))
    assert SEED.hex() not in shown
    assert repr(SEED) not in shown
    numbers = [*draws.sums().alpha.numbers(), *draws.commitments(CHUNK).numbers()]
    assert not [number for number in numbers if str(number) in shown]


@pytest.mark.parametrize("size", [0, 1, 2, 100])
def test_a_permutation_has_each_row_once(size: int) -> None:
    order = Draws(GROUP, SEED, 1).permutation(size)
    assert sorted(order) == [*range(size)]
    assert [order[place] for place in inverse(order)] == [*range(size)]


def test_words_beyond_the_last_multiple_of_a_bound_do_not_count() -> None:
    top = 2**64
    assert below(3, iter([top - 1, 5])) == 2  # 2^64 is a multiple of 3 and 1 more
    assert below(3, iter([top - 2, 5])) == 2  # the last that counts
    assert below(2**32, iter([top - 1])) == 2**32 - 1
    assert below(2**63 + 1, iter([top - 1, 2**63 + 1, 2**63])) == 2**63


def test_all_permutations_are_equally_likely() -> None:
    """Null hypothesis: uniform. 2,400 seeds, 24 permutations of 4 rows; chi-squared of 23 degrees of freedom.

    It is above 57.1 once in 10,000 times; the seeds are fixed, so that a run does as the one before.
    """
    rng = random.Random(7)
    counts = Counter(tuple(Draws(GROUP, rng.randbytes(32), 1).permutation(4)) for _ in range(2400))
    assert set(counts) == {*permutations(range(4))}
    expected = 2400 / math.factorial(4)
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 57.1


def test_each_row_comes_to_each_place_equally_often() -> None:
    """Null hypothesis: uniform. Where does row 0 of 100 go, in 3,000 permutations; 99 degrees of freedom.

    It is above 160.1 once in 10,000 times; the seeds are fixed.
    """
    rng = random.Random(8)
    places = Counter(Draws(GROUP, rng.randbytes(32), 1).permutation(100).index(0) for _ in range(3000))
    assert sum((places[place] - 30) ** 2 / 30 for place in range(100)) < 160.1
