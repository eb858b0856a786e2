"""The pool and the output of a mix (Loopix, Lemma 1), and eq. 5 against the posterior that it abbreviates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.random import Generator

from loopixmix.observing.anonymity import LiveEntropy
from simulations.formulas.queues import pool_mean
from simulations.verify.rows import SHARE_ERRORS, Case, Effort, Row

_FALSE_ALARM = 1e-6
# Looks at a pool so many mean delays apart share a packet in one of 3,000, and count as independent.
_APART_MEANS = 8.0


def lemma_rows(rate_per_s: float, delay_mean_s: float, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Send a Poisson stream through a mix; look at its pool now and then, and at the gaps of what leaves."""
    looks = effort.trials(40_000)
    apart_s = _APART_MEANS * delay_mean_s
    warm_up_s = 30 * delay_mean_s
    until_s = warm_up_s + looks * apart_s
    arrivals = np.sort(generator.uniform(0, until_s, generator.poisson(rate_per_s * until_s)))
    departures = np.sort(arrivals + generator.exponential(delay_mean_s, arrivals.size))
    at_s = warm_up_s + apart_s * np.arange(looks)
    pools = np.searchsorted(arrivals, at_s) - np.searchsorted(departures, at_s)
    left = np.searchsorted(departures, [warm_up_s, until_s])
    # Gaps that lie apart: the Kolmogorov-Smirnov test wants independent ones.
    gaps = np.diff(departures[left[0] : left[1]])[:: max(1, int(rate_per_s * apart_s))][:looks]
    pool, setting = pool_mean(rate_per_s, delay_mean_s), f"lambda={rate_per_s:g} mu={1 / delay_mean_s:g}"
    errors = SHARE_ERRORS
    spread = errors * math.sqrt((2 + 1 / pool) / looks)
    because = f"{errors:g} standard errors of {looks:,} looks {_APART_MEANS:g} mean delays apart"
    return [
        _theory_row(f"{setting}, pool: mean", float(pools.mean()), pool, errors * math.sqrt(pool / looks), because),
        _theory_row(f"{setting}, pool: variance/mean", float(pools.var() / pools.mean()), 1.0, spread, because),
        _theory_row(
            f"{setting}, pool: from Poisson",
            *_distance_to_poisson(pools, pool),
            f"total variation from Poisson: what chance alone makes it, false alarm {_FALSE_ALARM:g}",
        ),
        _theory_row(
            f"{setting}, output: KS",
            _ks_distance(gaps, rate_per_s),
            0.0,
            math.sqrt(-math.log(_FALSE_ALARM / 2) / 2 / gaps.size),
            f"gaps of the output, Kolmogorov-Smirnov to Exp(lambda), {gaps.size:,} gaps, false alarm {_FALSE_ALARM:g}",
        ),
    ]


def _theory_row(setting: str, simulated: float, theory: float, within: float, reason: str) -> Row:
    return Row(
        figure="loopix-lemma1",
        setting=setting,
        unit="",
        simulated=simulated,
        theory=theory,
        theory_within=within,
        reason=reason,
    )


def _distance_to_poisson(pools: np.ndarray[tuple[int], np.dtype[np.int64]], mean: float) -> tuple[float, float, float]:
    """Return the total variation distance between what was seen and Poisson, 0, and what chance alone may make it.

    Its expectation is at most half the sum of sqrt(p / n), and it exceeds it by t with probability below
    exp(-2 n t^2) (McDiarmid): that t is added for the false alarm.
    """
    looks = pools.size
    numbers = np.arange(max(int(pools.max()), int(mean + 12 * math.sqrt(mean) + 12)) + 1)
    law = np.exp(numbers * math.log(mean) - mean - np.array([math.lgamma(number + 1) for number in numbers]))
    seen = np.bincount(pools, minlength=numbers.size) / looks
    distance = float(np.abs(seen - law).sum() / 2)
    expected = float(np.sqrt(law * (1 - law) / looks).sum() / 2)
    return distance, 0.0, expected + math.sqrt(-math.log(_FALSE_ALARM) / 2 / looks)


def _ks_distance(gaps: np.ndarray[tuple[int], np.dtype[np.float64]], rate_per_s: float) -> float:
    law = -np.expm1(-rate_per_s * np.sort(gaps))
    steps = np.arange(gaps.size + 1) / gaps.size
    return float(max(np.abs(law - steps[:-1]).max(), np.abs(law - steps[1:]).max()))


def equation_5_rows(rate_per_s: float, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Feed the deployed `LiveEntropy` and, beside it, follow the mass of every arrival; mu = 1."""
    live, masses = LiveEntropy(), np.zeros(0)
    worst = 0.0
    for _ in range(effort.trials(8_000)):
        held = masses.sum()  # the probabilities of who is there add up to how many are
        if generator.random() * (rate_per_s + held) < rate_per_s:
            live.arrived()
            masses = np.append(masses, 1.0)
            continue
        posterior = masses / held
        there = posterior[posterior > 0]
        live.departed()
        worst = max(worst, abs(live.bits + float(np.sum(there * np.log2(there)))))
        masses = masses - posterior
        # Otherwise the array would grow with every arrival; what is let go is far below the tolerance.
        masses = masses[masses > 1e-13] if held > 1.5 else masses[:0]
    return [
        Row(
            figure="loopix-eq5",
            setting=f"lambda={rate_per_s:g}mu, largest gap",
            unit="bit",
            simulated=worst,
            theory=0.0,
            theory_within=1e-6,
            reason="the posterior of each departure over all arrivals, whose mass below 1e-13 is let go",
        )
    ]


CASES = (
    *(
        Case("loopix-lemma1", f"lambda={rate:g} mu={mu:g}", partial(lemma_rows, rate, 1 / mu), 3.0)
        for rate, mu in ((100.0, 2.0), (5.0, 1.0))
    ),
    *(Case("loopix-eq5", f"lambda={rate:g}mu", partial(equation_5_rows, rate)) for rate in (0.7, 8.0)),
)
