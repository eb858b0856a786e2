"""Entropy by propagation over what nodes of a world did: the global observer's view, target by target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulations.vector.propagation import propagation
from simulations.world.watches import NodeWatch, Visits

FloatArray = NDArray[np.float64]


def target_entropies_bits(
    visits: Visits,
    watches: Sequence[NodeWatch],
    *,
    candidates: Sequence[int],
    targets: int,
    corrupt: Sequence[bool],
    now_s: float,
    generator: Generator,
) -> FloatArray:
    """Return the entropies, in bits, of at most `targets` packets drawn from `candidates`.

    `visits`: all stays since the network was empty. `watches`: the nodes, for what they hold at `now_s`. `corrupt`: for
    each place whether the adversary runs the node there. A target brings mass 1 to its first node; at each departure of
    one of n packets an n-th of the node's mass leaves with it; where paths end, p is what each packet brought:
    H = -sum p log2 p. A packet that a link lost ends where it was lost.
    """
    numbers, places, enters_s, leaves_s = _columns(visits, watches, now_s)
    if not numbers.size:
        return np.empty(0)
    origin_s = float(enters_s.min())
    packets, packet_of = np.unique(numbers, return_inverse=True)
    # By packet and then by time: row i of the columns is the i-th stay of each packet.
    order = np.lexsort((enters_s, packet_of))
    packet_of = packet_of[order]
    first = np.flatnonzero(np.diff(packet_of, prepend=-1))
    turn = np.arange(packet_of.size) - np.repeat(first, np.diff(first, append=packet_of.size))
    stays = int(turn.max()) + 1
    nodes = np.full((stays, packets.size), -1, dtype=np.int32)
    enters, leaves = np.zeros((2, stays, packets.size))
    nodes[turn, packet_of] = places[order]
    # From the beginning on, not since 1970: a float of 1.8e9 seconds tells times apart by 0.2 microseconds only.
    enters[turn, packet_of] = enters_s[order] - origin_s
    leaves[turn, packet_of] = leaves_s[order] - origin_s
    followed = _draw_targets(packets, candidates, targets, generator)
    span_s = max(now_s - origin_s, 1e-3)
    recursion = propagation(
        corrupt, live_from_s=0.0, live_until_s=span_s, events_per_s=max(2 * numbers.size / span_s, 1e-3)
    )
    recursion.push(list(nodes), list(enters), list(leaves), followed)
    return recursion.finish()


def _columns(
    visits: Visits, watches: Sequence[NodeWatch], now_s: float
) -> tuple[NDArray[np.uint64], NDArray[np.int32], FloatArray, FloatArray]:
    """Return all stays; those that go on at `now_s` end then."""
    present = [(number, watch.place, entered_s, now_s) for watch in watches for entered_s, number in watch.still_here()]
    stays = np.concatenate([visits.table(), np.array(present, dtype=Visits.KIND)])
    return (
        stays["number"].astype(np.uint64),
        stays["place"].astype(np.int32),
        stays["enters_s"].astype(np.float64),
        stays["leaves_s"].astype(np.float64),
    )


def _draw_targets(
    packets: NDArray[np.uint64], candidates: Sequence[int], targets: int, generator: Generator
) -> NDArray[np.int32]:
    """Return the rows of the targets, rising: of the candidates that reached a node each is equally likely."""
    wanted = np.array(candidates, dtype=np.uint64)
    # A candidate that was lost on its first link has no stay: the place found is then another packet's, and is left out
    # below.
    rows = np.minimum(np.searchsorted(packets, wanted), packets.size - 1)
    rows = rows[packets[rows] == wanted]
    drawn = generator.choice(rows, size=min(targets, rows.size), replace=False)
    return np.sort(drawn).astype(np.int32)
