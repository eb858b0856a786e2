"""One replicate: slices of journeys are drawn, sent on their way, counted and followed, one after the other."""

from __future__ import annotations

import numpy as np

from loopixmix.sweeps.work import Progress
from simulations.flows.corruption import corrupt_mixes, routing_shares
from simulations.flows.rates import flows_of
from simulations.latency import make_latency
from simulations.scenario.values import Links, Scenario
from simulations.seeds import Seeds
from simulations.vector.delivery import sample_deliveries
from simulations.vector.draws import Generators, Source
from simulations.vector.journeys import Journey, journeys_of
from simulations.vector.propagation import propagation
from simulations.vector.recursion import NOWHERE, FloatArray, IntArray
from simulations.vector.tallies import Tallies, Window
from simulations.vector.targets import Targets
from simulations.vector.travel import Travelled, travel

# Journeys drawn at a time: columns that fit a processor's cache, and some hundredths of a second of work.
SLICE_JOURNEYS = 32_768


class Replicate:
    """The state of one replicate, and what it measured once it has run."""

    def __init__(self, scenario: Scenario, seeds: Seeds, *, slice_journeys: int = SLICE_JOURNEYS) -> None:
        """`seeds` place the nodes and choose the corrupt mixes at once; all else is drawn while it runs.

        `slice_journeys`: journeys drawn at a time. It decides on memory, speed and which latencies are kept if not all
        are, and on nothing else.
        """
        run, flows = scenario.run, flows_of(scenario)
        self.scenario = scenario
        self.flows = flows
        self.corrupt = corrupt_mixes(scenario, seeds)
        self.routing = routing_shares(scenario, self.corrupt)
        self.window = Window(run.warm_up_s, run.warm_up_s + run.duration_s)
        self.tallies = Tallies(
            self.window,
            expected_packets=flows.forward_per_s * run.duration_s,
        )
        self.entropies_bits: FloatArray = np.empty(0)
        self.deliveries_s: FloatArray | None = None
        self._latency = make_latency(scenario, seeds)
        generators = Generators(seeds)
        self._sources = [
            Source(kind, scenario, latency=self._latency, routing=self.routing, generators=generators)
            for kind in journeys_of(scenario)
        ]
        self._measures = generators.next("measures")
        self._targets = self._choose_targets(generators)
        self._followed = propagation(
            # Providers are taken to be honest in every engine: they stand first in the numbering of places.
            [False] * scenario.topology.providers + self.corrupt.ravel().tolist(),
            live_from_s=self.window.from_s,
            live_until_s=self.window.until_s,
            events_per_s=_events_per_s(scenario),
        )
        self._slice_s = slice_journeys / sum(source.kind.rate_per_s for source in self._sources)

    @property
    def live_bits(self) -> FloatArray:
        """Eq. 5 at each mix: the mean over departures in the window; nan if there were none."""
        return self._followed.live_bits[self.scenario.topology.providers :]

    def run(self, progress: Progress) -> None:
        """Run it all; `progress` is told after each slice. May be interrupted between slices."""
        # The drain ends early when no target has mass on its way: nothing that follows is measured.
        end_s = self.window.until_s + self.scenario.run.drain_s
        now_s = 0.0
        while now_s < end_s and not (now_s >= self.window.until_s and not self._followed.active):
            now_s = min(now_s + self._slice_s, end_s)
            for source in self._sources:
                self._settle(travel(source.until(now_s)))
            self._followed.advance(now_s)
            progress(now_s / end_s)
        self.entropies_bits = self._followed.finish()
        self.deliveries_s = sample_deliveries(
            self.scenario, self.tallies.latencies.samples_s, latency=self._latency, generator=self._measures
        )

    def _settle(self, travelled: Travelled) -> None:
        drawn = travelled.drawn
        self.tallies.add(travelled)
        for number, path in enumerate(drawn.kind.paths):
            # Targets are packets that users send, and the first packet of a journey: answers and loops are not.
            is_followed = number == 0 and drawn.kind is self._sources[0].kind
            self._followed.push(
                [drawn.places[hop] for hop in path],
                [travelled.enters_s[hop] for hop in path],
                [travelled.leaves_s[hop] for hop in path],
                self._targets_among(drawn.starts_s, drawn.places[path[0]]) if is_followed else _NOBODY,
            )

    def _choose_targets(self, generators: Generators) -> Targets:
        kind, run = self._sources[0].kind, self.scenario.run
        expected = kind.rate_per_s * run.duration_s
        # A little less than what will come, so that there are as many targets as were asked for nearly always.
        stride = max(expected - 6 * expected**0.5, 0.0) / run.targets if run.targets else 1.0
        return Targets(run.targets, stride, generators.next("measures"))

    def _targets_among(self, starts_s: FloatArray, first_places: IntArray) -> IntArray:
        """Return those that are followed; one that is lost before its first node is no target, as in `nodes`."""
        begin, stop = np.searchsorted(starts_s, (self.window.from_s, self.window.until_s)).tolist()
        chosen = self._targets.among(stop - begin) + np.int32(begin)
        followed: IntArray = chosen[first_places[chosen] != NOWHERE]
        return followed


_NOBODY = np.empty(0, dtype=np.int32)


def packets_under_way(scenario: Scenario) -> float:
    """Return how many packets are drawn and not yet at their end at a time, on average; 0 if users send none."""
    kinds = journeys_of(scenario)
    if not any(kind.from_users for kind in kinds):
        return 0.0
    return sum(kind.rate_per_s * _on_its_way_s(scenario, kind) for kind in kinds)


def _on_its_way_s(scenario: Scenario, kind: Journey) -> float:
    """Return how long a journey takes on average; it counts for as long as the whole run at most."""
    run, held = scenario.run, sum(hop.holds for hop in kind.hops)
    way_s = held * scenario.mix.delay_mean_s + len(kind.hops) * _link_s(scenario.links)
    return min(way_s, run.warm_up_s + run.duration_s + run.drain_s)


def _link_s(links: Links) -> float:
    match links.model:
        case "constant":
            return links.latency_s
        case "uniform":
            return (links.low_s + links.high_s) / 2
        case "quantiles":
            return links.quantiles[-1][1]  # the longest: the mean is somewhat less
        case "geographic" | "matrix":
            return 0.1  # about halfway around the earth


def _events_per_s(scenario: Scenario) -> float:
    kinds = journeys_of(scenario)
    return sum(kind.rate_per_s * (len(kind.hops) + len(kind.paths)) for kind in kinds)
