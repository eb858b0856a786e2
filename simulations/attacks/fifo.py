"""Guessing that the first packet in is the first out, at one node that mixes.

*The next*: the adversary sees a packet go in, and bets that it leaves before the one that goes in next. With lambda_u
packets/s going in (of users: her own dummies she would know) and a mean delay of 1/mu, the next comes before the first
has left with probability lambda_u/(lambda_u + mu); both then have the same exponential time left, which has no memory,
and the second wins with 1/2. So the bet holds with `1 - lambda_u/(2 (lambda_u + mu))`: it tends to a coin's 1/2.

*Of one user*: the same bet on the packets of one user, who sends fewer: that they leave her first node in their order.

*The oldest*: at a departure the adversary bets on the oldest packet held. Each of the n held is as likely (Loopix,
Theorem 1), and a departure finds 1 + Poisson(rho) held, rho = lambda/mu: E[1/n] = `(1 - e^-rho)/rho`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import ShareEstimate
from simulations.flows.rates import flows_of
from simulations.formulas.corruption import fifo_guess_success
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

_CHUNK = 1 << 18
_MOST_HELD = 10_000_000
# Fewer trials than this have an interval that says nothing.
_FEWEST = 200
# One look at such a node draws as many packets: the bound is below one in two million there.
_LARGEST_POOL = 2_000_000


@dataclass(frozen=True)
class FifoResult:
    """How often the bet held, and how often it must."""

    success: ShareEstimate
    bound: float


def oldest_share(pool_mean: float) -> float:
    """Return how often the packet that leaves is the oldest: (1 - e^-rho)/rho, for rho packets held on average."""
    if not pool_mean >= 0:
        raise MisuseError(f"pool_mean must be 0 or more, not {pool_mean}")
    return -math.expm1(-pool_mean) / pool_mean if pool_mean > 0 else 1.0


def bet_on_order(rate_per_s: float, delay_mean_s: float, trials: int, generator: Generator) -> FifoResult:
    """Send a Poisson stream through one node and count the pairs of neighbours that leave in their order.

    `rate_per_s` and `delay_mean_s`: above 0; `trials`: pairs, no packet in two of them, 1 or more.
    """
    if not (rate_per_s > 0 and delay_mean_s > 0) or trials < 1:
        raise MisuseError(f"a bet on order needs packets and trials, not {rate_per_s} packets/s, {trials} trials")
    held, left = 0, trials
    while left:
        chunk = min(left, _CHUNK)
        gaps_s = generator.exponential(1 / rate_per_s, chunk)
        delays_s = generator.exponential(delay_mean_s, (2, chunk))
        # Only the gap to the next packet and two delays matter, and those of different pairs are independent: no stream
        # has to be simulated.
        held += int(np.count_nonzero(delays_s[0] <= gaps_s + delays_s[1]))
        left -= chunk
    return FifoResult(ShareEstimate.of_trials(held, trials), fifo_guess_success(rate_per_s, delay_mean_s))


def bet_on_oldest(rate_per_s: float, delay_mean_s: float, trials: int, generator: Generator) -> FifoResult:
    """Look at nodes in their steady state and count the departures that are those of the oldest packet held.

    `rate_per_s`: of all packets through the node, above 0; `delay_mean_s`: above 0; `trials`: departures, 1 or more.
    Each departure is one of a node of its own: those of one node that follow on each other share packets.
    """
    if not (rate_per_s > 0 and delay_mean_s > 0) or trials < 1:
        raise MisuseError(f"a bet on the oldest needs packets, not {rate_per_s} packets/s and {trials} trials")
    pool_mean = rate_per_s * delay_mean_s
    oldest, left = 0, trials
    while left:
        chunk = min(left, max(1, int(_CHUNK / (1 + pool_mean))))
        oldest += _oldest_that_left(pool_mean, generator, chunk)
        left -= chunk
    return FifoResult(ShareEstimate.of_trials(oldest, trials), oldest_share(pool_mean))


def over_mixes(
    rates: Sequence[tuple[float, float]], trials: int, bet: Callable[[float, int], FifoResult], generator: Generator
) -> FifoResult:
    """Bet at mixes of different rates, each as often as packets take it.

    `rates`: the share of the packets that takes mixes of a rate, and that rate, of each mix; shares add up to 1.
    """
    if len(rates) == 1:
        return bet(rates[0][1], trials)
    shares = np.array([share for share, _ in rates])
    chosen = generator.multinomial(trials, shares / shares.sum()).tolist()
    found = [(share, bets, bet(rate, max(bets, 1))) for (share, rate), bets in zip(rates, chosen, strict=True)]
    hits = sum(round(result.success.share * bets) for _, bets, result in found)
    return FifoResult(ShareEstimate.of_trials(hits, trials), sum(share * result.bound for share, _, result in found))


def _oldest_that_left(pool_mean: float, generator: Generator, nodes: int) -> int:
    """Draw nodes at a departure, ages and remaining times (in delays) apart; count those that lose their oldest.

    In M/M/infinity seen over a window, those held are a Poisson number with independent exponential ages; the one that
    leaves is the one with the least time left, whatever its age: that is simulated, not assumed.
    """
    # Seen from a departure, the others are Poisson and the one that leaves comes on top (Palm; M/M/infinity).
    held = 1 + generator.poisson(pool_mean, nodes)
    firsts = np.cumsum(held) - held
    ages, remaining = generator.exponential(1.0, (2, int(held.sum())))
    is_oldest = ages == np.repeat(np.maximum.reduceat(ages, firsts), held)
    leaves = remaining == np.repeat(np.minimum.reduceat(remaining, firsts), held)
    return int(np.count_nonzero(is_oldest & leaves))


def attack_fifo(scenario: Scenario, seeds: Seeds) -> dict[str, float]:
    """Return `attack.fifo.success` and `.bound`, the same of one user, and of the oldest packet.

    Of all packets: at the mix of the first layer that a packet happens to take. Of one user: at the first node that
    holds what she sends, her provider, through which all of it goes; without providers such a mix, through which the
    share of its weight goes. The oldest is left out if a mix holds millions. Raises `MisuseError` if users send
    nothing.
    """
    if scenario.attacks.fifo is None:
        return {}
    flows, trials = flows_of(scenario), scenario.attacks.fifo.trials
    if flows.forward_per_s <= 0:
        raise MisuseError(
            "attacks.fifo needs packets: traffic.payload_rate_per_s, traffic.loop_rate_per_s and"
            " traffic.drop_rate_per_s are all 0"
        )
    loads, delay_mean_s = flows.mixes[0].loads, flows.mixes[0].delay_mean_s
    user_per_s = flows.forward_per_s / flows.users_online
    all_rates = [(load.share, load.waiting_per_s) for load in loads]
    user_rates = [(load.share, user_per_s * load.share / load.nodes) for load in loads]
    largest_pool = max(load.pool_mean for load in loads)
    departures = min(trials, max(_FEWEST, int(_MOST_HELD / (1 + largest_pool))))
    generator = seeds.generator("attacks")

    def order(rate_per_s: float, bets: int) -> FifoResult:
        return bet_on_order(rate_per_s, delay_mean_s, bets, generator)

    def oldest(rate_per_s: float, bets: int) -> FifoResult:
        return bet_on_oldest(rate_per_s, delay_mean_s, bets, generator)

    results = {
        "attack.fifo": over_mixes(all_rates, trials, order, generator),
        "attack.fifo.user": over_mixes(
            [(1.0, user_per_s)] if scenario.topology.providers else user_rates, trials, order, generator
        ),
    }
    if largest_pool <= _LARGEST_POOL:
        results["attack.fifo.oldest"] = over_mixes(all_rates, departures, oldest, generator)
    figures: dict[str, float] = {}
    for name, result in results.items():
        figures |= result.success.figures(f"{name}.success")
        figures[f"{name}.bound"] = result.bound
    return figures
