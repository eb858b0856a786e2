"""Mixes that the adversary runs: where they lie, and what share of the packets goes through them.

MiXiM (Ben Guirat, Gosain, Diaz: Mixnet Design Decisions and Empirical Evaluation, section 3 and its published
notebooks, Figs 3 and 6) has the three placements. *Balanced* is the worst case: all-corrupt paths are b^L. *Random* is
hypergeometric: prod (B - i)/(N - i), which is a little less. With *biased routing* some mixes get more than their share
of the packets: there 0.4 goes to the first of ten mixes in each layer, and the first are corrupt.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulations.formulas.corruption import random_corrupt_path_share
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

    `balanced` and `biased`: as many in each layer as in the next (what does not divide goes to the first layers),
    anywhere in it. `random`: anywhere. Drawn from the subsystem `corruption` only.
    """
    layers, width = scenario.topology.layers, scenario.topology.mixes_per_layer
    generator = seeds.generator("corruption")
    if scenario.corruption.placement == "random":
        # A permutation, and the first of it are corrupt: raising the share with the same seed adds mixes and takes none
        # away, so that a sweep compares like with like.
        order = generator.permutation(layers * width).reshape(layers, width)
        corrupt: BoolArray = order < corrupt_count(scenario)
        return corrupt
    # One permutation a layer, for the same reason.
    within = np.stack([generator.permutation(width) for _ in range(layers)])
    return within < _corrupt_per_layer(scenario)[:, np.newaxis]


def routing_shares(scenario: Scenario, corrupt: BoolArray) -> FloatArray:
    """Return the share of its layer's packets that each mix gets (layers x mixes, each row adds up to 1).

    The same for all mixes of a layer, as deployed clients choose, but with placement `biased`:
    `corruption.routed_share` goes to the corrupt ones of each layer. Layers without honest or without corrupt mixes
    cannot be biased, and are not.
    """
    layers, width = corrupt.shape
    shares = np.full((layers, width), 1.0 / width)
    if scenario.corruption.placement != "biased":
        return shares
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
    """Return the same on average over placements: b^L balanced, prod (B - i)/(N - i) random, routed_share^L biased."""
    layers, width = scenario.topology.layers, scenario.topology.mixes_per_layer
    if scenario.corruption.placement == "random":
        return random_corrupt_path_share(corrupt_count(scenario), layers * width, layers)
    counts = _corrupt_per_layer(scenario)
    if scenario.corruption.placement == "balanced":
        return float(np.prod(counts / width))
    # A layer that is all corrupt or all honest cannot be biased: `routing_shares` leaves it as it is, and so has the
    # formula to.
    biased = np.where(counts == width, 1.0, np.where(counts == 0, 0.0, scenario.corruption.routed_share))
    return float(np.prod(biased))


def _corrupt_per_layer(scenario: Scenario) -> NDArray[np.int64]:
    each, more = divmod(corrupt_count(scenario), scenario.topology.layers)
    return each + (np.arange(scenario.topology.layers) < more).astype(np.int64)
