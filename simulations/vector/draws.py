"""Drawing journeys in bulk: when they begin, where they go, how long each hop holds them, how long links take.

Each quantity of each kind of journey has a generator of its own and is drawn in the order of the journeys, so that what
is drawn does not depend on how many are drawn at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

from simulations.latency.distribution import ConstantLatency
from simulations.latency.model import LatencyModel
from simulations.latency.places import Places
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds, Subsystem
from simulations.vector.journeys import Journey, Stop, Where
from simulations.vector.recursion import NOWHERE, FloatArray, IntArray

LinkTimes: TypeAlias = FloatArray | float
Draw: TypeAlias = Callable[[int], IntArray]


class Generators:
    """Independent generators, as many as are asked for, always the same ones in the same order."""

    def __init__(self, seeds: Seeds) -> None:
        """`seeds`: those of the replicate."""
        self._sequences = {
            subsystem: seeds.sequence(subsystem) for subsystem in ("traffic", "mixing", "links", "measures")
        }

    def next(self, subsystem: Subsystem) -> Generator:
        """Return the next generator of a subsystem."""
        # SFC64 is among the quickest of the generators of numpy, and drawing is most of what this engine does.
        return Generator(SFC64(self._sequences[subsystem].spawn(1)[0]))


class PoissonTimes:
    """The times of a Poisson process of a positive rate, from 0 on, as far as they are asked for."""

    def __init__(self, rate_per_s: float, generator: Generator) -> None:
        """`rate_per_s`: above 0; `generator`: this process' own."""
        self._rate_per_s = rate_per_s
        self._generator = generator
        self._times_s: FloatArray = np.empty(0)
        self._last_s = 0.0

    def until(self, end_s: float) -> FloatArray:
        """Return the times before `end_s` that were not returned yet, rising."""
        parts = [self._times_s]
        while self._last_s < end_s:
            expected = (end_s - self._last_s) * self._rate_per_s
            # A little more than are expected, so that one draw is nearly always enough.
            gaps_s = self._generator.exponential(1 / self._rate_per_s, int(expected + 4 * expected**0.5) + 16)
            gaps_s[0] += self._last_s
            parts.append(np.cumsum(gaps_s, out=gaps_s))
            self._last_s = float(gaps_s[-1])
        times_s = np.concatenate(parts) if len(parts) > 1 else parts[0]
        cut = int(np.searchsorted(times_s, end_s))
        self._times_s = times_s[cut:]
        return times_s[:cut]


@dataclass(frozen=True)
class Drawn:
    """Journeys of one kind. For each hop: the place of each (`NOWHERE` once it is lost), seconds on the link to it (or
    the same for all), and its delay (None if it does not hold).
    """

    kind: Journey
    starts_s: FloatArray
    places: tuple[IntArray, ...]
    links_s: tuple[LinkTimes, ...]
    delays_s: tuple[FloatArray | None, ...]


class Source:
    """All journeys of one kind."""

    def __init__(
        self,
        kind: Journey,
        scenario: Scenario,
        *,
        latency: LatencyModel,
        routing: NDArray[np.float64],
        generators: Generators,
    ) -> None:
        """`kind`: what is drawn; `routing`: the share of its layer's packets that each mix takes (layers x mixes)."""
        self.kind = kind
        self._scenario = scenario
        self._latency = latency
        self._places = Places(scenario.topology)
        self._routing = routing
        # The order in which generators are taken decides who gets which: a change of it changes every result.
        self._times = PoissonTimes(kind.rate_per_s, generators.next("traffic"))
        self._origin = self._origin_draw(generators.next("traffic"))
        self._routes = [self._route_draw(hop, generators.next("traffic")) for hop in kind.hops]
        self._delays = [generators.next("mixing") for _ in kind.hops]
        self._link_times = [generators.next("links") for _ in kind.hops]
        self._losses = [generators.next("links") for _ in kind.hops]

    def until(self, end_s: float) -> Drawn:
        """Return the journeys that begin before `end_s` and were not returned yet."""
        starts_s = self._times.until(end_s)
        origins = self._origin(len(starts_s))
        links_s: list[LinkTimes] = []
        visited: list[IntArray] = []
        came_from = origins
        alive: NDArray[np.bool_] | None = None
        for number, place in enumerate(self._where(origins)):
            is_here = self.kind.hops[number].where is Where.HERE
            links_s.append(0.0 if is_here else self._link_s(number, came_from, place))
            if self._scenario.links.loss and not is_here:
                # Lost packets go on being drawn, as if nothing had happened: then losses change nothing that other
                # packets draw.
                survives = self._losses[number].random(len(place)) >= self._scenario.links.loss
                alive = survives if alive is None else alive & survives
            came_from = place
            visited.append(place if alive is None else np.where(alive, place, np.int32(NOWHERE)))
        return Drawn(self.kind, starts_s, tuple(visited), tuple(links_s), tuple(self._delay_draws(len(starts_s))))

    def _where(self, origins: IntArray) -> Iterator[IntArray]:
        """Yield the places of each hop, as if nothing got lost."""
        providers, own = self._scenario.topology.providers, origins
        if self.kind.from_users and providers:
            own = (origins - np.int32(self._places.first_user)) % np.int32(providers)
        place = origins
        for hop, draw in zip(self.kind.hops, self._routes, strict=True):
            match hop.where:
                case Where.OWN_PROVIDER:
                    place = own
                case Where.ORIGIN:
                    place = origins
                case Where.HERE:
                    pass
                case _:
                    place = draw(len(origins))
            yield place

    def _delay_draws(self, count: int) -> Iterator[FloatArray | None]:
        mean_s = self._scenario.mix.delay_mean_s
        for hop, generator in zip(self.kind.hops, self._delays, strict=True):
            if hop.holds:
                delays_s = generator.standard_exponential(count)
                delays_s *= mean_s
                yield delays_s
            else:
                yield None

    def _link_s(self, number: int, senders: IntArray, receivers: IntArray) -> LinkTimes:
        # One number instead of an array of equal ones saves a column of every hop.
        if isinstance(self._latency, ConstantLatency):
            return self._latency.latency_s
        return self._latency.draw_many_s(senders, receivers, self._link_times[number])

    def _origin_draw(self, generator: Generator) -> Draw:
        match self.kind.origin:
            case None:
                return _between(self._places.first_user, self._scenario.users.count, generator)
            case 0:
                return _between(0, self._scenario.topology.providers, generator)
            case layer:
                return _between(self._places.first_mix(layer), self._scenario.topology.mixes_per_layer, generator)

    def _route_draw(self, hop: Stop, generator: Generator) -> Draw:
        match hop.where:
            case Where.LAYER:
                return by_shares(self._places.first_mix(hop.layer), self._routing[hop.layer - 1], generator)
            case Where.ANY_USER:
                return _between(self._places.first_user, self._scenario.users.count, generator)
            case _:
                return _between(0, max(self._scenario.topology.providers, 1), generator)


def _between(first: int, count: int, generator: Generator) -> Draw:
    return lambda size: generator.integers(first, first + count, size, dtype=np.int32)


def by_shares(first: int, shares: FloatArray, generator: Generator) -> Draw:
    """Return what draws numbers from `first` on, each as often as its share (of 1) says."""
    # Equal shares need no look-up in a cumulative sum: whole numbers are drawn several times as fast.
    if np.ptp(shares) == 0:
        return _between(first, len(shares), generator)
    # Without the last edge, which rounding may leave below 1: then the largest draws would find no mix.
    edges = np.cumsum(shares)[:-1]
    return lambda size: (first + np.searchsorted(edges, generator.random(size), side="right")).astype(np.int32)
