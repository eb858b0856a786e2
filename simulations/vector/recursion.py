"""Entropy by propagation, one event after the other: the recursion itself, in plain Python.

The oracle of `loopixmix._native.Propagation`, which does the same some hundred times faster, and what stands in for it
if it is not installed. `simulations.vector.propagation` says which of them is there.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from loopixmix.errors import MisuseError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

NOWHERE = -1
"""In place of a node: the packet is on a link, or its path is over."""

SPENT = 1e-12
"""A target is done with when less of its mass than this is still on its way."""
CHECK_EVENTS = 4096
"""After so many events it is looked for such targets; a fixed number, so that no result depends on other cuts."""


@dataclass(slots=True)
class _Node:
    """The state of one node: packets, those of them that came since the last departure, eq. 5 and its sum."""

    held: int = 0
    new: int = 0
    live_bits: float = 0.0
    live_sum_bits: float = 0.0
    departures: int = 0


@dataclass(slots=True)
class _Target:
    """One target: the row of its mass, what arrived of it, and the entropy of that."""

    number: int
    arrived: float = 0.0
    bits: float = 0.0


class Propagation:
    """Follows targets' masses through the nodes (Danezis 2004; facts page), and measures eq. 5 of Loopix at each node.

    A target brings mass 1 to its first node. A packet that arrives adds its mass to its node's; one that leaves n
    packets takes an n-th of it along. At a corrupt node each packet keeps its own mass. H = -sum p log2 p over the
    packets whose paths are over, wherever that was.
    """

    def __init__(self, corrupt: Sequence[bool], *, live_from_s: float, live_until_s: float) -> None:
        """`corrupt`: for each node, whether it is; eq. 5 is averaged over departures between the two times."""
        self._corrupt = list(corrupt)
        self._live_from_s, self._live_until_s = live_from_s, live_until_s
        self._nodes = [_Node() for _ in self._corrupt]
        self._masses: dict[int, FloatArray] = {}
        self._pools = np.zeros((len(self._corrupt), 0))
        self._lanes: list[_Target | None] = []
        self._target_of_leg: dict[int, int] = {}
        self._entropies: dict[int, float] = {}
        self._legs = 0
        self._targets = 0
        self._now_s = -np.inf
        self._until_check = CHECK_EVENTS
        self._events: list[tuple[float, ...]] = []
        self._sequence = 0

    def push(
        self,
        nodes: Sequence[IntArray],
        enters_s: Sequence[FloatArray],
        leaves_s: Sequence[FloatArray],
        targets: IntArray,
    ) -> None:
        """Add packets: for each visit of a path, its node (or `NOWHERE` from where the path is over), and when it
        begins and ends; one value a packet. `targets`: the indices of those packets whose masses are followed.

        Raises `MisuseError` if lengths differ, a node is unknown, or a packet came before what is settled already.
        """
        _check(nodes, enters_s, leaves_s, targets, len(self._corrupt))
        numbers = {int(index): self._targets + place for place, index in enumerate(targets)}
        for index in range(len(nodes[0])):
            if index in numbers:
                self._entropies[numbers[index]] = 0.0
                if nodes[0][index] != NOWHERE:
                    self._target_of_leg[self._legs] = numbers[index]
            self._push_leg(
                [int(column[index]) for column in nodes],
                [float(column[index]) for column in enters_s],
                [float(column[index]) for column in leaves_s],
            )
            self._legs += 1
        self._targets += len(targets)

    def _push_leg(self, nodes: list[int], enters_s: list[float], leaves_s: list[float]) -> None:
        held_by, left_s = NOWHERE, -np.inf
        for node, enter_s, leave_s in zip(nodes, enters_s, leaves_s, strict=True):
            if node == NOWHERE:
                break
            if enter_s < self._now_s:
                raise MisuseError(f"a packet came at {enter_s} s, but all is settled until {self._now_s} s")
            if held_by == NOWHERE:
                self._add(enter_s, NOWHERE, node)
            # Without link delay a packet leaves and arrives in one event. As two events of the same time, other packets
            # could come between them.
            elif enter_s <= left_s:
                enter_s = left_s
                self._add(enter_s, held_by, node)
            else:
                self._add(left_s, held_by, NOWHERE)
                self._add(enter_s, NOWHERE, node)
            # A stay has some length, be it the smallest: with none, the departure would sort before its own arrival.
            held_by, left_s = node, max(leave_s, float(np.nextafter(enter_s, np.inf)))
        if held_by != NOWHERE:
            self._add(left_s, held_by, NOWHERE, last=True)

    def _add(self, at_s: float, left: int, entered: int, *, last: bool = False) -> None:
        # Departures come before arrivals of the same moment.
        self._sequence += 1
        end = 1 if last else 0
        self._events.append((at_s, left == NOWHERE, self._sequence, left, entered, 2 * self._legs + end))

    def advance(self, until_s: float) -> None:
        """Settle everything before `until_s`; packets that are pushed later come then or later."""
        # Sorted at once and not kept in a heap: slices come with thousands of events, and are settled together.
        self._events.sort()
        due = bisect.bisect_left(self._events, (until_s,))
        for at_s, _, _, left, entered, leg in self._events[:due]:
            self._move(at_s, int(left), int(entered), int(leg) >> 1, last=bool(int(leg) & 1))
            self._until_check -= 1
            if not self._until_check:
                self._until_check = CHECK_EVENTS
                self._retire()
        del self._events[:due]
        self._now_s = max(self._now_s, until_s)

    def finish(self) -> FloatArray:
        """Settle everything, and return the entropies of all targets in bits, in the order they were pushed."""
        self.advance(np.inf)
        for lane, target in enumerate(self._lanes):
            if target is not None:
                self._entropies[target.number] = target.bits
                self._lanes[lane] = None
        return np.array([self._entropies[number] for number in range(self._targets)])

    @property
    def live_bits(self) -> FloatArray:
        """The mean of eq. 5 at each node over the departures in its window; nan if there were none."""
        return np.array([node.live_sum_bits / node.departures if node.departures else np.nan for node in self._nodes])

    @property
    def active(self) -> int:
        """Targets that have mass on its way, and those that are yet to come."""
        return sum(target is not None for target in self._lanes) + len(self._target_of_leg)

    def _move(self, at_s: float, left: int, entered: int, leg: int, *, last: bool) -> None:
        mass = self._masses.pop(leg, None)
        number = self._target_of_leg.pop(leg, None)
        if number is not None:
            mass = self._open(number)
        if left != NOWHERE:
            mass = self._depart(at_s, left, mass)
        if last:
            if mass is not None:
                self._arrive(mass)
            return
        if entered != NOWHERE:
            node = self._nodes[entered]
            node.held += 1
            node.new += 1
            if not self._corrupt[entered]:
                if mass is not None:
                    self._pools[entered] += mass
                return
        if mass is not None:
            self._masses[leg] = mass

    def _depart(self, at_s: float, left: int, mass: FloatArray | None) -> FloatArray | None:
        node = self._nodes[left]
        old = node.held - node.new
        if node.new:
            bits = log2(node.held)
            if old:
                bits += old / node.held * (node.live_bits - log2(old))
            node.live_bits = bits
        if self._live_from_s <= at_s < self._live_until_s:
            node.live_sum_bits += node.live_bits
            node.departures += 1
        if not self._corrupt[left]:
            mass = None
            # Without a target on its way all masses are 0, and nodes need only be counted.
            if any(self._lanes):
                mass = self._pools[left] * (1.0 / node.held)
                self._pools[left] -= mass
        node.held -= 1
        node.new = 0
        return mass

    def _open(self, number: int) -> FloatArray:
        # Lanes of targets that are done with are used again: pools would otherwise have a column for each target ever
        # followed.
        lane = self._lanes.index(None) if None in self._lanes else len(self._lanes)
        if lane == len(self._lanes):
            self._lanes.append(None)
            self._pools = np.pad(self._pools, ((0, 0), (0, 1)))
            self._masses = {leg: np.pad(mass, (0, 1)) for leg, mass in self._masses.items()}
        self._lanes[lane] = _Target(number)
        mass = np.zeros(len(self._lanes))
        mass[lane] = 1.0
        return mass

    def _arrive(self, mass: FloatArray) -> None:
        for target, share in zip(self._lanes, mass.tolist(), strict=True):
            if target is not None and share > 0:
                target.arrived += share
                target.bits -= share * log2(share)

    def _retire(self) -> None:
        for lane, target in enumerate(self._lanes):
            if target is not None and 1 - target.arrived < SPENT:
                self._entropies[target.number] = target.bits
                self._lanes[lane] = None
                self._pools[:, lane] = 0.0
                for mass in self._masses.values():
                    mass[lane] = 0.0


def _check(
    nodes: Sequence[IntArray],
    enters_s: Sequence[FloatArray],
    leaves_s: Sequence[FloatArray],
    targets: IntArray,
    known: int,
) -> None:
    if not nodes or not len(nodes) == len(enters_s) == len(leaves_s):
        raise MisuseError("a path has one or more visits, each with a node and two times")
    lengths = {len(column) for columns in (nodes, enters_s, leaves_s) for column in columns}
    if len(lengths) != 1:
        raise MisuseError("each visit has one node and two times for each packet")
    (length,) = lengths
    if any(not np.isfinite(column).all() for columns in (enters_s, leaves_s) for column in columns):
        raise MisuseError("times must be finite")
    if any(column.size and not -1 <= column.min() <= column.max() < known for column in nodes):
        raise MisuseError(f"nodes are numbered from 0 to {known - 1}")
    _check_targets(targets.tolist(), length)


def _check_targets(targets: Iterable[int], length: int) -> None:
    last = -1
    for target in targets:
        if not last < target < length:
            raise MisuseError(f"targets are rising indices below {length}")
        last = target
