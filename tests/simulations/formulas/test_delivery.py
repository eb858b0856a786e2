"""Delivery: turns, all packets of a message, mailboxes; against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from provider.clients.allowance import ClientRules
from provider.mailbox import MailboxRules
from simulations.formulas.delivery import (
    ANSWER_S,
    LEASE_PULLS,
    Retries,
    all_arrived,
    delivery,
    left_behind,
    longest_pull_wait_s,
    lost_at_the_pull,
    pull_wait,
    turn_queue,
)
from simulations.formulas.latency import Grid, Law, at_once, erlang, fixed, uniform
from simulations.formulas.queues import turn_wait_mean_s

GRID = Grid.up_to(80.0)
FALSE_ALARM = 1e-8


def farthest(law: Law, samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The Kolmogorov distance of samples from a law."""
    shares = np.searchsorted(np.sort(samples), law.times_s + law.grid.step_s / 2, side="right") / samples.size
    return float(np.abs(shares - np.cumsum(law.masses)).max())


def allowed(samples: int) -> float:
    """What the distance of independent samples exceeds with `FALSE_ALARM` at most (Dvoretzky, Kiefer, Wolfowitz)."""
    return float(np.sqrt(np.log(2 / FALSE_ALARM) / (2 * samples)))


def test_the_answer_is_as_late_as_the_deployed_one() -> None:
    assert ClientRules().answer_s == ANSWER_S


@pytest.mark.parametrize(("messages_per_s", "packets"), [(0.0, 2), (0.0009, 2), (0.3, 2), (1.2, 1), (0.004, 200)])
def test_the_wait_for_messages_before_has_the_mean_of_the_formula(messages_per_s: float, packets: int) -> None:
    law = turn_queue(Grid.up_to(2000.0), 2.0, messages_per_s, packets)
    expected_s = turn_wait_mean_s(2.0, messages_per_s, packets) - packets / 2.0
    assert law.mean_s == pytest.approx(expected_s, rel=2e-3, abs=1e-6)
    assert float(law.masses.sum()) == pytest.approx(1.0, abs=1e-5)


def test_more_than_the_stream_carries_is_refused() -> None:
    with pytest.raises(MisuseError, match="do not fit"):
        turn_queue(GRID, 2.0, 1.0, 2)


def test_very_many_packets_at_a_high_rate_take_turns_together() -> None:
    grid = Grid.up_to(20.0)
    network = erlang(grid, 4, 0.2).then(fixed(grid, 0.25))
    generator = np.random.default_rng(10)
    there = np.concatenate(
        [
            (np.cumsum(sent, axis=1) + 0.25 + generator.gamma(4, 0.2, sent.shape)).max(axis=1)
            for sent in (generator.exponential(1 / 2000, (1000, 3000)) for _ in range(2))
        ]
    )
    law = all_arrived(network, 2000.0, 3000)
    assert farthest(law, there) < allowed(there.size)
    assert law.mean_s == pytest.approx(float(there.mean()), rel=0.01)


@pytest.mark.parametrize("packets", [1, 2, 5])
def test_a_message_is_there_with_its_last_packet(packets: int) -> None:
    # H0: the draws have this law; 50,000 messages; FALSE_ALARM.
    network = erlang(GRID, 4, 0.2).then(fixed(GRID, 0.25))
    generator = np.random.default_rng(packets)
    sent = np.cumsum(generator.exponential(0.5, (packets, 50_000)), axis=0)
    there = (sent + 0.25 + generator.gamma(4, 0.2, sent.shape)).max(axis=0)
    assert farthest(all_arrived(network, 2.0, packets), there) < allowed(there.size)


def test_of_long_messages_only_the_last_packets_are_followed_one_by_one() -> None:
    grid = Grid.up_to(600.0)
    network = erlang(grid, 4, 0.2).then(fixed(grid, 0.25))
    generator = np.random.default_rng(9)
    sent = np.cumsum(generator.exponential(0.5, (400, 8000)), axis=0)
    there = (sent + 0.25 + generator.gamma(4, 0.2, sent.shape)).max(axis=0)
    law = all_arrived(network, 2.0, 400)
    assert farthest(law, there) < allowed(there.size)
    assert law.mean_s == pytest.approx(float(there.mean()), abs=0.6)


def simulated_pull_waits(
    batch: int, coming: float, *, pulls: int, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Items that come as a Poisson process, a pull each second; the waits of all."""
    generator = np.random.default_rng(seed)
    waiting: list[float] = []
    waits: list[float] = []
    for number, count in enumerate(generator.poisson(coming, pulls), start=1):
        if count:
            waiting += sorted(number - 1 + generator.random(count))
        if waiting:
            waits += [number - came for came in waiting[:batch]]
            waiting = waiting[batch:]
    return np.array(waits)


@pytest.mark.parametrize(("batch", "coming"), [(6, 2.5), (6, 0.01), (3, 2.4), (1, 0.5), (40, 30.0)])
def test_items_wait_for_a_pull_with_room_for_them(batch: int, coming: float) -> None:
    # H0: the waits have this law. Waits of one busy time go together: as if there were a tenth of them; FALSE_ALARM.
    grid = Grid.up_to(60.0)
    law = pull_wait(grid, 1.0, batch, coming)
    waits = simulated_pull_waits(batch, coming, pulls=int(60_000 / max(coming, 0.2)), seed=batch)
    assert farthest(law, waits) < allowed(waits.size // 10) + 0.5 / 32
    assert law.mean_s == pytest.approx(float(waits.mean()), rel=0.03)
    assert float(law.masses.sum()) == pytest.approx(1.0, abs=1e-6)
    assert law.quantile_s(1.0) <= longest_pull_wait_s(1.0, batch, coming)


def test_a_mailbox_that_is_emptied_by_every_pull_waits_evenly() -> None:
    grid = Grid.up_to(10.0)
    np.testing.assert_allclose(pull_wait(grid, 0.5, 6, 0.0).cdf, uniform(grid, 0.0, 2.0).cdf, atol=1e-9)


def test_what_a_pull_leaves_behind_is_stationary() -> None:
    left = left_behind(2.4, 3)
    assert float(left.sum()) == pytest.approx(1.0)
    held = np.convolve(left, [float(x) for x in np.exp(-2.4) * np.cumprod([1.0, *(2.4 / n for n in range(1, 60))])])
    again = np.concatenate(([held[:4].sum()], held[4:]))[: left.size]
    np.testing.assert_allclose(again, left, atol=1e-9)


def test_more_than_pulls_take_is_refused() -> None:
    with pytest.raises(MisuseError, match="for each pull"):
        pull_wait(GRID, 1.0, 6, 6.0)


def test_delivery_is_all_of_it() -> None:
    network = erlang(GRID, 4, 0.2).then(fixed(GRID, 0.25))
    law = delivery(
        network,
        queue=at_once(GRID),
        turns_per_s=2.0,
        packets=1,
        pull=uniform(GRID, 0.0, 1.0),
        last_link=fixed(GRID, 0.05),
    )
    assert law.mean_s == pytest.approx(0.5 + 0.8 + 0.25 + 0.5 + ANSWER_S + 0.05, rel=1e-5)
    assert erlang(GRID, 0, 1.0).mean_s == 0.0


def test_what_is_lost_comes_by_a_repetition() -> None:
    retries = Retries(loss=0.1, first_wait_s=3.0, turns_per_s=2.0, pulls_per_s=1.0)
    assert retries.count == 4
    grid = Grid.up_to(20.0 + retries.longest_s)
    law = retries.law(erlang(grid, 4, 0.2).then(fixed(grid, 0.1)))
    # Waits of 3, 6, 12 and 24 s, a quarter longer on average, a half interval between pulls, and a turn.
    times_s = [0.9 + sum(3 * 2**each * 1.25 + 0.5 + 0.5 for each in range(number)) for number in range(5)]
    shares = [0.9 * 0.1**number for number in range(5)]
    assert law.mean_s == pytest.approx(np.dot(times_s, shares) / sum(shares), rel=1e-3)
    assert float(law.masses.sum()) == pytest.approx(1.0)
    # Nine in ten come as if nothing were ever lost.
    assert law.quantile_s(0.45) == pytest.approx(erlang(grid, 4, 0.2).quantile_s(0.5) + 0.1, abs=0.01)


def test_without_loss_there_are_no_repetitions() -> None:
    network = erlang(GRID, 4, 0.2)
    retries = Retries(loss=0.0, first_wait_s=3.0, turns_per_s=2.0, pulls_per_s=1.0)
    assert retries.law(network) is network
    assert retries.longest_s == 0.0


def test_items_that_are_lost_are_given_again_after_their_lease() -> None:
    assert MailboxRules().lease_pulls == LEASE_PULLS
    law = lost_at_the_pull(Grid.up_to(400.0, 1 << 12), 0.5, 0.02)
    # A pull of 2 s for each pull lost, eight for each item.
    assert law.mean_s == pytest.approx(0.02 / 0.98 * 2 * (1 + LEASE_PULLS), rel=0.01)
