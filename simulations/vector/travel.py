"""From delays to times: the arrivals and departures of packets at each node, if processors have no limits.

Then no packet waits for another one, and a whole journey follows from its beginning: departure = arrival + delay.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulations.vector.draws import Drawn
from simulations.vector.recursion import FloatArray


@dataclass(frozen=True)
class Travelled:
    """Journeys and the times of all their hops, also of those after a loss, which nothing may count."""

    drawn: Drawn
    enters_s: tuple[FloatArray, ...]
    leaves_s: tuple[FloatArray, ...]


def travel(drawn: Drawn) -> Travelled:
    """Return the times of journeys; a column is the same array as the one before if nothing comes between."""
    enters_s, leaves_s = [], []
    now_s = drawn.starts_s
    for link_s, delay_s in zip(drawn.links_s, drawn.delays_s, strict=True):
        # Adding 0 would make a copy of every column of a network without link delay.
        if not (isinstance(link_s, float) and link_s == 0.0):
            now_s = now_s + link_s
        enters_s.append(now_s)
        if delay_s is not None:
            now_s = now_s + delay_s
        leaves_s.append(now_s)
    return Travelled(drawn, tuple(enters_s), tuple(leaves_s))
