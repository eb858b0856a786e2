"""Small scenarios and worlds for the tests of the engine `nodes`."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.nodes.measurement import Watch
from simulations.scenario import Scenario, change
from simulations.seeds import Seeds
from simulations.world.world import World

SMALL: Mapping[str, object] = {
    "name": "small",
    "topology.mixes_per_layer": 2,
    "users.count": 12,
    "users.contacts": 3,
    "users.messages_per_day": 20_000.0,
    "traffic.pull_batch": 8,
    "mix.delay_mean_s": 0.1,
    "links.latency_s": 0.02,
    "run.duration_s": 8.0,
    "run.warm_up_s": 3.0,
    "run.drain_s": 4.0,
    "run.replicates": 1,
    "run.targets": 10,
}
"""Twelve users for a quarter of a minute: about 5,000 packet-hops."""


def small(values: Mapping[str, object] | None = None) -> Scenario:
    """Return the small scenario with other values for some keys."""
    return change(Scenario(), {**SMALL, **(values or {})})


def seeds_of(scenario: Scenario, replicate: int = 0) -> Seeds:
    return Seeds(scenario.seeds, replicate=replicate)


def world_of(
    values: Mapping[str, object] | None = None, *, epoch_length_s: int | None = None, late_s: float = 0
) -> World:
    """Return a world that does not run yet; it begins `late_s` after an edge of epochs."""
    scenario = small(values)
    start_s = 1_800_000_000.0 + late_s
    return World(scenario, seeds_of(scenario), epoch_length_s=epoch_length_s, start_s=start_s)


def watched(world: World, span_s: float) -> Watch:
    """Run a world for a span under watch, and stop it."""
    watch = Watch(world)
    world.start()
    world.run_for(span_s)
    world.stop()
    return watch
