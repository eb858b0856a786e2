"""From what was watched in a world to the figures of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from loopixmix.wire import is_packet
from simulations.flows.corruption import corrupt_mixes
from simulations.formulas import capacity
from simulations.nodes.entropy import target_entropies_bits
from simulations.outcome import Distribution
from simulations.world.watching import Journeys, NodeWatch, Visits
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
        """Listen to a world that does not run yet."""
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

    @property
    def hops(self) -> int:
        """Packets that nodes have taken so far: those believed and those dropped."""
        return sum(node.taken for node in self.nodes) + self._drops

    @property
    def _drops(self) -> int:
        """Packets that nodes have dropped; answers for users who have left are no packets."""
        answers = sum(node.network.undelivered_answers for node in self.world.nodes)
        return sum(node.drops.total() for node in self.nodes) - answers

    def totals(self) -> Totals:
        """Return the sums up to now."""
        world, now_s = self.world, self.world.clock.seconds()
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

    def figures(self, window: Totals) -> tuple[dict[str, float], dict[str, Distribution]]:
        """Return the measures of the window, whose totals are given; call it when the drain is over."""
        figures, distributions = _rates(self.world, window), dict[str, Distribution]()
        latencies_s = np.array(self.journeys.latencies_s)
        if latencies_s.size:
            distributions["latency_s"] = spread = Distribution.of(latencies_s)
            figures |= _latency_figures(spread, _held_s(latencies_s, self.world))
        delays_s = self.world.letters.delays_s(self.from_s, self.until_s)
        if delays_s:
            distributions["delivery_s"] = delivery = Distribution.of(delays_s)
            figures["delivery_mean_s"] = delivery.mean
            figures["delivery_p50_s"] = delivery.quantile(0.5)
            figures["delivery_p95_s"] = delivery.quantile(0.95)
        if self.journeys.sent:
            figures["lost_share"] = self.journeys.lost / self.journeys.sent
        bits = self._entropies_bits()
        if bits.size:
            distributions["entropy_bits"] = entropy = Distribution.of(bits)
            figures |= _entropy_figures(entropy)
        return figures, distributions

    def _entropies_bits(self) -> FloatArray:
        world = self.world
        if self.visits is None:
            return np.empty(0)
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


def _rates(world: World, window: Totals) -> dict[str, float]:
    scenario, duration_s = world.scenario, world.scenario.run.duration_s
    mixes, cores = len(world.mixes), scenario.processors.cores
    corrupt = corrupt_mixes(scenario, world.seeds)
    figures = {
        "pool_mean": window.pool_s / duration_s / mixes,
        "provider_pool_mean": window.provider_pool_s / duration_s / len(world.providers),
        "mix_rate_per_s": window.mix_taken / duration_s / mixes,
        "throughput_per_s": window.begun / duration_s,
        "utilisation": window.worked_s / duration_s / mixes / cores,
        "dropped_share": window.drops / window.entered if window.entered else 0.0,
        "cost_user_month": capacity.month_cost(
            len(world.nodes) * cores,
            window.nodes_sent_bytes / duration_s,
            core_month=scenario.prices.core_month,
            traffic_gb=scenario.prices.traffic_gb,
        )
        / scenario.users.count,
        "all_corrupt_share": float(corrupt.mean(axis=1).prod()),
    }
    if window.departures:
        figures["entropy_live_bits"] = window.live_sum_bits / window.departures
    if window.user_sent:
        figures["cover_share"] = 1 - window.user_real / window.user_sent
    if window.online_s > 0:
        figures["user_up_bytes_per_s"] = window.users_up_bytes / window.online_s
        figures["user_down_bytes_per_s"] = window.users_down_bytes / window.online_s
    return figures


def _latency_figures(spread: Distribution, held_s: FloatArray) -> dict[str, float]:
    figures = {
        "latency_mean_s": spread.mean,
        "latency_sd_s": spread.sd,
        "latency_p50_s": spread.quantile(0.5),
        "latency_p95_s": spread.quantile(0.95),
        "latency_p99_s": spread.quantile(0.99),
    }
    if held_s.size > 1 and held_s.var() > 0:
        # By moments: mean and variance are what links' own spread adds to least.
        figures["latency_fit_shape"] = float(held_s.mean() ** 2 / held_s.var(ddof=1))
        figures["latency_fit_scale_s"] = float(held_s.var(ddof=1) / held_s.mean())
    return figures


def _held_s(latencies_s: FloatArray, world: World) -> FloatArray:
    """Return what links do not explain: latencies less the mean of all links of a path."""
    links = world.params.layers + 2
    return latencies_s - links * world.hub.latency_mean_s


def _entropy_figures(spread: Distribution) -> dict[str, float]:
    return {
        "entropy_bits": spread.mean,
        "entropy_p05_bits": spread.quantile(0.05),
        "entropy_p50_bits": spread.quantile(0.5),
        "entropy_min_bits": spread.quantile(0.0),
        "anonymity_set": 2.0**spread.mean,
    }
