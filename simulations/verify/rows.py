"""One figure: its published, theoretical and simulated value, and how far apart they may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator

from loopixmix.verdict import Check

Reference = Literal["published", "theory"]


@dataclass(frozen=True)
class Row:
    """One figure of one setting.

    `published` and `theory` are None if there is none. `published_within` and `theory_within`: how far the simulated
    value may be from them, in the row's unit; None if they are shown and not compared with. `reason`: why so far.
    """

    figure: str
    setting: str
    unit: str
    simulated: float
    reason: str
    published: float | None = None
    theory: float | None = None
    published_within: float | None = None
    theory_within: float | None = None

    @property
    def name(self) -> str:
        """The figure and the setting."""
        return f"{self.figure} {self.setting}"

    @property
    def compared(self) -> Sequence[Comparison]:
        """The value that the simulated one is held against."""
        pairs: tuple[tuple[Reference, float | None, float | None], ...] = (
            ("published", self.published, self.published_within),
            ("theory", self.theory, self.theory_within),
        )
        return [
            Comparison(against, self.simulated - value, within)
            for against, value, within in pairs
            if value is not None and within is not None
        ]

    @property
    def tightest(self) -> Comparison:
        """The comparison that is nearest to failing."""
        nothing = Comparison("theory", math.inf, 0.0)  # a row that is compared with nothing proves nothing
        return max(self.compared, key=lambda one: one.strain, default=nothing)

    @property
    def passed(self) -> bool:
        """Tell whether it is compared with something, and all comparisons hold."""
        return bool(self.compared) and all(comparison.holds for comparison in self.compared)

    def check(self) -> Check:
        """Return what programs read."""
        return Check(
            name=self.name,
            passed=self.passed,
            value=f"{text(self.simulated)} {self.unit}".rstrip(),
            expected=", ".join(
                f"{against} {text(value)}" + (f" within {text(within)}" if within is not None else " (not compared)")
                for against, value, within in (
                    ("published", self.published, self.published_within),
                    ("theory", self.theory, self.theory_within),
                )
                if value is not None
            ),
            detail=self.reason,
        )


@dataclass(frozen=True)
class Comparison:
    """A simulated value against another one: `difference` has a sign, `within` has none."""

    against: Reference
    difference: float
    within: float

    @property
    def holds(self) -> bool:
        """Tell whether they are near enough; never if one is no number."""
        return abs(self.difference) <= self.within

    @property
    def strain(self) -> float:
        """How much of the tolerance is used; 1 is all."""
        if not math.isfinite(self.difference):
            return math.inf
        return abs(self.difference) / self.within if self.within else math.inf * bool(self.difference) or 0.0


def text(value: float | None) -> str:
    """Write a figure with four decimals below 1, three below 1,000, none from there; nothing if there is none."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    if abs(value) < 0.0001:
        return f"{value:.0e}"
    if abs(value) < 1:
        return f"{value:.4f}"
    return f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.0f}"


@dataclass(frozen=True)
class Effort:
    """How much is simulated, and so how near it must come.

    `entropy_error_bits`: wanted standard error if a pool is averaged over time; `entropy_bits`: tolerance of
    entropies; `targets_share` and `trials_share`: of the long form's targets and trials; `repetitions`: of epsilon,
    which passes within `epsilon_errors` standard errors; `whole_observation`: whether its senders are observed for 100
    units, or only as long as it matters.
    """

    name: str
    entropy_error_bits: float
    entropy_bits: float
    targets_share: float
    trials_share: float
    repetitions: int
    epsilon_errors: float
    whole_observation: bool

    def targets(self, of_long_form: int) -> int:
        """Return how many packets are followed; six or more."""
        return max(6, round(of_long_form * self.targets_share))

    def trials(self, of_long_form: int) -> int:
        """Return how often something is tried."""
        return max(1, round(of_long_form * self.trials_share))


LONG = Effort(
    name="long",
    entropy_error_bits=0.005,
    entropy_bits=0.03,
    targets_share=1.0,
    trials_share=1.0,
    repetitions=300,
    epsilon_errors=3.0,
    whole_observation=True,
)
QUICK = Effort(
    name="quick",
    entropy_error_bits=0.01,
    entropy_bits=0.06,
    targets_share=0.2,
    trials_share=0.1,
    repetitions=60,
    epsilon_errors=4.0,
    whole_observation=False,
)

# Shares of independent trials pass within so many standard errors: a true one is beyond in one of 1.7 million runs.
SHARE_ERRORS = 5.0


@dataclass(frozen=True)
class Case:
    """Something to simulate that gives a few rows of one figure.

    `weight`: seconds it takes in the long form, about. `long_only`: whether other forms leave it out.
    """

    figure: str
    name: str
    run: Callable[[Effort, Generator], Sequence[Row]]
    weight: float = 1.0
    long_only: bool = False
