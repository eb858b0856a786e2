"""Computed times against a small simulation, which is written from the page and not from the formulas."""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections import OrderedDict, deque
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.core.retry import round_trip_policy
from client.core.timing.estimate import Conditions, estimate_message, estimate_request, overhead_s
from client.core.timing.parts import RequestParts
from loopixmix.params import NetworkParams

ROOMY = NetworkParams(pull_batch=9)
FAST = NetworkParams(
    delay_mean_s=0.05, payload_rate_per_s=20.0, loop_rate_per_s=5.0, pull_rate_per_s=10.0, pull_batch=9
)
SLOW_MIXES = NetworkParams(delay_mean_s=3.0, pull_batch=9)
RARE_PULLS = NetworkParams(pull_rate_per_s=0.2, pull_batch=45)


def conditions(params: NetworkParams = ROOMY, **changed: object) -> Conditions:
    policy = round_trip_policy(params, longest_s=3600.0)
    return Conditions(params=params, policy=policy, **changed)  # type: ignore[arg-type]


class Sending:
    """One message on its way among other flows: payloads at random moments, turns, losses, re-sends, pulls."""

    def __init__(self, fragments: int, around: Conditions, rng: random.Random) -> None:
        self.params, self.policy, self.loss, self.rng = around.params, around.policy, around.loss, rng
        self.ahead = around.ahead
        self.mine = list(range(fragments))
        self.others = OrderedDict((name, int(count)) for name, count in enumerate(around.waiting))
        self.turns: deque[int] = deque([*self.others, -1])
        self.attempts = [0] * fragments
        self.arrived_s: list[float | None] = [None] * fragments
        self.answered_s = [math.inf] * fragments
        self.overdue: list[tuple[float, int, int]] = []
        self.overhead_s = around.overhead_s

    def run(self) -> float:
        """Return when the recipient's client has all of it."""
        now_s, interval_s = 0.0, 1 / self.params.pull_rate_per_s
        pull_s = self.rng.random() * interval_s
        while None in self.arrived_s:
            now_s += self.rng.expovariate(self.params.payload_rate_per_s)
            while pull_s <= now_s:
                self.see_overdue(pull_s)
                pull_s += interval_s
            self.send_one(now_s)
        return self.pulled(max(at_s for at_s in self.arrived_s if at_s is not None))

    def see_overdue(self, now_s: float) -> None:
        while self.overdue and self.overdue[0][0] <= now_s:
            _, flow, index = heapq.heappop(self.overdue)
            if flow == -1 and self.answered_s[index] > now_s:
                heapq.heappush(self.mine, index)
            elif flow != -1:
                self.others[flow] += 1
            if flow not in self.turns:
                self.turns.append(flow)

    def send_one(self, now_s: float) -> None:
        if self.ahead:
            self.ahead -= 1
            return
        while self.turns:
            flow = self.turns.popleft()
            if flow != -1:
                self.others[flow] -= 1
                if self.others[flow]:
                    self.turns.append(flow)
                if self.rng.random() > (1 - self.loss) ** 2:
                    wait_s = self.policy.timeout_s(1, self.rng.random())
                    heapq.heappush(self.overdue, (now_s + wait_s, flow, 0))
                return
            wanted = [index for index in self.mine if self.answered_s[index] > now_s]
            if not wanted:
                self.mine = []
                continue
            self.mine = wanted
            heapq.heapify(self.mine)
            self.leave(heapq.heappop(self.mine), now_s)
            if self.mine:
                self.turns.append(-1)
            return

    def leave(self, index: int, now_s: float) -> None:
        self.attempts[index] += 1
        wait_s = self.policy.timeout_s(self.attempts[index], self.rng.random())
        heapq.heappush(self.overdue, (now_s + wait_s, -1, index))
        if self.rng.random() < self.loss:
            return
        arrived_s = now_s + self.way_s()
        self.arrived_s[index] = min(arrived_s, self.arrived_s[index] or math.inf)
        if self.rng.random() >= self.loss:
            self.answered_s[index] = arrived_s + self.way_s()

    def way_s(self) -> float:
        delays_s = (self.rng.expovariate(1 / self.params.delay_mean_s) for _ in range(self.params.layers + 1))
        return self.overhead_s + sum(delays_s)

    def pulled(self, last_s: float) -> float:
        """Let the recipient pull, whose own answers come too."""
        items = [(at_s, 1) for at_s in self.arrived_s if at_s is not None]
        at_s, own_per_s = -60.0, (self.params.payload_rate_per_s + self.params.loop_rate_per_s) * (1 - self.loss) ** 2
        while at_s < last_s + 120:
            at_s += self.rng.expovariate(own_per_s)
            items.append((at_s, 0))
        waiting = deque(sorted(items))
        interval_s, got = 1 / self.params.pull_rate_per_s, 0
        pull_s = -60.0 + self.rng.random() * interval_s
        while True:
            for _ in range(self.params.pull_batch):
                if waiting and waiting[0][0] <= pull_s:
                    got += waiting.popleft()[1]
            if got == len(self.arrived_s):
                return pull_s
            pull_s += interval_s


def simulated(fragments: int, around: Conditions, *, runs: int, seed: int = 7) -> list[float]:
    rng = random.Random(seed)
    return sorted(Sending(fragments, around, rng).run() for _ in range(runs))


@pytest.mark.parametrize(
    ("fragments", "around"),
    [
        (1, conditions()),
        (10, conditions()),
        (60, conditions(ahead=3)),
        (2, conditions(loss=0.05)),
        (20, conditions(loss=0.05, overhead_s=0.2)),
        (80, conditions(loss=0.05)),
        (5, conditions(waiting=(3, 10, 40))),
        (1, conditions(waiting=(1,) * 20)),
        (20, conditions(loss=0.02, waiting=(60,) * 4)),
        (10, conditions(FAST, loss=0.03)),
        (10, conditions(SLOW_MIXES, loss=0.1)),
        (4, conditions(RARE_PULLS)),
        (30, conditions(NetworkParams(pull_batch=6))),
        (1, conditions(NetworkParams(pull_batch=3))),
        (2, conditions(NetworkParams(pull_rate_per_s=0.5, pull_batch=6))),
    ],
)
def test_the_mean_is_that_of_a_simulation(fragments: int, around: Conditions) -> None:
    """Hypothesis: the computed mean is within 10 % of the true one; at 5 standard errors, a false alarm in 10^6."""
    times_s = simulated(fragments, around, runs=400)
    told = estimate_message(fragments, around)
    mean_s, error_s = statistics.mean(times_s), statistics.stdev(times_s) / math.sqrt(len(times_s))
    assert abs(told.mean_s - mean_s) < 0.1 * mean_s + 5 * error_s
    # The 95 % quantile is told by two moments only; it is to be a useful bound, not an exact one.
    assert statistics.mean(each <= told.p95_s for each in times_s) > 0.88


def sum_of(told: object, names: Sequence[str]) -> float:
    return sum(getattr(told, name) for name in names)


@settings(max_examples=25, deadline=None)
@given(
    fragments=st.integers(1, 20_000),
    loss=st.floats(0, 0.5),
    ahead=st.integers(0, 50),
    waiting=st.lists(st.floats(0.5, 1e4), max_size=30),
    rate_per_s=st.floats(0.05, 500),
    delay_s=st.floats(0.001, 30),
)
def test_the_parts_are_the_whole_and_more_takes_longer(
    fragments: int, loss: float, ahead: int, waiting: list[float], rate_per_s: float, delay_s: float
) -> None:
    params = NetworkParams(payload_rate_per_s=rate_per_s, delay_mean_s=delay_s, pull_batch=100)
    around = conditions(params, loss=loss, ahead=ahead, waiting=waiting)
    told = estimate_message(fragments, around)
    assert math.isclose(told.mean_s, sum_of(told, ("queue_s", "sending_s", "delivery_s")), rel_tol=1e-9)
    assert 0 < told.queue_s <= told.mean_s <= told.p95_s * 1.001
    assert told.sending_s >= 0
    assert estimate_message(2 * fragments, around).mean_s > 0.99 * told.mean_s
    busier = conditions(params, loss=loss, ahead=ahead + 10, waiting=waiting)
    assert estimate_message(fragments, busier).mean_s > told.mean_s
    later = estimate_message(fragments, around, waits_s=100.0)
    assert later.mean_s == pytest.approx(told.mean_s + 100)


def test_what_is_lost_takes_turns_only_if_it_comes_back_before_the_rest_has_left() -> None:
    """Of 10 fragments all have left before the first wait ends; of 400 most are sent again among the others."""
    lossy = conditions(loss=0.3)
    rate_per_s = ROOMY.payload_rate_per_s
    assert estimate_message(10, lossy).sending_s == pytest.approx(9 / rate_per_s)
    assert estimate_message(400, lossy).sending_s > 1.3 * 400 / rate_per_s


def test_a_reply_is_not_sent_again() -> None:
    lossy = conditions(loss=0.3)
    once = estimate_message(4, lossy, is_sent_again=False)
    assert once.mean_s < estimate_message(4, lossy).mean_s
    assert once.delivery_s == pytest.approx(estimate_message(4, conditions()).delivery_s, rel=0.1)


def test_a_request_takes_as_long_as_its_ways_and_its_answer() -> None:
    rng, params = random.Random(3), ROOMY
    around = conditions(params)

    def way_s() -> float:
        return sum(rng.expovariate(1 / params.delay_mean_s) for _ in range(params.layers + 1))

    def run() -> float:
        left_s = arrived_s = 0.0
        for _ in range(3):
            left_s += rng.expovariate(params.payload_rate_per_s)
            arrived_s = max(arrived_s, left_s + way_s())
        answered_s, back_s = arrived_s + 0.5, 0.0
        for _ in range(20):
            answered_s += rng.expovariate(4.0)
            back_s = max(back_s, answered_s + way_s())
        return back_s + rng.random() / params.pull_rate_per_s

    times_s = [run() for _ in range(2000)]
    parts = RequestParts(there=3, back=20, first_blocks=60, blocks_a_part=6)
    told = estimate_request(parts, around, free_items_per_s=4.0, service_s=0.5)
    assert told.mean_s == pytest.approx(statistics.mean(times_s), rel=0.05)


@pytest.mark.parametrize(("loss", "first_blocks"), [(0.0, 6), (0.1, 40), (0.1, 6)])
def test_lost_parts_and_late_reply_blocks_make_a_request_longer(loss: float, first_blocks: int) -> None:
    rng, params = random.Random(4), ROOMY
    around = conditions(params, loss=loss, overhead_s=0.1)

    def way_s() -> float:
        return 0.1 + sum(rng.expovariate(1 / params.delay_mean_s) for _ in range(params.layers + 1))

    def arrivals(count: int, start_s: float, rate_per_s: float) -> tuple[float, list[float]]:
        """Return when the last has left, and when each arrives, if what is lost is followed by another one."""
        arrived: list[float] = []
        while len(arrived) < count:
            start_s += rng.expovariate(rate_per_s)
            if rng.random() >= loss:
                arrived.append(start_s + way_s())
        return start_s, arrived

    def run() -> float:
        _, asked = arrivals(3, 0.0, params.payload_rate_per_s)
        begin_s, pull_s = max(asked), 1 / params.pull_rate_per_s
        at_first = min(20, round(first_blocks * (1 - loss) ** 2))
        left_s, shares = arrivals(at_first, begin_s, 4.0)
        if at_first < 20:
            _, [more_s] = arrivals(1, shares[0] + rng.random() * pull_s, params.payload_rate_per_s)
            shares += arrivals(20 - at_first, max(left_s, more_s), 4.0)[1]
        return max(shares) + rng.random() * pull_s

    times_s = [run() for _ in range(3000)]
    parts = RequestParts(there=3, back=20, first_blocks=first_blocks, blocks_a_part=6)
    told = estimate_request(parts, around, free_items_per_s=4.0)
    # The later of two times has a mean above both means, which is left out.
    assert told.mean_s == pytest.approx(statistics.mean(times_s), rel=0.05)
    assert told.p95_s == pytest.approx(sorted(times_s)[2850], rel=0.08)


def test_what_links_add_is_read_off_the_loops() -> None:
    nothing_s = 2 * (ROOMY.layers + 1) * ROOMY.delay_mean_s + 0.5 / ROOMY.pull_rate_per_s
    assert overhead_s(ROOMY, round_trip_mean_s=0.0) == 0.0
    assert overhead_s(ROOMY, round_trip_mean_s=nothing_s + 1.0) == pytest.approx(0.5, abs=0.1)
    assert overhead_s(ROOMY, round_trip_mean_s=nothing_s - 1.0) == 0.0


def test_what_a_gateway_sends_waits_for_the_pulls_of_a_user() -> None:
    gateway = NetworkParams(payload_rate_per_s=100.0, pull_rate_per_s=4.0, pull_batch=80)
    to_another, to_a_user = (
        estimate_message(1000, conditions(gateway, recipient=recipient)).mean_s for recipient in (None, ROOMY)
    )
    assert to_another < 1.5 * 1000 / gateway.payload_rate_per_s
    # A user pulls so many items a second, and most of them are of this message.
    assert to_a_user > 1000 / ROOMY.pulled_per_s
