"""The outcome of one replicate: figures and distributions, by the names in `simulations.measures.catalogue`."""

from __future__ import annotations

from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from loopixmix.sweeps.work import Progress
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

PROBABILITIES: tuple[float, ...] = (
    0.0,
    0.0001,
    0.001,
    *(round(number / 200, 3) for number in range(1, 200)),
    0.999,
    0.9999,
    1.0,
)
"""Where distributions are kept: enough to draw them, whatever they were measured on."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A measured or exact distribution: count (0 if exact), mean, sd and the quantiles at `PROBABILITIES`."""

    count: int
    mean: float
    sd: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, samples: ArrayLike) -> Distribution:
        """Return the distribution of one or more samples."""
        values = np.asarray(samples, dtype=np.float64)
        return cls(
            count=values.size,
            mean=float(values.mean()),
            sd=float(values.std(ddof=1)) if values.size > 1 else 0.0,
            quantiles=tuple(np.quantile(values, PROBABILITIES).tolist()),
        )

    def quantile(self, probability: float) -> float:
        """Return a quantile, between those kept by linear interpolation."""
        return float(np.interp(probability, PROBABILITIES, self.quantiles))


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One replicate of one scenario by one engine.

    `notes`: what a reader must know to trust the figures, such as "the pool is below 25: the closed form is off by
    about 0.3 bit"; whole sentences without the figures of one replicate.
    """

    engine: str
    figures: dict[str, float]
    distributions: dict[str, Distribution] = {}
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """One way to simulate a scenario."""

    @property
    def name(self) -> str:
        """`exact`, `vector` or `nodes`."""

    def check(self, scenario: Scenario) -> None:
        """Raise `ScenarioError`, naming the keys, if this engine cannot simulate the scenario."""

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Simulate one replicate; the same scenario and seeds give the same outcome, bit for bit."""
