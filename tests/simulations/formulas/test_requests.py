"""The time of a request, against sums by hand and a simulation of its own."""

from __future__ import annotations

import numpy as np
import pytest

from client.core.retry import round_trip_policy
from client.core.timing.parts import RequestParts
from client.core.timing.rounds import patience_of
from loopixmix.params import NetworkParams
from simulations.formulas.delivery import ANSWER_S
from simulations.formulas.latency import Grid, at_once, erlang, uniform
from simulations.formulas.requests import WRITES_S, RequestPace, request_law, request_mean_s

PARAMS = NetworkParams()


def pace(there: int, back: int, *, free_per_s: float, first_blocks: int, **more: float) -> RequestPace:
    """Return the pace of requests with two turns a second."""
    return RequestPace(
        parts=RequestParts(there=there, back=back, first_blocks=first_blocks, blocks_a_part=6),
        turns_per_s=2.0,
        free_per_s=free_per_s,
        patience=patience_of(PARAMS, round_trip_policy(PARAMS, longest_s=3600.0)),
        **more,
    )


ONE = pace(1, 1, free_per_s=4.0, first_blocks=3, work_s=0.5)
MANY = pace(3, 50, free_per_s=3.5, first_blocks=60)


def test_a_request_of_one_packet_is_its_parts_one_after_the_other() -> None:
    mean_s = request_mean_s(ONE, network_mean_s=0.8, pull_mean_s=0.5)
    assert mean_s == pytest.approx(0.5 + 0.25 + 2 * 0.8 + 0.5 + 0.5 + WRITES_S + ANSWER_S)
    grid = Grid.up_to(40.0)
    law = request_law(ONE, network=erlang(grid, 4, 0.2), queue=at_once(grid), pull=uniform(grid, 0.0, 1.0))
    assert law.mean_s == pytest.approx(mean_s, rel=1e-3)


def test_of_several_packets_the_last_that_arrives_counts() -> None:
    grid = Grid.up_to(120.0)
    law = request_law(MANY, network=erlang(grid, 4, 0.2), queue=at_once(grid), pull=uniform(grid, 0.0, 1.0))
    # H0: the law is that of this. 40,000 requests of a spread of 2.4 s: five standard errors, 1e-6.
    generator, count = np.random.default_rng(1), 40_000

    def arrived_s(packets: int, rate_per_s: float) -> np.ndarray:
        left_s = generator.exponential(1 / rate_per_s, (count, packets)).cumsum(axis=1)
        return np.asarray((left_s + generator.gamma(4, 0.2, (count, packets))).max(axis=1))

    times_s = arrived_s(3, 2.0) + arrived_s(50, 3.5) + generator.uniform(0, 1, count) + WRITES_S + ANSWER_S
    assert abs(law.mean_s - times_s.mean()) < 5 * times_s.std() / count**0.5
    assert law.quantile_s(0.95) == pytest.approx(float(np.quantile(times_s, 0.95)), rel=0.01)
    # The plain sum takes the last that leaves for the last that arrives, which is a little early.
    plain_s = request_mean_s(MANY, network_mean_s=0.8, pull_mean_s=0.5)
    assert plain_s < law.mean_s < plain_s + 1.0


def test_what_is_lost_is_sent_once_more() -> None:
    lossy = pace(4, 10, free_per_s=5.0, first_blocks=20, loss=0.2)
    assert lossy.sending_mean_s == pytest.approx(4 / 2 / 0.8)
    mean_s = request_mean_s(lossy, network_mean_s=0.0, pull_mean_s=0.0)
    further_s = sum(stage.mean_s for stage in lossy.late_rounds(way_s=0.0, turn_s=0.5, pull_s=ANSWER_S))
    assert mean_s == pytest.approx(4 / 2 / 0.8 + 10 / 5 / 0.8 + WRITES_S + ANSWER_S + further_s)


def test_the_law_has_the_further_rounds_of_lost_shares() -> None:
    grid = Grid.up_to(120.0)

    def mean_s(loss: float) -> float:
        asked = pace(2, 15, free_per_s=4.0, first_blocks=4, loss=loss)
        return request_law(
            asked, network=erlang(grid, 4, 0.2), queue=at_once(grid), pull=uniform(grid, 0.0, 1.0)
        ).mean_s

    lossy = pace(2, 15, free_per_s=4.0, first_blocks=4, loss=0.02)
    further_s = sum(stage.mean_s for stage in lossy.late_rounds(way_s=0.8, turn_s=0.5, pull_s=0.5 + ANSWER_S))
    # Beside the rounds, each loss takes a turn or interval more.
    more_s = (0.02 / 0.98) * (2 * 0.5 + 0.5 + 12 * 0.25)
    assert further_s > 1.0
    assert mean_s(0.02) == pytest.approx(mean_s(0.0) + further_s + more_s, abs=0.05)


@pytest.mark.parametrize("first", [3, 11])
def test_shares_beyond_the_first_reply_blocks_wait_for_more(first: int) -> None:
    few = pace(1, 20, free_per_s=4.0, first_blocks=first)
    assert (few.first_shares, few.later_shares) == (first, 20 - first)
    grid = Grid.up_to(80.0)
    law = request_law(few, network=erlang(grid, 4, 0.2), queue=at_once(grid), pull=uniform(grid, 0.0, 1.0))
    # H0: the law is that of this. 40,000 requests of a spread of 1.7 s: five standard errors, 1e-6.
    generator, count = np.random.default_rng(2), 40_000

    def way_s() -> np.ndarray:
        return generator.gamma(4, 0.2, count)

    first_s = generator.exponential(0.25, count)
    more_s = first_s + way_s() + generator.uniform(0, 1, count) + ANSWER_S + generator.exponential(0.5, count) + way_s()
    begun_s = np.maximum(first_s + generator.gamma(first - 1, 0.25, count), more_s)
    left_s = begun_s[:, None] + generator.exponential(0.25, (count, 20 - first)).cumsum(axis=1)
    last_s = (left_s + generator.gamma(4, 0.2, left_s.shape)).max(axis=1)
    asked_s = generator.exponential(0.5, count) + way_s() + WRITES_S
    times_s = asked_s + last_s + generator.uniform(0, 1, count) + ANSWER_S
    assert abs(law.mean_s - times_s.mean()) < 5 * times_s.std() / count**0.5 + 0.02
    plain_s = request_mean_s(few, network_mean_s=0.8, pull_mean_s=0.5)
    assert plain_s < law.mean_s < plain_s + 1.0
