"""Mixes that the adversary runs: where they lie, and what share of the packets goes through them.

MiXiM (Ben Guirat, Gosain, Diaz: Mixnet Design Decisions and Empirical Evaluation, section 3 and Fig. 3) has the first
two placements. *Balanced*: all-corrupt paths are b^L. *Random* is hypergeometric: prod (B - i)/(N - i), which is a
little less. What each mix gets is a matter of the topology (`simulations.flows.routing`). The adversary may run the
*heaviest* mixes, as in the published program of MiXiM's Fig. 6; or senders may *favour* corrupt mixes whatever they
weigh, which no paper has, and is the worst of all.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulations.flows.routing import alike_mixes, weight_shares
from simulations.formulas.corruption import random_corrupt_path_share
from simulations.formulas.paths import Alike
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

BoolArray: TypeAlias = NDArray[np.bool_]
FloatArray: TypeAlias = NDArray[np.float64]


def corrupt_count(scenario: Scenario) -> int:
    """Return how many mixes the adversary runs: `corruption.share` of all, to the nearest."""
    topology = scenario.topology
    return round(scenario.corruption.share * topology.layers * topology.mixes_per_layer)


def corrupt_mixes(scenario: Scenario, seeds: Seeds) -> BoolArray:
    """Return which mixes the adversary runs: a row for each layer, a column for each of its mixes.

    All but `random`: as many in each layer as in the next (what does not divide goes to the first layers); `heaviest`
    the first of the heaviest in it, the others anywhere in it. `random`: anywhere. Drawn from the subsystem
    `corruption` only.
    """
    layers, width = scenario.topology.layers, scenario.topology.mixes_per_layer
    if corrupt_count(scenario) == 0:
        return np.zeros((layers, width), dtype=np.bool_)
    if scenario.corruption.placement == "heaviest":
        return _heaviest(scenario)
    generator = seeds.generator("corruption")
    if scenario.corruption.placement == "random":
        # Each draws a number, and the least are corrupt: raising the share with the same seed adds mixes and takes none
        # away, so that a sweep compares like with like. Several times as quick as a permutation of millions.
        count, corrupt = corrupt_count(scenario), np.zeros(layers * width, dtype=np.bool_)
        corrupt[np.argpartition(generator.random(layers * width), count - 1)[:count]] = True
        return corrupt.reshape(layers, width)
    # One permutation a layer, for the same reason.
    within = np.stack([generator.permutation(width) for _ in range(layers)])
    return within < _corrupt_per_layer(scenario)[:, np.newaxis]


def routing_shares(scenario: Scenario, corrupt: BoolArray) -> FloatArray:
    """Return the share of its layer's packets that each mix gets (layers x mixes, each row adds up to 1).

    By the weights of the topology, but with placement `favoured`: `corruption.routed_share` goes to the corrupt ones of
    each layer. Layers without honest or without corrupt mixes cannot favour any, and go by the weights. The array may
    be one that cannot be written to.
    """
    width = scenario.topology.mixes_per_layer
    shares = weight_shares(scenario.topology)
    if scenario.corruption.placement != "favoured" or corrupt_count(scenario) == 0:
        return shares
    shares = shares.copy()
    for row, ours in zip(shares, corrupt, strict=True):
        count = int(ours.sum())
        if 0 < count < width:
            row[ours] = scenario.corruption.routed_share / count
            row[~ours] = (1.0 - scenario.corruption.routed_share) / (width - count)
    return shares


def all_corrupt_share(corrupt: BoolArray, shares: FloatArray) -> float:
    """Return the share of paths whose every mix is corrupt, for this very placement."""
    # Layers are chosen independently of each other, so that the shares are multiplied.
    return float(np.prod(np.where(corrupt, shares, 0.0).sum(axis=1)))


def expected_all_corrupt_share(scenario: Scenario) -> float:
    """Return the same on average over placements.

    b^L balanced, prod (B - i)/(N - i) random, whatever mixes weigh; what the heaviest take of each layer; or
    routed_share^L favoured.
    """
    layers, width = scenario.topology.layers, scenario.topology.mixes_per_layer
    counts = _corrupt_per_layer(scenario)
    match scenario.corruption.placement:
        case "random":
            return random_corrupt_path_share(corrupt_count(scenario), layers * width, layers)
        case "balanced":
            # Each mix is as often corrupt as another, so that weights change nothing on average.
            return float(np.prod(counts / width))
        case "heaviest":
            return all_corrupt_share(_heaviest(scenario), weight_shares(scenario.topology))
    # A layer that is all corrupt or all honest cannot favour any: `routing_shares` leaves it as it is, and so has the
    # formula to.
    favoured = np.where(counts == width, 1.0, np.where(counts == 0, 0.0, scenario.corruption.routed_share))
    return float(np.prod(favoured))


def alike_of_layers(scenario: Scenario) -> list[tuple[Alike, ...]]:
    """Return for each layer how many mixes take which share of its packets; that does not depend on seeds."""
    rows = weight_shares(scenario.topology)
    lists = len(scenario.topology.mix_weights)
    # Layers of one list are one row.
    found = [alike_mixes(row) for row in rows] if lists > 1 else [alike_mixes(rows[0])] * len(rows)
    if scenario.corruption.placement != "favoured" or corrupt_count(scenario) == 0:
        return found
    width, routed = scenario.topology.mixes_per_layer, scenario.corruption.routed_share
    for layer, count in enumerate(_corrupt_per_layer(scenario).tolist()):
        if 0 < count < width:
            found[layer] = (Alike(count, routed / count), Alike(width - count, (1.0 - routed) / (width - count)))
    return found


def _heaviest(scenario: Scenario) -> BoolArray:
    shares, counts = weight_shares(scenario.topology), _corrupt_per_layer(scenario)
    corrupt = np.zeros(shares.shape, dtype=np.bool_)
    for row, ours, count in zip(shares, corrupt, counts.tolist(), strict=True):
        # Stable: of mixes that weigh the same the first are taken.
        ours[np.argsort(-row, kind="stable")[:count]] = True
    return corrupt


def _corrupt_per_layer(scenario: Scenario) -> NDArray[np.int64]:
    each, more = divmod(corrupt_count(scenario), scenario.topology.layers)
    return each + (np.arange(scenario.topology.layers) < more).astype(np.int64)
