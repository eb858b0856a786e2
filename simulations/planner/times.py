"""The time of a message in a design, computed quickly for the search. `exact` judges the plan that is found."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from client.core.retry import round_trip_policy
from client.core.settings import ClientSettings
from loopixmix.params import NetworkParams
from simulations.formulas import delivery, latency
from simulations.formulas.delivery import LEASE_PULLS, Retries
from simulations.formulas.latency import Grid, Law
from simulations.formulas.queues import pull_wait_mean_s, turn_wait_mean_s
from simulations.planner.wishes import Terms, Wishes

# A search asks hundreds of times: the grid is a thirty-second of the engine's, and the engine judges what is found.
_POINTS = 1024
_TAIL = 1e-9


class Waits:
    """The times of messages at given rates, as a function of the mean delay of a node."""

    def __init__(self, wishes: Wishes, terms: Terms, *, payload_rate_per_s: float, pull_rate_per_s: float) -> None:
        """`payload_rate_per_s`: turns of a user's payload stream; `pull_rate_per_s`: pulls of a user; both above 0."""
        self._wishes = wishes
        self._terms = terms
        self._turns_per_s = payload_rate_per_s
        self._pulls_per_s = pull_rate_per_s
        self._stages = terms.layers + 1
        self._links_s = (terms.layers + 2) * terms.link_latency_s
        self._after_s = delivery.ANSWER_S + terms.link_latency_s
        self._loss = 1 - (1 - terms.link_loss) ** (terms.layers + 2)

    def within(self, delay_mean_s: float) -> bool:
        """Tell whether the wish for latency is met at a mean delay."""
        wished_s = self._wishes.latency_s
        match self._wishes.latency_kind:
            case "network-mean":
                return self._stages * delay_mean_s + self._links_s <= wished_s
            case "network-p95":
                return latency.erlang_quantile_s(self._stages, delay_mean_s, 0.95) + self._links_s <= wished_s
            case "delivery-mean":
                return self._delivery_mean_s(delay_mean_s) <= wished_s
            case "delivery-p95":
                return self._delivered_share(delay_mean_s) >= 0.95

    def longest_delay_mean_s(self, most_s: float) -> float:
        """Return the longest mean delay, up to `most_s`, at which the wish is met; 0 if it never is."""
        low, high = 0.0, min(most_s, self._wishes.latency_s)
        if not self.within(high * 1e-6):
            return 0.0
        while high - low > 1e-4 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if self.within(middle) else (low, middle)
        return low

    def _messages_per_s(self) -> float:
        return self._wishes.real_packets_per_s / self._wishes.packets_per_message

    def _delivery_mean_s(self, delay_mean_s: float) -> float:
        packets = self._wishes.packets_per_message
        turns_s = turn_wait_mean_s(self._turns_per_s, self._messages_per_s(), packets)
        retries = self._retries(delay_mean_s)
        least_s = turns_s + pull_wait_mean_s(self._pulls_per_s) + self._lost_pulls_mean_s() + self._after_s
        least_s += self._links_s + self._stages * delay_mean_s
        if packets == 1:
            return least_s + retries.mean_s
        # Above the wish already, the exact mean can only be longer.
        if least_s > self._wishes.latency_s:
            return least_s
        longest_s = latency.erlang_quantile_s(packets, 1 / self._turns_per_s, 1 - _TAIL) + self._links_s
        longest_s += latency.erlang_quantile_s(self._stages, delay_mean_s, 1 - _TAIL)
        # Repetitions make the grid several times as long, and with it its steps.
        grid = Grid.up_to(longest_s + retries.longest_s, 2 * _POINTS * (4 if retries.count else 1))
        network = latency.erlang(grid, self._stages, delay_mean_s).then(latency.fixed(grid, self._links_s))
        arrived_s = delivery.all_arrived(retries.law(network), self._turns_per_s, packets).mean_s
        return least_s + arrived_s - packets / self._turns_per_s - self._stages * delay_mean_s - self._links_s

    def _delivered_share(self, delay_mean_s: float) -> float:
        """Return the share of messages that are there within the wish: what lies beyond it need not be on the grid."""
        left_s = self._wishes.latency_s - self._after_s - self._links_s
        if left_s <= 0 or 0.95 / self._pulls_per_s > left_s:
            return 0.0
        grid = Grid.up_to(left_s, _POINTS)
        # What is sent again after the wish has passed is late, however late: it need not be on the grid.
        network = self._retries(delay_mean_s).law(latency.erlang(grid, self._stages, delay_mean_s))
        arrived = delivery.all_arrived(network, self._turns_per_s, self._wishes.packets_per_message)
        loss = self._terms.link_loss
        waits = _waits(grid, self._turns_per_s, self._pulls_per_s, self._messages_per_s(), self._packets(), loss)
        # A sum of two is within the grid when the second is within what the first leaves of it.
        return float(np.clip(arrived.masses @ waits.cdf[::-1], 0.0, 1.0))

    def _retries(self, delay_mean_s: float) -> Retries:
        first_wait_s = 0.0
        if self._loss:
            params = NetworkParams(
                layers=self._terms.layers, delay_mean_s=delay_mean_s, pull_rate_per_s=self._pulls_per_s
            )
            first_wait_s = round_trip_policy(params, longest_s=ClientSettings().longest_retry_s).first_s
        return Retries(
            loss=self._loss,
            first_wait_s=first_wait_s,
            turns_per_s=self._turns_per_s,
            pulls_per_s=self._pulls_per_s,
        )

    def _lost_pulls_mean_s(self) -> float:
        loss = self._terms.link_loss
        return loss / (1 - loss) * (1 + LEASE_PULLS) / self._pulls_per_s

    def _packets(self) -> int:
        return self._wishes.packets_per_message


@lru_cache(maxsize=128)
def _waits(
    grid: Grid, turns_per_s: float, pulls_per_s: float, messages_per_s: float, packets: int, link_loss: float
) -> Law:
    interval_s = 1 / pulls_per_s
    # An interval longer than the grid is cut where the grid ends: what is beyond is too late anyway.
    longest_s = grid.step_s * (grid.points - 1)
    kept_s = min(interval_s, longest_s)
    pull = Law(grid, latency.uniform(grid, 0.0, kept_s).masses * (kept_s / interval_s))
    queue = delivery.turn_queue(grid, turns_per_s, messages_per_s, packets)
    if not link_loss:
        return queue.then(pull)
    return queue.then(pull, delivery.lost_at_the_pull(grid, pulls_per_s, link_loss))
