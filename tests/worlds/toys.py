"""Engines for tests of the workbench: quick, random, and as slow or as broken as a test wants them.

They are also the example of an engine of one's own: `--engine tests.worlds.toys:ENGINE`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from loopixmix.sweeps.work import Progress
from simulations.outcome import Distribution, Outcome
from simulations.scenario import Scenario, ScenarioError
from simulations.seeds import Seeds

LOG = "TOY_ENGINE_LOG"
"""The environment variable that names a file to which each task adds a line when it is done."""


class ToyEngine:
    """Draws latencies as they are without cryptography, nodes or users: a sum of exponential times.

    `processors.unwrap_s` is for how many real seconds a task sleeps.
    """

    name = "toy"

    def check(self, scenario: Scenario) -> None:
        """Refuse what it cannot do."""
        if scenario.corruption.share:
            raise ScenarioError(f"corruption.share is {scenario.corruption.share:g}: the toy engine knows only 0")

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Draw."""
        for step in range(10):
            progress(step / 10)
            time.sleep(scenario.processors.unwrap_s / 10)
        shape = scenario.topology.layers + (1 if scenario.topology.providers else 0)
        latencies = seeds.generator("mixing").gamma(shape, scenario.mix.delay_mean_s, size=1000)
        if LOG in os.environ:
            with Path(os.environ[LOG]).open("a") as log:
                log.write(f"{scenario.mix.delay_mean_s:g} {seeds.replicate}\n")
        return Outcome(
            engine=self.name,
            figures={"latency_mean_s": float(latencies.mean()), "latency_sd_s": float(latencies.std(ddof=1))},
            distributions={"latency_s": Distribution.of(latencies)},
            notes=("toys are no networks.",),
        )


class DyingEngine(ToyEngine):
    """Takes its whole process with it."""

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Die, at replicate 1."""
        if seeds.replicate == 1:
            os._exit(9)
        return super().run(scenario, seeds, progress=progress)


class BabblingEngine(ToyEngine):
    """Measures what the catalogue does not know."""

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Babble."""
        return Outcome(engine=self.name, figures={"happiness": 1.0})


class BuggyEngine(ToyEngine):
    """Has a bug."""

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Divide by zero."""
        raise ZeroDivisionError("a bug")


ENGINE = ToyEngine()
DYING = DyingEngine()
BABBLING = BabblingEngine()
BUGGY = BuggyEngine()
NO_ENGINE = 7
