"""Discrete Laplace noise on whole numbers, by opendp (Ghosh, Roughgarden, Sundararajan 2009)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import opendp.prelude as dp

from loopixmix.errors import MisuseError

_MOST = 2**62


@dataclass(frozen=True)
class NoiseScale:
    """Noise that is enough for a loss of `eps`, if one person changes the numbers by at most `sensitivity` in all."""

    sensitivity: int
    eps: Fraction

    def __post_init__(self) -> None:
        """Check both."""
        if self.sensitivity < 1 or self.eps <= 0:
            raise MisuseError("noise needs a sensitivity of 1 or more and an eps over 0")

    @property
    def scale(self) -> float:
        """The scale of the discrete Laplace distribution, rounded up by more than opendp rounds the loss up."""
        return float(self.sensitivity / self.eps) * (1 + 1e-12)

    @property
    def variance(self) -> float:
        """The variance of the noise."""
        alpha = math.exp(-1 / self.scale)
        return 2 * alpha / (1 - alpha) ** 2

    def reach(self, beyond: float) -> int:
        """Return how far noise reaches: it is farther from 0 only with a probability of at most `beyond`."""
        # P(|noise| > t) = 2 alpha^(t + 1) / (1 + alpha), with alpha = exp(-1 / scale).
        alpha = math.exp(-1 / self.scale)
        return max(0, math.ceil(-self.scale * math.log(beyond * (1 + alpha) / 2)) - 1)

    def threshold(self, rows_each: int, delta: Fraction) -> int:
        """Return from which noisy count on a key may be told.

        A person brings at most `rows_each` keys that nobody else has, none of which has more than `rows_each` rows.
        The probability that one of them is told is at most `delta`.
        """
        # P(noise >= t) = alpha^t / (1 + alpha), for t of 1 or more.
        alpha = math.exp(-1 / self.scale)
        beyond = float(delta) / rows_each
        return rows_each + max(1, math.ceil(-self.scale * math.log(beyond * (1 + alpha))))


class NoiseSource(Protocol):
    """Adds noise."""

    def add(self, numbers: Sequence[int], scale: NoiseScale) -> list[int]:
        """Return `numbers` with independent noise."""


class OpendpNoise:
    """opendp's noise, from the operating system's randomness."""

    def __init__(self) -> None:
        """opendp asks whoever uses parts that are not proven to say so once."""
        dp.enable_features("contrib")

    def add(self, numbers: Sequence[int], scale: NoiseScale) -> list[int]:
        """Return `numbers` with independent noise; raise `MisuseError` if opendp does not confirm the loss."""
        if not all(-_MOST < number < _MOST for number in numbers):
            raise MisuseError("a number is too large for noise")
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
        measurement: Callable[[list[int]], list[int]] = dp.m.make_laplace(*space, scale=scale.scale)
        loss: Any = measurement
        if Fraction(loss.map(scale.sensitivity)) > scale.eps:
            raise MisuseError("the noise does not keep the loss that was promised")
        return measurement(list(numbers))
