"""The knowledge of corrupt mixes: how often every mix of a path is the adversary's.

Which mixes are corrupt, and how often a path should meet only such mixes, says `simulations.flows.corruption`.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import ShareEstimate
from simulations.flows.corruption import (
    BoolArray,
    FloatArray,
    corrupt_count,
    corrupt_mixes,
    expected_all_corrupt_share,
    routing_shares,
)
from simulations.formulas.corruption import seen_within
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds


def measured_all_corrupt_share(
    corrupt: BoolArray, shares: FloatArray, paths: int, generator: Generator
) -> ShareEstimate:
    """Draw paths (one or more), one mix of each layer, and count those whose every mix is corrupt."""
    if paths < 1:
        raise MisuseError(f"paths must be 1 or more, not {paths}")
    hits, left = 0, paths
    while left:
        # In parts that fit a cache: layers are gone through one after the other for all paths.
        chunk = min(left, _CHUNK)
        taken = np.ones(chunk, dtype=np.bool_)
        for row, ours in zip(shares, corrupt, strict=True):
            edges = np.cumsum(row)
            # The last edge may be a little below 1, and the draw above it: it belongs to the last mix.
            mixes = np.minimum(np.searchsorted(edges, generator.random(chunk), side="right"), row.size - 1)
            taken &= ours[mixes]
        hits += int(taken.sum())
        left -= chunk
    return ShareEstimate.of_trials(hits, paths)


def attack_corruption(scenario: Scenario, seeds: Seeds) -> dict[str, float]:
    """Return how many messages have a packet that only corrupt mixes mixed, if there are corrupt mixes.

    `attack.corruption.success`: of messages of `users.packets_per_message` packets, each on a path of its own; drawn,
    for the placement of this replicate. `.bound`: by formula, on average over placements. The provider of the sender
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
