"""The latency model that a scenario asks for."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import numpy as np

from simulations.latency.distribution import ConstantLatency, QuantileLatency, UniformLatency
from simulations.latency.geography import latencies_s, towns_of
from simulations.latency.model import FloatArray, IntArray, LatencyModel
from simulations.latency.places import Places
from simulations.latency.table import MAX_USER_SITES, TableLatency
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds, Subsystem

# Others draw from the beginning of the same subsystems, and sites must not go along with what they draw.
_OWN_STREAM = 7


def make_latency(scenario: Scenario, seeds: Seeds) -> LatencyModel:
    """Return the model of `scenario.links`; sites are drawn by the seeds of `topology` (nodes) and `users` (users).

    `geographic`: nodes and users at towns of the area, each drawn by the towns' weights. `matrix`: nodes at places of
    the file, each as likely, none taken twice before all are taken; users anywhere.
    Raises `ScenarioError` if the matrix cannot be used as the scenario says, naming file, key and line.
    """
    links = scenario.links
    match links.model:
        case "constant":
            return ConstantLatency(links.latency_s)
        case "uniform":
            return UniformLatency(links.low_s, links.high_s)
        case "quantiles":
            return QuantileLatency(links.quantiles)
        case "geographic":
            return _geographic(scenario, seeds)
        case "matrix":
            return _from_matrix(scenario, seeds)
    assert_never(links.model)


def _geographic(scenario: Scenario, seeds: Seeds) -> TableLatency:
    towns, places = towns_of(scenario.links.area), Places(scenario.topology)
    by_nodes = _shares(np.array([town.nodes for town in towns]))
    by_users = _shares(np.array([town.users for town in towns]))
    return TableLatency(
        latencies_s(towns),
        places=places,
        node_sites=_generator(seeds, "topology").choice(len(towns), size=places.nodes, p=by_nodes),
        user_sites=_generator(seeds, "users").choice(len(towns), size=_user_sites(scenario), p=by_users),
        last_mile_s=scenario.links.last_mile_s,
    )


def _from_matrix(scenario: Scenario, seeds: Seeds) -> TableLatency:
    from simulations.latency.matrices import load_matrix  # pandas: only if a file is read

    table_s, places = load_matrix(Path(scenario.links.matrix), scenario.links), Places(scenario.topology)
    return TableLatency(
        table_s,
        places=places,
        node_sites=_without_repetition(len(table_s), places.nodes, _generator(seeds, "topology")),
        user_sites=_generator(seeds, "users").integers(len(table_s), size=_user_sites(scenario)),
        last_mile_s=0.0,
    )


def _generator(seeds: Seeds, subsystem: Subsystem) -> np.random.Generator:
    sequence = seeds.sequence(subsystem)
    return np.random.default_rng(
        # A key of its own and not the next child: `spawn` gives the first children to any caller, the vector engine
        # among them.
        np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, _OWN_STREAM, _OWN_STREAM))
    )


def _user_sites(scenario: Scenario) -> int:
    return min(scenario.users.count, MAX_USER_SITES)


def _shares(weights: FloatArray) -> FloatArray:
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _without_repetition(sites: int, wanted: int, generator: np.random.Generator) -> IntArray:
    # Places repeat only when all are taken: two nodes at one site would have a link of no length between them.
    rounds = -(-wanted // sites)
    return np.concatenate([generator.permutation(sites) for _ in range(rounds)])[:wanted]
