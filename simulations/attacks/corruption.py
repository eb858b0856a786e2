"""Mixes that the adversary runs: where they lie, what is routed through them, and what that tells them.

MiXiM (Ben Guirat, Gosain, Diaz: Mixnet Design Decisions and Empirical Evaluation, section 3 and its published
notebooks, Figs 3 and 6) has the three: *balanced*, the worst case of placement, with all-corrupt paths b^L; *random*,
hypergeometric, with prod (B - i)/(N - i), which is a little less; and *biased routing*, in which some mixes get more
than their share of the packets: there 0.4 goes to the first of ten mixes in each layer, and the first are corrupt.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import Estimate
from simulations.formulas.corruption import random_corrupt_path_share, seen_within
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
        order = generator.permutation(layers * width).reshape(layers, width)
        corrupt: BoolArray = order < corrupt_count(scenario)
        return corrupt
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
    return float(np.prod(np.where(corrupt, shares, 0.0).sum(axis=1)))


def expected_all_corrupt_share(scenario: Scenario) -> float:
    """Return the same in the mean over placements: b^L balanced, prod (B - i)/(N - i) random, routed_share^L biased."""
    layers, width = scenario.topology.layers, scenario.topology.mixes_per_layer
    if scenario.corruption.placement == "random":
        return random_corrupt_path_share(corrupt_count(scenario), layers * width, layers)
    counts = _corrupt_per_layer(scenario)
    if scenario.corruption.placement == "balanced":
        return float(np.prod(counts / width))
    biased = np.where(counts == width, 1.0, np.where(counts == 0, 0.0, scenario.corruption.routed_share))
    return float(np.prod(biased))


def measured_all_corrupt_share(corrupt: BoolArray, shares: FloatArray, paths: int, generator: Generator) -> Estimate:
    """Draw paths (one or more), one mix of each layer, and count those whose every mix is corrupt."""
    if paths < 1:
        raise MisuseError(f"paths must be 1 or more, not {paths}")
    hits, left = 0, paths
    while left:
        chunk = min(left, _CHUNK)
        taken = np.ones(chunk, dtype=np.bool_)
        for row, ours in zip(shares, corrupt, strict=True):
            edges = np.cumsum(row)
            mixes = np.minimum(np.searchsorted(edges, generator.random(chunk), side="right"), row.size - 1)
            taken &= ours[mixes]
        hits += int(taken.sum())
        left -= chunk
    return Estimate.of_trials(hits, paths)


def attack_corruption(scenario: Scenario, seeds: Seeds) -> dict[str, float]:
    """Return how many messages have a packet that only corrupt mixes mixed, where there are corrupt mixes.

    `attack.corruption.success`: of messages of `users.packets_per_message` packets, each on a path of its own; drawn,
    for the placement of this replicate. `.bound`: by formula, in the mean over placements. The provider of the sender
    is taken to be honest: it mixes too, and so the adversary has still to see through it.
    """
    if corrupt_count(scenario) == 0:
        return {}
    corrupt = corrupt_mixes(scenario, seeds)
    shares = routing_shares(scenario, corrupt)
    packets = scenario.users.packets_per_message
    generator = seeds.generator("attacks")
    found = measured_all_corrupt_share(corrupt, shares, PATHS, generator)
    bound = seen_within(expected_all_corrupt_share(scenario), packets)
    return {
        "attack.corruption.success": seen_within(found.share, packets),
        "attack.corruption.success.low": seen_within(found.low, packets),
        "attack.corruption.success.high": seen_within(found.high, packets),
        "attack.corruption.bound": bound,
    }


PATHS = 200_000
"""Paths that are drawn."""

_CHUNK = 1 << 18


def _corrupt_per_layer(scenario: Scenario) -> NDArray[np.int64]:
    each, more = divmod(corrupt_count(scenario), scenario.topology.layers)
    return each + (np.arange(scenario.topology.layers) < more).astype(np.int64)
