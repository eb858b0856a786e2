from __future__ import annotations

import random
from itertools import combinations

import pytest

from loopixmix.group.ristretto import ristretto255
from votes.trustees.polynomial import committed_value, draw_polynomial, lagrange_at_zero


def test_any_threshold_of_shares_gives_the_secret_back(rng: random.Random) -> None:
    group = ristretto255()
    polynomial = draw_polynomial(group, rng, 3)
    shares = dict(zip(range(1, 7), polynomial.at(range(1, 7)).numbers(), strict=True))
    [secret] = polynomial.coefficients[0:1].numbers()
    for numbers in combinations(shares, 3):
        weights, divisor = lagrange_at_zero(numbers)
        total = sum(weight * shares[number] for weight, number in zip(weights, numbers, strict=True))
        assert total * pow(divisor, -1, group.order) % group.order == secret


def test_fewer_shares_do_not_give_it(rng: random.Random) -> None:
    group = ristretto255()
    polynomial = draw_polynomial(group, rng, 3)
    first, second = polynomial.at([1, 2]).numbers()
    assert (2 * first - second) % group.order != polynomial.coefficients[0:1].numbers()[0]


def test_the_commitments_give_every_share_times_the_generator(rng: random.Random) -> None:
    group = ristretto255()
    polynomial = draw_polynomial(group, rng, 2)
    for number in (1, 2, 32):
        expected = group.generator.times(polynomial.at([number]))
        assert committed_value(group, polynomial.commitments(), number) == expected


def test_neighbours_need_no_division() -> None:
    assert lagrange_at_zero([1, 2]) == ([2, -1], 1)
    assert lagrange_at_zero([1, 3]) == ([3, -1], 2)
    assert lagrange_at_zero([2]) == ([1], 1)


@pytest.mark.parametrize("numbers", [[0, 1], [1, 1], [-1, 2]])
def test_shares_have_different_positive_numbers(numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="different positive"):
        lagrange_at_zero(numbers)


def test_the_secret_is_in_no_representation(rng: random.Random) -> None:
    polynomial = draw_polynomial(ristretto255(), rng, 2)
    assert "coefficients" not in repr(polynomial)
