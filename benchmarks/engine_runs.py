"""One run of an engine, as `loopixmix simulate run` calls it, and what it took."""

from __future__ import annotations

import time

import msgspec

from simulations.outcome import Engine
from simulations.scenario import Scenario
from simulations.seeds import Seeds

ROUNDS = 3
"""The fastest of so many counts: what else runs on the machine only ever takes time away."""


class Took(msgspec.Struct, frozen=True):
    """Seconds by the clock, and of the processor."""

    wall_s: float
    processor_s: float


def run_once(engine: Engine, scenario: Scenario) -> Took:
    """Run a scenario and throw its result away."""
    begun_s, begun_processor_s = time.perf_counter(), time.process_time()
    engine.run(scenario, Seeds(scenario.seeds, replicate=0), progress=_silent)
    processor_s = time.process_time() - begun_processor_s
    return Took(time.perf_counter() - begun_s, processor_s)


def _silent(_share: float) -> None:
    """Show no progress."""
