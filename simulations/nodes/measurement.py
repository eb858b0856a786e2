"""The watches of a world, and the figures of the catalogue that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from loopixmix.wire import is_packet
from simulations.flows.corruption import corrupt_mixes
from simulations.formulas import capacity
from simulations.formulas.gamma import fit_gamma
from simulations.measures.catalogue import Figures, Measure
from simulations.nodes.entropy import target_entropies_bits
from simulations.outcome import Distribution
from simulations.world.errands import Errands
from simulations.world.watches import Journeys, NodeWatch, Visits
from simulations.world.world import World

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Totals:
    """Sums since the world began; the difference of two is what happened between them."""

    pool_s: float
    provider_pool_s: float
    mix_taken: int
    departures: int
    live_sum_bits: float
    drops: int
    entered: int
    worked_s: float
    nodes_sent_bytes: int
    users_up_bytes: int
    users_down_bytes: int
    online_s: float
    begun: int
    user_sent: int
    user_real: int

    def since(self, earlier: Totals) -> Totals:
        """Return the difference."""
        return Totals(*(getattr(self, each.name) - getattr(earlier, each.name) for each in fields(self)))


class Watch:
    """Everything that is watched in one world."""

    def __init__(self, world: World) -> None:
        """`world`: one that does not run yet: what happened before would be missing."""
        run = world.scenario.run
        self.from_s = world.start_s + run.warm_up_s
        self.until_s = self.from_s + run.duration_s
        self.world = world
        self.visits = Visits() if run.targets else None
        self.journeys = Journeys(world.numbers, from_s=self.from_s, until_s=self.until_s)
        self.nodes = tuple(
            NodeWatch(node, numbers=world.numbers, journeys=self.journeys, visits=self.visits, origin_s=world.start_s)
            for node in world.nodes
        )
        for user in world.users:
            user.network.departures = self._depart
        world.hub.on_lost = self._lost
        world.hub.on_way = self._on_way

    @property
    def hops(self) -> int:
        """Packets that nodes have taken so far: those believed and those dropped."""
        return sum(node.taken for node in self.nodes) + self._drops

    @property
    def _drops(self) -> int:
        """Packets that nodes have dropped; answers for users who have left are no packets."""
        # The node counts a frame without a link as a dropped packet, whatever was in it.
        answers = sum(node.network.undelivered_answers for node in self.world.nodes)
        return sum(node.drops.total() for node in self.nodes) - answers

    def totals(self) -> Totals:
        """Return the sums up to now."""
        world, now_s = self.world, self.world.clock.seconds()
        # Providers stand first among all nodes.
        count = len(world.providers)
        providers, mixes = self.nodes[:count], self.nodes[count:]
        status = [user.status() for user in world.users]
        return Totals(
            pool_s=sum(each.held_s(now_s) for each in mixes),
            provider_pool_s=sum(each.held_s(now_s) for each in providers),
            mix_taken=sum(each.taken for each in mixes),
            departures=sum(each.departures for each in mixes),
            live_sum_bits=sum(each.live_sum_bits for each in mixes),
            drops=self._drops,
            entered=self.journeys.begun + sum(each.injected + each.loops for each in self.nodes),
            worked_s=sum(mix.unwrapping.worked_s for mix in world.mixes),
            nodes_sent_bytes=sum(node.network.sent_bytes for node in world.nodes),
            users_up_bytes=sum(user.network.sent_bytes for user in world.users),
            users_down_bytes=sum(user.network.received_bytes for user in world.users),
            online_s=sum(behaviour.online_s() for behaviour in world.behaviours),
            begun=self.journeys.begun,
            user_sent=sum(each.payload.sent + each.loop.sent + each.drop.sent for each in status),
            user_real=sum(each.real_sent for each in status),
        )

    def figures(self, window: Totals) -> tuple[Figures, dict[Measure, Distribution]]:
        """Return the measures of the window, whose totals are given; call it when the drain is over."""
        figures, distributions = _rates(self.world, window), dict[Measure, Distribution]()
        latencies_s = np.array(self.journeys.latencies_s)
        if latencies_s.size:
            distributions[Measure.LATENCY_S] = spread = Distribution.of(latencies_s)
            figures |= _latency_figures(spread, np.array(self.journeys.waits_s))
        figures |= self._delivery_figures(distributions)
        if self.world.scenario.users.guests:
            found = (user.status() for user in self.world.users if user.plan.is_guest)
            figures[Measure.GUESTS] = float(sum(status.guest and status.registered for status in found))
        if self.world.errands is not None:
            figures |= self._request_figures(self.world.errands, distributions)
        if self.journeys.sent:
            figures[Measure.LOST_SHARE] = self.journeys.lost / self.journeys.sent
        bits = self._entropies_bits()
        if bits.size:
            distributions[Measure.ENTROPY_BITS] = entropy = Distribution.of(bits)
            figures |= _entropy_figures(entropy)
        return figures, distributions

    def _delivery_figures(self, distributions: dict[Measure, Distribution]) -> Figures:
        figures, letters = Figures(), self.world.letters
        # What theory and the other engines tell is of users who are linked: waiting for them is a measure of its own.
        delays_s = letters.delays_s(self.from_s, self.until_s, linked=True)
        if delays_s:
            distributions[Measure.DELIVERY_S] = delivery = Distribution.of(delays_s)
            figures[Measure.DELIVERY_MEAN_S] = delivery.mean
            figures[Measure.DELIVERY_P50_S] = delivery.quantile(0.5)
            figures[Measure.DELIVERY_P95_S] = delivery.quantile(0.95)
        all_s = letters.delays_s(self.from_s, self.until_s)
        if all_s and self.world.scenario.users.online_share < 1:
            distributions[Measure.DELIVERY_WITH_ABSENCE_S] = delivery = Distribution.of(all_s)
            figures[Measure.DELIVERY_WITH_ABSENCE_MEAN_S] = delivery.mean
            figures[Measure.DELIVERY_WITH_ABSENCE_P50_S] = delivery.quantile(0.5)
            figures[Measure.DELIVERY_WITH_ABSENCE_P95_S] = delivery.quantile(0.95)
        return figures

    def _request_figures(self, errands: Errands, distributions: dict[Measure, Distribution]) -> Figures:
        delays_s = errands.delays_s(self.from_s, self.until_s)
        # Over the whole run: what is wrong before or after the window is wrong too.
        figures = {
            Measure.REQUESTS_ANSWERED: float(len(delays_s)),
            Measure.REQUESTS_EXECUTED_TWICE: float(errands.executed_twice()),
        }
        parts = self.world.parts
        if parts.requests:
            figures[Measure.REQUEST_PARTS] = parts.of_requests / parts.requests
            figures[Measure.ANSWER_PARTS] = parts.of_answers / parts.requests
            figures[Measure.REQUESTS_SECOND_ROUND_SHARE] = parts.second_rounds / parts.requests
        unanswered = errands.unanswered_share(self.from_s, self.until_s)
        if unanswered is not None:
            figures[Measure.REQUESTS_UNANSWERED_SHARE] = unanswered
        if delays_s:
            distributions[Measure.REQUEST_S] = spread = Distribution.of(delays_s)
            figures[Measure.REQUEST_MEAN_S] = spread.mean
            figures[Measure.REQUEST_P50_S] = spread.quantile(0.5)
            figures[Measure.REQUEST_P95_S] = spread.quantile(0.95)
        return figures

    def _entropies_bits(self) -> FloatArray:
        world = self.world
        if self.visits is None:
            return np.empty(0)
        # Providers are taken to be honest, as in the other engines.
        corrupt = [False] * len(world.providers) + corrupt_mixes(world.scenario, world.seeds).ravel().tolist()
        return target_entropies_bits(
            self.visits,
            self.nodes,
            candidates=self.journeys.sent_numbers,
            targets=world.scenario.run.targets,
            corrupt=corrupt,
            now_s=world.clock.seconds(),
            generator=world.seeds.generator("measures"),
        )

    def _depart(self, frame: bytes, at_s: float) -> None:
        if is_packet(frame):
            self.journeys.depart(frame, at_s)

    def _lost(self, frame: bytes) -> None:
        if is_packet(frame):
            self.journeys.lose(frame)

    def _on_way(self, frame: bytes, latency_s: float) -> None:
        if is_packet(frame):
            self.journeys.on_way(frame, latency_s)


def _rates(world: World, window: Totals) -> Figures:
    scenario, duration_s = world.scenario, world.scenario.run.duration_s
    mixes, cores = len(world.mixes), scenario.processors.cores
    corrupt = corrupt_mixes(scenario, world.seeds)
    figures = {
        Measure.POOL_MEAN: window.pool_s / duration_s / mixes,
        Measure.PROVIDER_POOL_MEAN: window.provider_pool_s / duration_s / len(world.providers),
        Measure.MIX_RATE_PER_S: window.mix_taken / duration_s / mixes,
        Measure.THROUGHPUT_PER_S: window.begun / duration_s,
        Measure.UTILISATION: window.worked_s / duration_s / mixes / cores,
        Measure.DROPPED_SHARE: window.drops / window.entered if window.entered else 0.0,
        Measure.COST_USER_MONTH: capacity.month_cost(
            len(world.nodes) * cores,
            window.nodes_sent_bytes / duration_s,
            core_month=scenario.prices.core_month,
            traffic_gb=scenario.prices.traffic_gb,
        )
        / scenario.users.count,
        Measure.ALL_CORRUPT_SHARE: float(corrupt.mean(axis=1).prod()),
    }
    if window.departures:
        figures[Measure.ENTROPY_LIVE_BITS] = window.live_sum_bits / window.departures
    if window.user_sent:
        figures[Measure.COVER_SHARE] = 1 - window.user_real / window.user_sent
    if window.online_s > 0:
        # Over the time that users were linked: others send nothing, and would hide what a linked user pays.
        figures[Measure.USER_UP_BYTES_PER_S] = window.users_up_bytes / window.online_s
        figures[Measure.USER_DOWN_BYTES_PER_S] = window.users_down_bytes / window.online_s
    return figures


def _latency_figures(spread: Distribution, waits_s: FloatArray) -> Figures:
    figures = {
        Measure.LATENCY_MEAN_S: spread.mean,
        Measure.LATENCY_SD_S: spread.sd,
        Measure.LATENCY_P50_S: spread.quantile(0.5),
        Measure.LATENCY_P95_S: spread.quantile(0.95),
        Measure.LATENCY_P99_S: spread.quantile(0.99),
    }
    shape, scale_s = fit_gamma(waits_s)
    # No Gamma distribution fits samples that are all equal.
    if math.isfinite(shape):
        figures[Measure.LATENCY_FIT_SHAPE] = shape
        figures[Measure.LATENCY_FIT_SCALE_S] = scale_s
    return figures


def _entropy_figures(spread: Distribution) -> Figures:
    return {
        Measure.ENTROPY_BITS: spread.mean,
        Measure.ENTROPY_P05_BITS: spread.quantile(0.05),
        Measure.ENTROPY_P50_BITS: spread.quantile(0.5),
        Measure.ENTROPY_MIN_BITS: spread.quantile(0.0),
        Measure.ANONYMITY_SET: 2.0**spread.mean,
    }
