"""What a local randomiser is, and the probabilities by which its reports are counted.

Every mechanism here has one form (Wang, Blocki, Li, Jha 2017, "Locally differentially private protocols for frequency
estimation", section 3): a report *supports* some of the values. It supports the true value with probability `p`, and
each other value with probability `q`. To estimate, it is enough to know how many reports support each value.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from loopixmix.seams import Rng


@dataclass(frozen=True)
class Supports:
    """The two probabilities of a mechanism, exactly."""

    p: Fraction
    """That a report supports the true value."""
    q: Fraction
    """That a report supports one value that is not the true one."""


class Mechanism(Protocol):
    """Randomises one answer. A value, made from the integers of a questionnaire, and without state."""

    @property
    def domain(self) -> int:
        """How many values there are; a value is an integer from 0 up to, not including, this."""

    @property
    def outputs(self) -> int:
        """How many reports there are; a report is an integer from 0 up to, not including, this; at most 2**63."""

    @property
    def supports(self) -> Supports:
        """The probabilities by which reports are counted."""

    @property
    def eps0(self) -> float:
        """The local privacy loss, rounded up: no two answers are told apart better than by this."""

    def randomise(self, value: int, rng: Rng) -> int:
        """Return a report of `value`; raise `MisuseError` if there is no such value. Integers only."""
