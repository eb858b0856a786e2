"""Queues: what waits for its delay (M/M/infinity), and what waits for a processor (M/D/c), a turn or a pull."""

from __future__ import annotations

from math import ceil, exp, inf, lgamma, log, sqrt

from scipy.special import gammaincc

from loopixmix.errors import MisuseError


def pool_mean(rate_per_s: float, delay_mean_s: float) -> float:
    """Return the packets that a mix holds: rate x delay. The number is Poisson distributed (Loopix, Lemma 1)."""
    return rate_per_s * delay_mean_s


def poisson_probability(count: int, mean: float) -> float:
    """Return the probability of `count` if the mean is `mean`."""
    if mean == 0:
        return 1.0 if count == 0 else 0.0
    # In logarithms, because mean^count and count! overflow.
    return exp(count * log(mean) - mean - lgamma(count + 1))


def poisson_quantile(mean: float, probability: float) -> int:
    """Return the least count that a Poisson number exceeds with 1 - `probability` at most."""
    if not 0 <= probability < 1:
        raise MisuseError(f"a quantile's probability lies between 0 and 1, unlike {probability}")
    # By halving: an inverse of the incomplete gamma function is a real number, and rounding it can miss by one.
    low, high = -1, max(1, ceil(mean + 40 * sqrt(mean) + 40))
    while high - low > 1:
        middle = (low + high) // 2
        if float(gammaincc(middle + 1, mean)) >= probability:
            high = middle
        else:
            low = middle
    return high


def held_overflow_share(pool: float, held_packets: int) -> float:
    """Return the share that finds a pool full which holds at most `held_packets`: Erlang's loss formula (M/G/c/c).

    `pool`: rate x delay, what the pool would hold without a bound.
    """
    # Forty standard deviations away the probability is below every float, and scenarios may have a million mixes.
    if pool <= 0 or held_packets > pool + 40 * sqrt(pool) + 40:
        return 0.0
    if pool < held_packets:
        return poisson_probability(held_packets, pool) / float(gammaincc(held_packets + 1, pool))
    # The same, if both are too small for a float: 1 / B = 1 + c/a + c (c - 1)/a^2 + ...
    inverse, term = 1.0, 1.0
    for left in range(held_packets, 0, -1):
        term *= left / pool
        inverse += term
        # Nothing that follows changes the sum: the terms fall faster than geometrically.
        if term < 1e-17 * inverse:
            break
    return 1 / inverse


def utilisation(rate_per_s: float, service_s: float, cores: int) -> float:
    """Return the share of its processors' time that a node works: rate x service / cores. From 1 on it fails."""
    return rate_per_s * service_s / cores


def md1_wait_mean_s(rate_per_s: float, service_s: float) -> float:
    """Return the mean wait for one processor, equal service times: rho c / (2 (1 - rho)) (Pollaczek-Khinchine).

    Exact for Poisson arrivals. Infinite from a utilisation of 1 on.
    """
    rho = utilisation(rate_per_s, service_s, 1)
    return inf if rho >= 1 else rho * service_s / (2 * (1 - rho))


def erlang_c(offered: float, cores: int) -> float:
    """Return the probability that all of `cores` processors are busy (M/M/c); `offered`: rate x service, below them."""
    if not 0 <= offered < cores:
        raise MisuseError(f"{cores} processors cannot do {offered} processors' work")
    # Erlang's recursion for B, from no server on: the factorials of its closed form overflow from 171 cores on.
    blocked = 1.0
    for core in range(1, cores + 1):
        blocked = offered * blocked / (core + offered * blocked)
    return cores * blocked / (cores - offered * (1 - blocked))


def mmc_wait_mean_s(rate_per_s: float, service_mean_s: float, cores: int) -> float:
    """Return the mean wait for one of `cores` processors, exponential service times (M/M/c, exact)."""
    offered = rate_per_s * service_mean_s
    if offered >= cores:
        return inf
    return erlang_c(offered, cores) * service_mean_s / (cores - offered)


def mdc_wait_mean_s(rate_per_s: float, service_s: float, cores: int) -> float:
    """Return the mean wait for one of `cores` processors, equal service times.

    One processor: exact. More: half the wait of M/M/c with the correction of Cosmetatos (1975), within some per cent:
    `W = 1/2 (1 + (1 - rho) (c - 1) (sqrt(4 + 5 c) - 2) / (16 rho c)) W(M/M/c)`.
    """
    if cores == 1:
        return md1_wait_mean_s(rate_per_s, service_s)
    rho = utilisation(rate_per_s, service_s, cores)
    if rho >= 1 or rho == 0:
        return inf if rho >= 1 else 0.0
    correction = 1 + (1 - rho) * (cores - 1) * (sqrt(4 + 5 * cores) - 2) / (16 * rho * cores)
    return correction * mmc_wait_mean_s(rate_per_s, service_s, cores) / 2


def turn_wait_mean_s(turns_per_s: float, messages_per_s: float, packets_per_message: int) -> float:
    """Return how long a message waits until its last packet has left, on average.

    The payload stream gives turns as a Poisson process, whether or not there is something to send; a message takes
    `packets_per_message` of them, after those before it: M/G/1 with Erlang(n, turns) services (Pollaczek-Khinchine).
    """
    service_s = packets_per_message / turns_per_s
    rho = messages_per_s * service_s
    if rho >= 1:
        return inf
    # Of an Erlang time: n (n + 1) / rate^2. The Pollaczek-Khinchine wait needs it, and the mean alone would do only for
    # constant services.
    second_moment = packets_per_message * (packets_per_message + 1) / turns_per_s**2
    return service_s + messages_per_s * second_moment / (2 * (1 - rho))


def pull_wait_mean_s(pulls_per_s: float) -> float:
    """Return how long something waits in a mailbox for the next pull, on average: half an interval.

    Uniform between 0 and the interval, if the mailbox is emptied by each pull.
    """
    return 0.5 / pulls_per_s
