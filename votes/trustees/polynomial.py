"""Sharing a secret by a polynomial (Shamir 1979), with public commitments to it (Feldman 1987)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from loopixmix.group.group import Elements, Group, Scalars
from loopixmix.seams import Rng


@dataclass(frozen=True)
class Polynomial:
    """A secret polynomial: the constant term is the secret, and the value at `k` is the share number `k`."""

    group: Group
    coefficients: Scalars = field(repr=False)
    """The constant term first."""

    def at(self, numbers: Sequence[int]) -> Scalars:
        """Return the values at `numbers`, by Horner's rule on the whole column."""
        points = self.group.scalars_of(numbers)
        degrees = range(len(self.coefficients))
        values = self.group.scalars_of([0] * len(numbers))
        for degree in reversed(degrees):
            values = values * points + self.coefficients[degree : degree + 1]
        return values

    def commitments(self) -> Elements:
        """Return each coefficient times the generator."""
        return self.group.generator.times(self.coefficients)


def draw_polynomial(group: Group, rng: Rng, threshold: int) -> Polynomial:
    """Draw a uniform polynomial of `threshold` coefficients, so that as many values determine it."""
    return Polynomial(group, group.random_scalars(rng, threshold))


def committed_value(group: Group, commitments: Elements, number: int) -> Elements:
    """Return the value at `number` times the generator, from the commitments alone: a column of one."""
    powers = [pow(number, degree, group.order) for degree in range(len(commitments))]
    return group.multi_scalar(group.scalars_of(powers), commitments)


def lagrange_at_zero(numbers: Sequence[int]) -> tuple[list[int], int]:
    """Return whole numbers and a divisor: the value at 0 is the sum of the values at `numbers`, each times its whole
    number, over the divisor.

    Small whole numbers instead of scalars: multiplying a million elements by 3 is quick, by 3/2 modulo the order it is
    not. Raises `ValueError` if a number is not positive or comes twice.
    """
    if len(set(numbers)) != len(numbers) or min(numbers, default=1) < 1:
        raise ValueError(f"shares have different positive numbers, not {list(numbers)}")
    weights = [
        math.prod((Fraction(other, other - number) for other in numbers if other != number), start=Fraction(1))
        for number in numbers
    ]
    divisor = math.lcm(*(weight.denominator for weight in weights))
    return [int(weight * divisor) for weight in weights], divisor
