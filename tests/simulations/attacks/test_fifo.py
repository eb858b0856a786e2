"""Guessing that the first packet in is the first out."""

from __future__ import annotations

import heapq
import math
import random

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.fifo import attack_fifo, bet_on_oldest, bet_on_order, oldest_share
from simulations.flows.rates import flows_of
from simulations.formulas.corruption import fifo_guess_success
from simulations.scenario.values import Attacks, Fifo, Scenario, SeedChoice, Topology, Traffic, Users
from simulations.seeds import Seeds

TRIALS = 400_000


def within(share: float, expected: float, trials: int) -> bool:
    """H0: `expected` is the true share. 5 standard deviations: false with less than 1e-6."""
    return abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / trials)


@pytest.mark.parametrize(("rate_per_s", "delay_s"), [(0.01, 0.2), (3.0, 0.2), (100.0, 2.0)])
def test_the_bet_on_order_holds_as_often_as_the_formula_says(rate_per_s: float, delay_s: float) -> None:
    result = bet_on_order(rate_per_s, delay_s, TRIALS, np.random.default_rng(1))
    per_delay = rate_per_s * delay_s
    assert result.bound == pytest.approx(1 - per_delay / (2 * (per_delay + 1)))
    assert within(result.success.share, result.bound, TRIALS)


def mix_with_events(rate_per_s: float, delay_s: float, packets: int) -> tuple[float, float]:
    """One mix, event by event: the share of neighbours in their order, and of departures of the oldest held."""
    rng = random.Random(7)
    now, leaving, held, oldest, gone = 0.0, [], set(), [], {}
    for number in range(packets):
        now += rng.expovariate(rate_per_s)
        while leaving and leaving[0][0] <= now:
            at, which = heapq.heappop(leaving)
            oldest.append(which == min(held))
            held.remove(which)
            gone[which] = at
        held.add(number)
        heapq.heappush(leaving, (now + rng.expovariate(1 / delay_s), number))
    pairs = [gone[n] <= gone[n + 1] for n in range(0, packets - 1, 2) if n in gone and n + 1 in gone]
    settled = oldest[packets // 10 :: 20]
    return sum(pairs) / len(pairs), sum(settled) / len(settled)


def test_a_mix_run_event_by_event_shows_the_same() -> None:
    """Another simulation as the oracle. H0 as above; every second pair, every twentieth departure: near independent."""
    in_order, oldest = mix_with_events(10.0, 0.3, 60_000)
    assert within(in_order, 1 - 3 / 8, 30_000)
    assert within(oldest, oldest_share(3.0), 2_700)


@pytest.mark.parametrize("pool", [0.05, 1.0, 8.0])
def test_the_oldest_leaves_no_more_often_than_any_other(pool: float) -> None:
    result = bet_on_oldest(pool / 0.2, 0.2, 50_000, np.random.default_rng(2))
    assert result.bound == pytest.approx((1 - math.exp(-pool)) / pool)
    assert within(result.success.share, result.bound, 50_000)


def test_a_scenario_gives_figures_for_the_mix_the_user_and_the_oldest() -> None:
    scenario = Scenario(attacks=Attacks(fifo=Fifo(trials=50_000)))
    figures = attack_fifo(scenario, Seeds(SeedChoice(), replicate=0))
    # Payloads 2, loops 0.5 and drops 0.5 a second, all through one's provider: 3 x 0.2 = 0.6 a delay.
    assert figures["attack.fifo.user.bound"] == pytest.approx(1 - 0.6 / 3.2)
    pool = flows_of(scenario).mixes[0].pool_mean
    assert figures["attack.fifo.bound"] == pytest.approx(1 - pool / (2 * (pool + 1)))
    assert figures["attack.fifo.oldest.bound"] == pytest.approx(1 / pool, rel=1e-6)
    for kind in ("fifo", "fifo.user", "fifo.oldest"):
        low, high = figures[f"attack.{kind}.success.low"], figures[f"attack.{kind}.success.high"]
        assert low < figures[f"attack.{kind}.bound"] * 1.1
        assert high > figures[f"attack.{kind}.bound"] * 0.9
    assert figures == attack_fifo(scenario, Seeds(SeedChoice(), replicate=0))
    assert figures != attack_fifo(scenario, Seeds(SeedChoice(), replicate=1))


def test_without_providers_a_user_spreads_over_the_first_layer() -> None:
    scenario = Scenario(topology=Topology(providers=0, mixes_per_layer=3), attacks=Attacks(fifo=Fifo(trials=1000)))
    figures = attack_fifo(scenario, Seeds(SeedChoice(), replicate=0))
    assert figures["attack.fifo.user.bound"] == pytest.approx(1 - 0.2 / 2.4)


def test_mixes_that_weigh_more_are_bet_on_as_often_as_packets_take_them() -> None:
    scenario = Scenario(
        topology=Topology(providers=0, mixes_per_layer=2, mix_weights=((9.0,),)),
        users=Users(count=10),
        traffic=Traffic(replies=False, node_loop_rate_per_s=0.0),
        attacks=Attacks(fifo=Fifo(trials=TRIALS)),
    )
    figures = attack_fifo(scenario, Seeds(SeedChoice(), replicate=0))
    # 30 packets a second, of which the first mix takes 27 and the other 3; 0.2 s of delay each.
    expected = 0.9 * fifo_guess_success(27.0, 0.2) + 0.1 * fifo_guess_success(3.0, 0.2)
    assert figures["attack.fifo.bound"] == pytest.approx(expected)
    assert within(figures["attack.fifo.success"], expected, TRIALS)
    oldest = 0.9 * oldest_share(5.4) + 0.1 * oldest_share(0.6)
    assert figures["attack.fifo.oldest.bound"] == pytest.approx(oldest)
    assert within(figures["attack.fifo.oldest.success"], oldest, TRIALS)
    of_user = 0.9 * fifo_guess_success(2.7, 0.2) + 0.1 * fifo_guess_success(0.3, 0.2)
    assert figures["attack.fifo.user.bound"] == pytest.approx(of_user)
    assert within(figures["attack.fifo.user.success"], of_user, TRIALS)


def test_nothing_is_guessed_unless_asked_for_or_where_nobody_sends() -> None:
    assert attack_fifo(Scenario(), Seeds(SeedChoice(), replicate=0)) == {}
    silent = Scenario(
        users=Users(count=5),
        traffic=Traffic(payload_rate_per_s=0, loop_rate_per_s=0, drop_rate_per_s=0),
        attacks=Attacks(fifo=Fifo()),
    )
    with pytest.raises(MisuseError, match=r"traffic\.payload_rate_per_s"):
        attack_fifo(silent, Seeds(SeedChoice(), replicate=0))


@pytest.mark.parametrize(("rate", "delay", "trials"), [(0.0, 1.0, 1), (1.0, 0.0, 1), (1.0, 1.0, 0), (math.nan, 1.0, 1)])
def test_bets_out_of_range_are_refused(rate: float, delay: float, trials: int) -> None:
    for bet in (bet_on_order, bet_on_oldest):
        with pytest.raises(MisuseError):
            bet(rate, delay, trials, np.random.default_rng(1))
    with pytest.raises(MisuseError):
        oldest_share(-1.0)
