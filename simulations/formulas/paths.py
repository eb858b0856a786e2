"""Entropy along a path whose stages take different rates, with loops that end on the way and corrupt mixes on it.

The argument of the layered form, stage by stage. A packet that leaves an honest mix has an equal share of what is in
it: after k honest mixes, a packet that leaves at time t has the mass M f_k(t) / R. There f_k is the Erlang density, R
the packets a second that leave the stage (of the one mix, if it is the first honest one), and M the part of the mass
that has not ended before. Corrupt mixes do not mix: a packet that passes one keeps its mass, and the target alone has
it until its first honest mix. With no corruption and equal rates this is `layered_entropy_bits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, log2

from loopixmix.errors import MisuseError
from simulations.formulas.entropy import erlang_entropy_nats


@dataclass(frozen=True)
class Alike:
    """Nodes of a stage that are alike: how many, and the share of the stage's packets that each of them takes."""

    nodes: int
    share: float


@dataclass(frozen=True)
class PathStage:
    """One stage of a path.

    `packets_per_s`: that wait in all its nodes. `ended_share`: what of the packets that come from the stage before ends
    here instead. `honest`: the honest nodes, by the share of the stage's packets that they take; what is missing from
    one is taken by corrupt nodes.
    """

    packets_per_s: float
    ended_share: float
    honest: tuple[Alike, ...]

    @cached_property
    def honest_share(self) -> float:
        """The share of the stage's packets that honest nodes take."""
        return min(1.0, sum(each.nodes * each.share for each in self.honest))


_ROUNDING = 1e-12
"""Less than this is what rounding leaves of shares that sum to 1, and no class of targets."""


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
        if alone <= _ROUNDING:
            break
        mixed_bits, unmixed = _bits_from(stages[first:], delay_mean_s)
        for each in stage.honest:
            if each.share > 0:
                bits = mixed_bits + unmixed * log2(each.share)
                classes.append(TargetClass(alone * each.share * each.nodes, bits))
        alone *= max(0.0, 1.0 - stage.honest_share)
    if alone > _ROUNDING:
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


def _bits_from(stages: Sequence[PathStage], delay_mean_s: float) -> tuple[float, float]:
    """Return a and b: a target has a + b log2 s bits if its first honest node takes the share s of these stages' first.

    Only mass that no other honest node has mixed remembers how many packets that node had: b is the part of it.
    """
    first = stages[0]
    # Of the mass that is under way, by the bits that its packets have had since their last honest node.
    alone_bits = log2(first.packets_per_s) + erlang_entropy_nats(1, delay_mean_s) / log(2)
    unmixed, under_way = 1.0, dict[float, float]()
    mass, ended_bits, ended_unmixed = 1.0, 0.0, 0.0
    for number, stage in enumerate(stages[1:], start=2):
        ended = stage.ended_share
        ended_bits += ended * sum(share * bits for bits, share in under_way.items())
        ended_unmixed += ended * unmixed
        mass *= 1 - ended
        corrupt = max(0.0, 1.0 - stage.honest_share)
        unmixed *= (1 - ended) * corrupt
        under_way = {bits: share * (1 - ended) * corrupt for bits, share in under_way.items()}
        # All mass that is still on its way is spread anew over everything that leaves the stage, whatever it was
        # before: that is what an honest mix does.
        mixed = log2(stage.packets_per_s / mass) + erlang_entropy_nats(number, delay_mean_s) / log(2)
        under_way[mixed] = under_way.get(mixed, 0.0) + mass * (1 - corrupt)
    unmixed += ended_unmixed
    mixed_bits = ended_bits + sum(share * bits for bits, share in under_way.items())
    return mixed_bits + unmixed * alone_bits, unmixed


def _merged(classes: Sequence[TargetClass]) -> list[TargetClass]:
    shares: dict[float, float] = {}
    for each in classes:
        if each.share > 0:
            shares[each.bits] = shares.get(each.bits, 0.0) + each.share
    return [TargetClass(share, bits) for bits, share in shares.items()]
