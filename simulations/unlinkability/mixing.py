"""What passes a stage of mixes, and with which probability each packet is a labelled one (Loopix Theorem 1).

A mix that holds n packets with the mass P of a label: an arrival of mass p makes it P + p; a departure takes P / n
along, whichever packet it was. All mixes of all repetitions take their steps side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulations.unlinkability.experiment import Stage

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

LABELS = 2


@dataclass(frozen=True)
class Packets:
    """Packets on their way to a stage: when, in which repetition, and the mass of both labels (a row each)."""

    at_s: FloatArray
    repetition: IntArray
    masses: FloatArray

    def and_these(self, others: Packets) -> Packets:
        """Return these and others."""
        return Packets(
            np.concatenate([self.at_s, others.at_s]),
            np.concatenate([self.repetition, others.repetition]),
            np.concatenate([self.masses, others.masses]),
        )


@dataclass(frozen=True)
class Passed:
    """What came out until the end, and the masses in the mixes at the end (repetitions x width x labels)."""

    packets: Packets
    pools: FloatArray


def unlabelled(rate_per_s: float, until_s: float, repetitions: int, generator: Generator) -> Packets:
    """Return Poisson streams of packets that none of the two sent, one for each repetition."""
    counts = generator.poisson(rate_per_s * until_s, repetitions)
    at_s = generator.uniform(0, until_s, int(counts.sum()))
    return Packets(at_s, np.repeat(np.arange(repetitions), counts), np.zeros((at_s.size, LABELS)))


def pass_stage(stage: Stage, packets: Packets, until_s: float, repetitions: int, generator: Generator) -> Passed:
    """Send packets through a stage whose mixes hold others already: as many as in the steady state.

    That is exact: the pools of a network of M/M/infinity mixes are independent Poisson variables, and what remains of
    an exponential delay is exponential. It takes the place of the paper's 2,500 units of burn-in.
    """
    shares = np.array(stage.shares or (1 / stage.width,) * stage.width)
    pools = generator.poisson(stage.others_per_s * stage.delay_mean_s * shares, (repetitions, stage.width)).ravel()
    begun = pools.size, int(pools.sum())
    old = np.repeat(np.arange(begun[0]), pools)
    chosen = generator.choice(stage.width, packets.at_s.size, p=shares / shares.sum())
    node = np.concatenate([packets.repetition * stage.width + chosen, old])
    arrived = np.concatenate([packets.at_s, np.zeros(begun[1])])
    departs = arrived + generator.exponential(stage.delay_mean_s, arrived.size)
    masses = np.concatenate([packets.masses, np.zeros((begun[1], LABELS))])
    steps = _Steps.in_order(node, arrived, departs, new=packets.at_s.size, until_s=until_s, held=pools)
    after, left = steps.run(masses)
    if any(stage.corrupt):
        known = np.array(stage.corrupt)[node % stage.width]
        left[known] = masses[known]
    out = departs <= until_s
    on = Packets(departs[out], node[out] // stage.width, left[out])
    return Passed(on, after.reshape(repetitions, stage.width, LABELS))


@dataclass(frozen=True)
class _Steps:
    """Arrivals and departures of every mix in order: row i holds the i-th of each mix that has as many.

    Mixes are sorted by how many they have, so that row i is that of the first `alive[i]` of them. `arrival` is the
    packet that arrives or -1, `departure` likewise, `held` the packets before the step.
    """

    order: IntArray
    alive: IntArray
    arrival: IntArray
    departure: IntArray
    held: FloatArray

    @classmethod
    def in_order(
        cls, node: IntArray, arrived: FloatArray, departs: FloatArray, *, new: int, until_s: float, held: IntArray
    ) -> _Steps:
        """Sort the events; the first `new` packets arrive, the others are there from the beginning."""
        packet = np.arange(node.size)
        out = packet[departs <= until_s]
        event_packet = np.concatenate([packet[:new], out])
        at_s = np.concatenate([arrived[:new], departs[out]])
        change = np.concatenate([np.ones(new, np.int64), -np.ones(out.size, np.int64)])
        event_node = node[event_packet]
        by_time = np.argsort(at_s)
        sequence = by_time[np.argsort(_narrow(event_node[by_time]), kind="stable")]
        counts = np.bincount(event_node, minlength=held.size)
        order = np.argsort(-counts, kind="stable")
        column = np.empty_like(order)
        column[order] = np.arange(order.size)
        row = np.arange(sequence.size) - np.repeat(np.cumsum(counts) - counts, counts)
        where = row, column[event_node[sequence]]
        shape = int(counts.max(initial=0)), held.size
        changes = np.zeros(shape, np.int64)
        changes[where] = change[sequence]
        packets = np.full(shape, -1)
        packets[where] = event_packet[sequence]
        return cls(
            order=order,
            alive=np.searchsorted(-counts[order], -np.arange(shape[0]), side="left"),
            arrival=np.where(changes > 0, packets, -1),
            departure=np.where(changes < 0, packets, -1),
            held=(held[order] + np.cumsum(changes, axis=0) - changes).astype(np.float64),
        )

    def run(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the masses in each mix at the end, and that which each packet leaves with."""
        arrives, departs = self.arrival >= 0, self.departure >= 0
        added = np.where(arrives[..., None], masses[self.arrival], 0.0)
        kept = np.where(departs, 1 - 1 / np.maximum(self.held, 1.0), 1.0)[..., None]
        pool = np.zeros((self.order.size, LABELS))
        before = np.empty_like(added)
        for number, alive in enumerate(self.alive):
            now = pool[:alive]
            before[number, :alive] = now
            now *= kept[number, :alive]
            now += added[number, :alive]
        left = np.zeros_like(masses)
        left[self.departure[departs]] = before[departs] / self.held[departs][:, None]
        after = np.empty_like(pool)
        after[self.order] = pool
        return after, left


def _narrow(nodes: IntArray) -> NDArray[np.uint16] | IntArray:
    """Return small numbers in 16 bits, which sort several times as fast."""
    return nodes.astype(np.uint16) if nodes.max(initial=0) < 1 << 16 else nodes
