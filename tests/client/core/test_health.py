from __future__ import annotations

import random

import pytest

from client.core.health import LoopHealth, assured_pool, traffic_problem
from loopixmix.params import NetworkParams


def test_a_few_lost_loops_are_no_problem() -> None:
    loops = LoopHealth()
    for _ in range(20):
        loops.on_returned(1.0)
    loops.on_lost()
    loops.on_lost()
    assert loops.problem is None
    assert (loops.returned, loops.lost) == (20, 2)


def test_many_lost_loops_are_a_problem_until_they_return_again() -> None:
    loops = LoopHealth()
    for _ in range(20):
        loops.on_returned(1.5)
    for _ in range(20):
        loops.on_lost()
    assert "20 of the last 40" in (loops.problem or "")
    for _ in range(60):
        loops.on_returned(2.5)
    assert loops.problem is None
    assert loops.round_trip_mean_s == pytest.approx((20 * 1.5 + 60 * 2.5) / 80)


def test_without_loops_there_is_no_round_trip() -> None:
    assert LoopHealth().round_trip_mean_s == 0.0
    assert LoopHealth().problem is None


def test_thin_traffic_is_named() -> None:
    params = NetworkParams(
        delay_mean_s=0.5, payload_rate_per_s=2.0, loop_rate_per_s=0.5, drop_rate_per_s=0.5, node_loop_rate_per_s=1.0
    )
    # 6 mixes in 3 layers of 2, 2 providers: (6 + 4) * 1 + 2 + 2 * 0.5 + 0.5 = 13.5 a layer, 6.75 a mix, 0.5 s each.
    pool = assured_pool(params, mixes=6, providers=2)
    assert pool == pytest.approx(3.375)
    assert traffic_problem(pool) is None
    assert "1.5 packets" in (traffic_problem(1.5) or "")


def test_the_loss_of_one_way_is_what_loops_lose_on_two() -> None:
    loops, rng = LoopHealth(), random.Random(1)
    assert loops.way_loss == 0.0
    seen = []
    for _ in range(6400):
        if rng.random() < 0.05 or rng.random() < 0.05:
            loops.on_lost()
        else:
            loops.on_returned(1.0)
        seen.append(loops.way_loss)
    # The mean of some 50 independent estimates, each with a standard error of 1.4 %: four of its standard errors.
    assert sum(seen[640:]) / len(seen[640:]) == pytest.approx(0.05, abs=0.008)
    assert max(seen[640:]) < 0.15


def test_one_lost_loop_says_little_and_is_forgotten() -> None:
    loops = LoopHealth()
    loops.on_lost()
    assert 0 < loops.way_loss < 0.01
    for _ in range(200):
        loops.on_returned(1.0)
    assert loops.way_loss < 0.001


def test_however_much_is_lost_half_a_way_s_packets_come_through() -> None:
    loops = LoopHealth()
    for _ in range(1000):
        loops.on_lost()
    assert loops.way_loss == pytest.approx(0.5)
