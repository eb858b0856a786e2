"""Entropy of a scenario, with loops that end on the way and corrupt nodes; and where the closed form holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulations.flows.corruption import BoolArray, FloatArray, all_corrupt_share, corrupt_mixes, routing_shares
from simulations.flows.rates import PROVIDERS, Flows, FlowStage
from simulations.formulas.entropy import LEAST_POOL, anonymity_set, two_layer_loss_bits
from simulations.formulas.live_entropy import live_entropy_bits
from simulations.formulas.paths import PathStage, class_quantile_bits, target_classes
from simulations.measures.catalogue import Figures, Measure
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

# A smaller loss than this is not worth a note.
_UNEVEN_BITS = 0.02


def path_stages(flows: Flows, corrupt: BoolArray, shares: FloatArray) -> list[PathStage]:
    """Return the stages of a packet's path; providers are honest.

    `corrupt`, `shares`: layers x mixes, as `simulations.flows.corruption` draws them.
    """
    stages: list[PathStage] = []
    before: FlowStage | None = None
    rows = iter(zip(corrupt, shares, strict=True))
    for stage in flows.stages:
        # Loops end in the nodes that sent them, and take their part of the target's mass with them.
        ended = stage.ending_per_s / before.packets_per_s if before is not None and before.packets_per_s else 0.0
        if stage.name == PROVIDERS:
            honest: tuple[float, ...] = (1 / stage.width,) * stage.width
        else:
            row_corrupt, row_shares = next(rows)
            honest = tuple(row_shares[~row_corrupt].tolist())
        stages.append(PathStage(stage.packets_per_s, ended, honest))
        before = stage
    return stages


def entropy_figures(scenario: Scenario, flows: Flows, seeds: Seeds) -> Figures:
    """Return all entropies and the share of corrupt paths; no propagated entropy if mixes hold less than a packet.

    Quantiles over targets only if mixes are corrupt: otherwise all targets are alike, up to what pools happen to hold.
    """
    corrupt = corrupt_mixes(scenario, seeds)
    shares = routing_shares(scenario, corrupt)
    figures = {
        Measure.ENTROPY_LIVE_BITS: _live_bits(scenario, flows, shares),
        Measure.ALL_CORRUPT_SHARE: all_corrupt_share(corrupt, shares),
    }
    # Below one packet on average the closed form means nothing: it even turns negative.
    if least_pool(flows, shares) < 1:
        return figures
    classes = target_classes(path_stages(flows, corrupt, shares), scenario.mix.delay_mean_s)
    figures[Measure.ENTROPY_BITS] = sum(each.share * each.bits for each in classes)
    figures[Measure.ANONYMITY_SET] = anonymity_set(figures[Measure.ENTROPY_BITS])
    if bool(corrupt.any()):
        figures[Measure.ENTROPY_P05_BITS] = class_quantile_bits(classes, 0.05)
        figures[Measure.ENTROPY_P50_BITS] = class_quantile_bits(classes, 0.5)
    return figures


def least_pool(flows: Flows, shares: FloatArray) -> float:
    """Return the mean number of packets in the node that holds the fewest."""
    rows = iter(shares)
    pools = [
        stage.pool_mean * (1.0 if stage.name == PROVIDERS else float(next(rows).min()) * stage.width)
        for stage in flows.stages
    ]
    return min(pools)


def entropy_notes(flows: Flows, shares: FloatArray) -> Iterator[str]:
    """Yield where the closed form of the entropy is out of its range."""
    pool = least_pool(flows, shares)
    if pool < 1:
        yield (
            "entropy_bits is left out: nodes hold less than one packet on average, where its closed form means nothing."
        )
    elif pool < LEAST_POOL:
        yield (
            f"Nodes hold fewer than {LEAST_POOL} packets on average: the closed form of entropy_bits is too high, by "
            "about 0.05 bit at 27 packets, 0.3 at 13 and 1.4 at 7."
        )
    stages = flows.stages
    if len(stages) == 2 and two_layer_loss_bits(stages[0].width, stages[1].pool_mean) > _UNEVEN_BITS:
        yield (
            "There are only two stages, and the second one's nodes hold few packets from each node of the first: the "
            f"closed form of entropy_bits is too high by more than {_UNEVEN_BITS} bit."
        )


def _live_bits(scenario: Scenario, flows: Flows, shares: FloatArray) -> float:
    mixes = [stage for stage in flows.stages if stage.name != PROVIDERS]
    pools = [
        stage.packets_per_s * scenario.mix.delay_mean_s * share
        for stage, row in zip(mixes, shares, strict=True)
        for share in row.tolist()
    ]
    # Most mixes are alike; those with nothing to mix measure nothing.
    alike, counts = np.unique(np.round(pools, 12), return_counts=True)
    bits = [live_entropy_bits(pool) if pool > 0 else 0.0 for pool in alike.tolist()]
    return float(np.average(bits, weights=counts))
