"""Entropy along a path whose stages take different rates, with loops that end on the way and corrupt mixes on it.

The argument of the layered form, stage by stage. A packet that leaves an honest mix has an equal share of what is in
it: after k honest mixes, a packet that leaves at time t has the mass M f_k(t) / R. There f_k is the Erlang density, R
the packets a second that leave the stage (of the one mix, if it is the first honest one), and M the part of the mass
that has not ended before. Corrupt mixes do not mix: a packet that passes one keeps its mass, and the target alone has
it until its first honest mix. With no corruption and equal rates this is `layered_entropy_bits`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log2

from loopixmix.errors import MisuseError
from simulations.formulas.entropy import erlang_entropy_nats


@dataclass(frozen=True)
class PathStage:
    """One stage of a path.

    `packets_per_s`: that wait in all its nodes. `ended_share`: what of the packets that come from the stage before ends
    here instead. `honest`: the share of the stage's packets that each honest node takes; what is missing from one is
    taken by corrupt nodes.
    """

    packets_per_s: float
    ended_share: float
    honest: tuple[float, ...]

    @property
    def honest_share(self) -> float:
        """The share of the stage's packets that honest nodes take."""
        return min(1.0, sum(self.honest))


@dataclass(frozen=True)
class TargetClass:
    """Targets alike: the share of them, and the entropy that each has."""

    share: float
    bits: float


def target_classes(stages: Sequence[PathStage], delay_mean_s: float) -> tuple[TargetClass, ...]:
    """Return the entropies of targets by where their first honest node is; without one it is 0 bits.

    `delay_mean_s`: of every node. Valid while nodes hold some 25 packets, as `layered_entropy_bits`.
    """
    if not stages or any(stage.packets_per_s <= 0 for stage in stages):
        raise MisuseError("a path has stages, and packets on each")
    classes: list[TargetClass] = []
    alone = 1.0
    for first, stage in enumerate(stages):
        # Mixes that take equal shares make equal targets: thousands of mixes are a few classes.
        for node_share, nodes in Counter(stage.honest).items():
            bits = _bits_from(stages[first:], node_share, delay_mean_s)
            classes.append(TargetClass(alone * node_share * nodes, bits))
        alone *= max(0.0, 1.0 - stage.honest_share)
    # Less than this is what rounding leaves of shares that sum to 1, and no class of targets.
    if alone > 1e-15:
        classes.append(TargetClass(alone, 0.0))
    return tuple(_merged(classes))


def path_entropy_bits(stages: Sequence[PathStage], delay_mean_s: float) -> float:
    """Return the mean entropy over targets; see `target_classes`."""
    return sum(each.share * each.bits for each in target_classes(stages, delay_mean_s))


def class_quantile_bits(classes: Sequence[TargetClass], probability: float) -> float:
    """Return the entropy that a share `probability` of the targets does not exceed."""
    reached = 0.0
    ordered = sorted(classes, key=lambda each: each.bits)
    for each in ordered:
        reached += each.share
        # Shares are sums of floats: without the slack a quantile could jump to the next class.
        if reached >= probability - 1e-12:
            return each.bits
    return ordered[-1].bits


def _bits_from(stages: Sequence[PathStage], node_share: float, delay_mean_s: float) -> float:
    """Return the entropy of a target whose first honest node takes `node_share` of the first of these stages."""
    # Of the mass that is under way, by the bits that its packets have had since their last honest node.
    first = stages[0]
    under_way = {log2(first.packets_per_s * node_share) + erlang_entropy_nats(1, delay_mean_s) / log(2): 1.0}
    mass, ended_bits = 1.0, 0.0
    for number, stage in enumerate(stages[1:], start=2):
        ended = stage.ended_share
        ended_bits += ended * sum(share * bits for bits, share in under_way.items())
        mass *= 1 - ended
        corrupt = max(0.0, 1.0 - stage.honest_share)
        under_way = {bits: share * (1 - ended) * corrupt for bits, share in under_way.items()}
        # All mass that is still on its way is spread anew over everything that leaves the stage, whatever it was
        # before: that is what an honest mix does.
        mixed = log2(stage.packets_per_s / mass) + erlang_entropy_nats(number, delay_mean_s) / log(2)
        under_way[mixed] = under_way.get(mixed, 0.0) + mass * (1 - corrupt)
    return ended_bits + sum(share * bits for bits, share in under_way.items())


def _merged(classes: Sequence[TargetClass]) -> list[TargetClass]:
    shares: dict[float, float] = {}
    for each in classes:
        if each.share > 0:
            shares[each.bits] = shares.get(each.bits, 0.0) + each.share
    return [TargetClass(share, bits) for bits, share in shares.items()]
