"""Entropy of a scenario, with loops that end on the way and corrupt nodes; and where the closed form holds."""

from __future__ import annotations

from collections.abc import Iterator

from simulations.flows.corruption import BoolArray, FloatArray, all_corrupt_share
from simulations.flows.rates import PROVIDERS, Flows, FlowStage
from simulations.flows.routing import alike_mixes
from simulations.formulas.entropy import LEAST_POOL, anonymity_set, two_layer_loss_bits
from simulations.formulas.live_entropy import live_entropies_bits
from simulations.formulas.paths import PathStage, class_quantile_bits, target_classes
from simulations.measures.catalogue import Figures, Measure

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
        honest = stage.spread
        if stage.name != PROVIDERS:
            row_corrupt, row_shares = next(rows)
            # Which mixes are corrupt decides only where some are: all else follows from the topology.
            if row_corrupt.any():
                honest = alike_mixes(row_shares[~row_corrupt])
        stages.append(PathStage(stage.packets_per_s, ended, honest))
        before = stage
    return stages


def entropy_figures(flows: Flows, corrupt: BoolArray, shares: FloatArray, spread_bits: float = 0.0) -> Figures:
    """Return all entropies and the share of corrupt paths; no propagated entropy if mixes hold less than a packet.

    Quantiles over targets only if mixes are corrupt: otherwise all targets are alike, up to what pools happen to hold.
    `corrupt`, `shares`: layers x mixes, as `simulations.flows.corruption` draws them; `spread_bits`: what links of
    varying latency add if no mix is corrupt (`simulations.flows.timing.links_spread_bits`).
    """
    figures = {
        Measure.ENTROPY_LIVE_BITS: _live_bits(flows),
        Measure.ALL_CORRUPT_SHARE: all_corrupt_share(corrupt, shares),
    }
    # Below one packet on average the closed form means nothing: it even turns negative.
    if least_pool(flows) < 1:
        return figures
    classes = target_classes(path_stages(flows, corrupt, shares), flows.stages[0].delay_mean_s)
    figures[Measure.ENTROPY_BITS] = sum(each.share * each.bits for each in classes)
    if not corrupt.any():
        figures[Measure.ENTROPY_BITS] += spread_bits
    figures[Measure.ANONYMITY_SET] = anonymity_set(figures[Measure.ENTROPY_BITS])
    if bool(corrupt.any()):
        figures[Measure.ENTROPY_P05_BITS] = class_quantile_bits(classes, 0.05)
        figures[Measure.ENTROPY_P50_BITS] = class_quantile_bits(classes, 0.5)
    return figures


def least_pool(flows: Flows) -> float:
    """Return the mean number of packets in the node that holds the fewest."""
    return min(stage.least_pool for stage in flows.stages)


def entropy_notes(flows: Flows) -> Iterator[str]:
    """Yield where the closed form of the entropy is out of its range."""
    pool = least_pool(flows)
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


def _live_bits(flows: Flows) -> float:
    # Layers that are alike differ by rounding. A mix with nothing to mix measures nothing.
    loads = [(load.nodes, round(load.pool_mean, 12)) for stage in flows.mixes for load in stage.loads]
    known = live_entropies_bits(sorted({pool for _, pool in loads if pool > 0}))
    return sum(nodes * known.get(pool, 0.0) for nodes, pool in loads) / sum(nodes for nodes, _ in loads)
