"""The shuffle accountant: what a person's reports give away if they come out of the mix network among others'.

All bounds hold against an observer who sees everything but one mix, and knows what the others answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from loopixmix.errors import MisuseError
from stats.account.blanket import BlanketLoss
from stats.account.clones import CloneLoss, closed_form
from stats.account.searching import smallest

MOST_REPORTS = 10_000_000
"""More reports together hide better, but the figures told are those of so many."""
MOST_EPS0 = 13.0
LEAST_DELTA = 1e-15
_STEPS = 16
"""Halvings by which the largest eps0 is found: 1 part in 65,536, rounded down."""


@dataclass(frozen=True)
class Company:
    """Among whom a report travels."""

    n: int
    """Honest reports of one sheet and period that were released together, the person's own among them."""
    delta: float
    """The probability that the promise may fail with."""


@dataclass(frozen=True)
class Amplified:
    """The privacy losses of one person by one report, none of them below the truth.

    By grouping of counts they are above the bounds that they compute, by less than one part in 1,000. The bounds
    themselves may be above the truth by more.
    """

    eps0: float
    """If all mixes work together with the observer."""
    closed_form: float
    """Feldman, McMillan, Talwar 2021, by their formula; eps0 where it says nothing."""
    numerical: float
    """The same reduction, by its numbers."""
    blanket: float | None
    """Balle, Bell, Gascon, Nissim 2019, by its numbers; only for one answer by a mechanism that has it."""
    best: float
    """The smallest of them."""


def honest_reports(released: int, sybil_share: Fraction) -> int:
    """Return how many of the reports in a batch hide the others, if an attacker sent a share of them; rounded down."""
    return math.floor(released * (1 - sybil_share))


@lru_cache(maxsize=4096)
def amplified(eps0: float, company: Company, blanket_domain: int | None = None) -> Amplified:
    """Return the losses of a report with local loss `eps0`.

    `blanket_domain`: the values of the privacy blanket, if the report is one answer: k for `krr`, 2 for `hadamard` and
    `sampled-bit` (`stats.account.blanket` says why); None for any other randomiser, and for several answers together.
    Raises `MisuseError` if an argument is out of bounds.
    """
    _check(eps0, company)
    if company.n <= 1 or eps0 == 0:
        return Amplified(eps0, eps0, eps0, None if blanket_domain is None else eps0, eps0)
    n, delta = min(company.n, MOST_REPORTS), company.delta
    closed = closed_form(eps0, n, delta)
    numerical = smallest(CloneLoss(eps0, n, delta).delta, delta, eps0)
    blanket = None
    if blanket_domain is not None:
        blanket = smallest(BlanketLoss(eps0, n, blanket_domain, delta).delta, delta, eps0)
    best = min(closed, numerical, eps0 if blanket is None else blanket)
    return Amplified(eps0, closed, numerical, blanket, best)


@lru_cache(maxsize=1024)
def largest_eps0(eps: float, company: Company, most: float, blanket_domain: int | None = None) -> float:
    """Return the largest local loss, at most `most`, whose amplified loss is at most `eps`; rounded down.

    It is at least min(eps, most), since no shuffling makes a loss larger. Raises `MisuseError`.
    """
    if eps <= 0:
        raise MisuseError(f"a privacy loss is over 0, not {eps}")
    low, high = min(eps, most), most
    if low == high or keeps_promise(high, eps, company, blanket_domain):
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if keeps_promise(middle, eps, company, blanket_domain):
            low = middle
        else:
            high = middle
    return low


@lru_cache(maxsize=4096)
def keeps_promise(eps0: float, eps: float, company: Company, blanket_domain: int | None = None) -> bool:
    """Tell whether reports with local loss `eps0` have an amplified loss of at most `eps`; raise `MisuseError`."""
    _check(eps0, company)
    n, delta = min(company.n, MOST_REPORTS), company.delta
    if eps0 <= eps:
        return True
    if n <= 1:
        return False
    if blanket_domain is not None and BlanketLoss(eps0, n, blanket_domain, delta).delta(eps) <= delta:
        return True
    return CloneLoss(eps0, n, delta).delta(eps) <= delta


def _check(eps0: float, company: Company) -> None:
    if not 0 <= eps0 <= MOST_EPS0:
        raise MisuseError(f"a local privacy loss is from 0 to {MOST_EPS0:g}, not {eps0}")
    if company.n < 0 or not LEAST_DELTA <= company.delta < 1:
        raise MisuseError(f"there is no company of {company.n} reports at delta {company.delta}")
