"""The passage of packets through a stage, and the probability that each is a labelled one (Loopix Theorem 1).

A mix that holds n packets with the mass P of a label: an arrival of mass p makes it P + p; a departure takes P / n
along, whichever packet it was. All mixes of all repetitions take their steps side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulations.unlinkability.experiment import MixLayer

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

Number = TypeVar("Number", np.int64, np.bool_)

LABELS = 2


@dataclass(frozen=True)
class PassingPackets:
    """Packets on their way to a stage: when, in which repetition, and the mass of both labels (a row each)."""

    at_s: FloatArray
    repetition: IntArray
    masses: FloatArray

    def and_these(self, others: PassingPackets) -> PassingPackets:
        """Return these and others."""
        return PassingPackets(
            np.concatenate([self.at_s, others.at_s]),
            np.concatenate([self.repetition, others.repetition]),
            np.concatenate([self.masses, others.masses]),
        )


@dataclass(frozen=True)
class Passed:
    """The packets that came out by the end, and the masses in the mixes at the end (repetitions x width x labels)."""

    packets: PassingPackets
    pools: FloatArray


def unlabelled(rate_per_s: float, until_s: float, repetitions: int, generator: Generator) -> PassingPackets:
    """Return Poisson streams of packets that none of the two sent, one for each repetition."""
    counts = generator.poisson(rate_per_s * until_s, repetitions)
    at_s = generator.uniform(0, until_s, int(counts.sum()))
    return PassingPackets(at_s, np.repeat(np.arange(repetitions), counts), np.zeros((at_s.size, LABELS)))


def pass_stage(
    stage: MixLayer, packets: PassingPackets, until_s: float, repetitions: int, generator: Generator
) -> Passed:
    """Send packets through a stage whose mixes hold others already: as many as in the steady state.

    That is exact: the pools of a network of M/M/infinity mixes are independent Poisson variables, and what remains of
    an exponential delay is exponential. It takes the place of the paper's 2,500 units of burn-in.
    """
    shares = np.array(stage.shares or (1 / stage.width,) * stage.width)
    pools = generator.poisson(stage.others_per_s * stage.delay_mean_s * shares, (repetitions, stage.width)).ravel()
    # Packets held at the beginning come before the others in no array: they follow, so that `new` parts the two.
    begun = pools.size, int(pools.sum())
    old = np.repeat(np.arange(begun[0]), pools)
    chosen = generator.choice(stage.width, packets.at_s.size, p=shares / shares.sum())
    node = np.concatenate([packets.repetition * stage.width + chosen, old])
    arrived = np.concatenate([packets.at_s, np.zeros(begun[1])])
    departs = arrived + generator.exponential(stage.delay_mean_s, arrived.size)
    masses = np.concatenate([packets.masses, np.zeros((begun[1], LABELS))])
    steps = _Steps.in_order(node, arrived, departs, new=packets.at_s.size, until_s=until_s, held=pools)
    after, left = steps.run(masses)
    # A corrupt mix shows which packet is which, so that each leaves with what it brought.
    if any(stage.corrupt):
        known = np.array(stage.corrupt)[node % stage.width]
        left[known] = masses[known]
    out = departs <= until_s
    on = PassingPackets(departs[out], node[out] // stage.width, left[out])
    return Passed(on, after.reshape(repetitions, stage.width, LABELS))


@dataclass(frozen=True)
class _Steps:
    """Arrivals and departures of every mix in order: step i is the i-th of each mix that has as many.

    Mixes are sorted by how many they have (`order`), so that step i is that of the first `alive[i]` of them. The steps
    lie behind each other: `packet` is the one that arrives or departs, `departs` tells which of the two, and `held` is
    how many packets were there before.
    """

    order: IntArray
    alive: IntArray
    packet: IntArray
    departs: BoolArray
    held: IntArray

    @classmethod
    def in_order(
        cls, node: IntArray, arrived: FloatArray, departs: FloatArray, *, new: int, until_s: float, held: IntArray
    ) -> _Steps:
        """Sort the events; the first `new` packets arrive, the others are there from the beginning."""
        out = np.nonzero(departs <= until_s)[0]
        packet = np.concatenate([np.arange(new), out])
        at_s = np.concatenate([arrived[:new], departs[out]])
        # Sorting by time and then, stably, by mix takes less than half as long as lexsort, because mixes fit in 16
        # bits.
        by_time = np.argsort(at_s)
        sequence = by_time[np.argsort(_narrow(node[packet[by_time]]), kind="stable")]  # mix after mix, each in order
        packet, leaves = packet[sequence], sequence >= new
        counts = np.bincount(node[packet], minlength=held.size)
        begins = np.cumsum(counts) - counts
        change = np.cumsum(np.where(leaves, -1, 1))
        before = np.concatenate([[0], change[:-1]]) + np.repeat(held - np.append(0, change)[begins], counts)
        order = np.argsort(-counts, kind="stable")
        column = np.empty_like(order)
        column[order] = np.arange(order.size)
        # Mixes have different numbers of steps. Padding all to the longest would waste memory; sorted by length, step i
        # is simply that of the first alive[i] of them.
        alive = np.searchsorted(-counts[order], -np.arange(int(counts.max(initial=0))), side="left")
        step = np.arange(sequence.size) - np.repeat(begins, counts)
        place = (np.cumsum(alive) - alive)[step] + np.repeat(column, counts)
        return cls(order, alive, *(_placed(values, place) for values in (packet, leaves, before)))

    def run(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the masses in each mix at the end, and that which each packet leaves with."""
        added = np.where(self.departs[:, None], 0.0, masses[self.packet])
        kept = np.where(self.departs, 1 - 1 / np.maximum(self.held, 1), 1.0)[:, None]
        pool = np.zeros((self.order.size, LABELS))
        before = np.empty_like(added)
        begin = 0
        # The one loop that is left: a mix's steps depend on each other, those of different mixes do not.
        for alive in self.alive.tolist():
            now, end = pool[:alive], begin + alive
            before[begin:end] = now
            now *= kept[begin:end]
            now += added[begin:end]
            begin = end
        left = np.zeros_like(masses)
        left[self.packet[self.departs]] = before[self.departs] / self.held[self.departs, None]
        after = np.empty_like(pool)
        after[self.order] = pool
        return after, left


def _placed(values: NDArray[Number], place: IntArray) -> NDArray[Number]:
    """Return the values in their places, a permutation."""
    placed = np.empty_like(values)
    placed[place] = values
    return placed


def _narrow(nodes: IntArray) -> NDArray[np.uint16] | IntArray:
    """Return small numbers in 16 bits, which sort several times as fast."""
    return nodes.astype(np.uint16) if nodes.max(initial=0) < 1 << 16 else nodes
