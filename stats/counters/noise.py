"""How much noise each node adds, and what the sum of it promises.

Each node adds a number of its own from a discrete Gaussian distribution (Canonne, Kamath, Steinke 2020), drawn by
opendp. The sum of h of them is nearly one discrete Gaussian with h times the variance. How nearly is in Kairouz, Liu,
Steinke 2021, "The Distributed Discrete Gaussian Mechanism", theorem 1. For one counter, that a user changes by at most
d, the sum is eps_c^2 / 2 concentrated differentially private, with

    eps_c = min(sqrt(d^2 / (h sigma^2) + tau / 2), d / (sqrt(h) sigma) + tau),
    tau = 10 * sum over k = 1 ... h - 1 of exp(-2 pi^2 sigma^2 k / (k + 1))

The losses of several counters add up in this measure, and rho together are (rho + 2 sqrt(rho ln(1 / delta)), delta)
differential privacy (Bun, Steinke 2016, proposition 1.3).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Protocol

from loopixmix.errors import MisuseError
from stats.counters.plan import CounterPlan

MOST_SIGMA = 2**50
_SLACK = 1e-9
"""By which shares of themselves losses are rounded up."""


class NoiseDraws(Protocol):
    """Draws noise."""

    def draw(self, sigma: int) -> int:
        """Return a number from the discrete Gaussian distribution with mean 0 and this scale, over 0."""


class OpendpDraws:
    """Draws it by opendp, whose randomness is the operating system's."""

    def draw(self, sigma: int) -> int:
        """Return a number."""
        import opendp.prelude as dp

        dp.enable_features("contrib")
        space = dp.atom_domain(T="i64"), dp.absolute_distance(T="i64")
        return int(dp.m.make_gaussian(*space, scale=float(sigma))(0))


def node_sigmas(plan: CounterPlan) -> tuple[int, ...]:
    """Return for each counter the scale of the noise that each node adds: the smallest whole one that is enough.

    It is enough if as many nodes as `plan.honest` add theirs. Raises `MisuseError` if the promise needs too much.
    """
    # Each counter has the same part of rho.
    allowed = math.sqrt(2 * concentrated(Fraction(plan.eps), Fraction(plan.delta)) / len(plan.counters))
    return tuple(_sigma(counter.protected, plan.honest, allowed) for counter in plan.counters)


def promised(plan: CounterPlan, sigmas: tuple[int, ...], honest: int) -> float:
    """Return the eps that holds at the plan's delta, if so many nodes add noise of these scales; rounded up."""
    pairs = zip(plan.counters, sigmas, strict=True)
    rho = math.fsum(counter_loss(counter.protected, honest, sigma) ** 2 / 2 for counter, sigma in pairs)
    return (rho + 2 * math.sqrt(rho * math.log(1 / float(Fraction(plan.delta))))) * (1 + _SLACK)


def concentrated(eps: Fraction, delta: Fraction) -> float:
    """Return the largest rho that keeps (eps, delta), rounded down."""
    log = math.log(1 / float(delta))
    # The root of rho + 2 sqrt(rho log) = eps, in a form that does not cancel.
    root = float(eps) / (math.sqrt(log + float(eps)) + math.sqrt(log))
    return root * root * (1 - 4 * _SLACK)


def counter_loss(protected: int, honest: int, sigma: int) -> float:
    """Return eps_c of one counter, rounded up."""
    # k / (k + 1) is at least 1/2.
    tau = 10 * (honest - 1) * math.exp(-(math.pi**2) * sigma * sigma)
    ratio = protected / (math.sqrt(honest) * sigma)
    return min(math.sqrt(ratio * ratio + tau / 2), ratio + tau) * (1 + _SLACK)


def _sigma(protected: int, honest: int, allowed: float) -> int:
    if protected > allowed * MOST_SIGMA:
        raise MisuseError("counters: so strong a promise needs more noise than there are numbers")
    sigma = max(1, math.floor(protected / (allowed * math.sqrt(honest))))
    while counter_loss(protected, honest, sigma) > allowed:
        sigma += max(1, sigma // 10**9)
    return sigma
