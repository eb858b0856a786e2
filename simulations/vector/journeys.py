"""Journeys: what kinds of packets there are, which nodes each goes through, and drawing many of one kind at once.

A journey is a packet and the answer to it: user, provider, mixes, provider, and from there back the same way. Loops of
nodes are journeys as well. Places are those of `simulations.latency.places.Places`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from simulations.flows.rates import flows_of
from simulations.scenario.values import Scenario


class Where(Enum):
    """At which node a hop is."""

    LAYER = auto()
    """A mix of one layer, drawn."""
    ANY_PROVIDER = auto()
    """A provider, drawn: those of recipients, and those that end loops."""
    ANY_USER = auto()
    """A recipient without a provider, drawn."""
    OWN_PROVIDER = auto()
    """The provider of the user who sent the packet."""
    ORIGIN = auto()
    """The node at which the journey began."""
    HERE = auto()
    """Where the packet is already: what ends at a node is answered by it, without a link."""


@dataclass(frozen=True)
class Stop:
    """One node of a journey; `holds`: whether the packet waits there for a delay, or ends there."""

    where: Where
    holds: bool
    layer: int = 0


@dataclass(frozen=True)
class Journey:
    """One kind of journey, of which `rate_per_s` begin. `origin`: the layer of the mixes that send it, 0 for providers,
    None for users. `from_users`: whether its first packet counts as one of a user.
    """

    name: str
    rate_per_s: float
    origin: int | None
    hops: tuple[Stop, ...]

    @property
    def from_users(self) -> bool:
        """Whether users send it."""
        return self.origin is None

    @property
    def end(self) -> int:
        """The index of the hop where the first packet ends."""
        return next(index for index, hop in enumerate(self.hops) if not hop.holds)

    @property
    def paths(self) -> tuple[range, ...]:
        """The hops that hold each of its packets, one after the other."""
        paths, begin = [], 0
        for index, hop in enumerate(self.hops):
            if not hop.holds:
                paths.append(range(begin, index))
                begin = index + 1
        return tuple(path for path in paths if path)


ANSWERED = "answered"
UNANSWERED = "unanswered"


def journeys_of(scenario: Scenario) -> tuple[Journey, ...]:
    """Return all kinds of journeys of a scenario that take place; those that targets are taken from come first."""
    return tuple(journey for journey in _journeys(scenario) if journey.rate_per_s > 0)


def _journeys(scenario: Scenario) -> Iterator[Journey]:
    traffic, topology = scenario.traffic, scenario.topology
    online = flows_of(scenario).users_online
    answered = online * (traffic.payload_rate_per_s + traffic.loop_rate_per_s)
    drops = online * traffic.drop_rate_per_s
    layers = _layers(1, topology.layers)
    if not topology.providers:
        out = (*layers, Stop(Where.ANY_USER, holds=False))
        back = (*layers, Stop(Where.ORIGIN, holds=False)) if traffic.replies else ()
    else:
        out = (Stop(Where.OWN_PROVIDER, holds=True), *layers, Stop(Where.ANY_PROVIDER, holds=False))
        answer = (Stop(Where.HERE, holds=True), *layers, Stop(Where.OWN_PROVIDER, holds=False))
        back = answer if traffic.replies else ()
    yield Journey(ANSWERED, answered, None, out + back)
    yield Journey(UNANSWERED, drops, None, out)
    if topology.providers:
        yield from _node_loops(scenario)


def _node_loops(scenario: Scenario) -> Iterator[Journey]:
    rate, topology = scenario.traffic.node_loop_rate_per_s, scenario.topology
    turn = (Stop(Where.ANY_PROVIDER, holds=False), Stop(Where.HERE, holds=True))
    home = Stop(Where.ORIGIN, holds=False)
    for layer in range(1, topology.layers + 1):
        out, back = _layers(layer + 1, topology.layers), _layers(1, layer - 1)
        yield Journey(f"loops of layer {layer}", rate * topology.mixes_per_layer, layer, (*out, *turn, *back, home))
    every = _layers(1, topology.layers)
    yield Journey("loops of providers", rate * topology.providers, 0, (*every, *turn, *every, home))


def _layers(first: int, last: int) -> Sequence[Stop]:
    return [Stop(Where.LAYER, holds=True, layer=layer) for layer in range(first, last + 1)]
