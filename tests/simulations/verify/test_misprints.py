"""Where the papers contradict themselves, and which of the two it is: see docs/published-figures.md."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from loopixmix.observing.anonymity import LiveEntropy
from simulations.formulas.latency import erlang_mean_s, erlang_sd_s
from simulations.formulas.posteriors import new_packet_posterior, old_packet_posterior
from simulations.verify import publications


def _by_enumeration(arrived: int, left: int, new: int, loops: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """Return P(old), P(new), P(loop) with mu = 1: all sets that may be left are as likely, then the first of clocks."""
    sets = list(combinations(range(arrived), left))
    total = left + new + loops  # rates of the clocks that run: one for each packet, and the loops'
    with_first = Fraction(sum(0 in held for held in sets), len(sets))
    return with_first / total, 1 / total, loops / total


@pytest.mark.parametrize(("arrived", "left", "new", "loops"), [(5, 2, 3, 2), (6, 4, 1, 0), (7, 3, 3, 5)])
def test_theorem_2_is_right_in_the_appendix_and_swapped_in_the_body(
    arrived: int, left: int, new: int, loops: int
) -> None:
    old, fresh, loop = _by_enumeration(arrived, left, new, Fraction(loops))
    ours_old = old_packet_posterior(arrived, left, new, delay_rate_per_s=1.0, loop_rate_per_s=float(loops))
    ours_new = new_packet_posterior(left, new, delay_rate_per_s=1.0, loop_rate_per_s=float(loops))
    assert ours_old == pytest.approx(float(old))
    assert ours_new == pytest.approx(float(fresh))
    # Somebody departs: n old ones, l new ones and the loops add up to 1. The body's lines, the other way round, do not.
    assert arrived * old + new * fresh + loop == 1
    body_old, body_new = fresh, old
    assert arrived * body_old + new * body_new + loop > 1


def test_equation_5_and_theorem_1_mean_the_opposite_by_k_and_l() -> None:
    # Three arrive, one departs, one arrives, one departs: Theorem 1 has k = 2 left and l = 1 new, eq. 5 k = 1, l = 2.
    live = LiveEntropy()
    for _ in range(3):
        live.arrived()
    live.departed()
    live.arrived()
    live.departed()
    brute = _bits([Fraction(2, 9)] * 3 + [Fraction(1, 3)])
    assert old_packet_posterior(3, 2, 1) == pytest.approx(2 / 9)
    assert new_packet_posterior(2, 1) == pytest.approx(1 / 3)
    assert live.bits == pytest.approx(brute)
    assert _equation_5(new=1, old=2, previous=math.log2(3)) == pytest.approx(brute)
    assert abs(_equation_5(new=2, old=1, previous=math.log2(3)) - brute) > 0.1


def _bits(probabilities: list[Fraction]) -> float:
    assert sum(probabilities) == 1
    return -sum(float(p) * math.log2(p) for p in probabilities)


def _equation_5(*, new: int, old: int, previous: float) -> float:
    share = new / (new + old)
    choice = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    return choice + share * math.log2(new) + (1 - share) * previous


def test_mu_is_a_rate_and_not_the_mean_delay_that_table_1_calls_it() -> None:
    # Fig. 10: "Exp(2)" at four hops, and a mean of 1.93 s. As a mean delay 2 would give 8 s, as a rate it gives 2 s.
    as_rate, as_mean = erlang_mean_s(4, 1 / 2.0), erlang_mean_s(4, 2.0)
    fit = publications.LOOPIX_FIG_10_FIT_MEAN_S
    assert abs(as_rate - fit) < 0.1 < 5 < abs(as_mean - fit)
    # Fig. 4: the curve of mu = 0.2 lies above that of mu = 20: larger mu, shorter delay.
    bits = {one.delay_rate_per_s: one.bits for one in publications.LOOPIX_FIG_4 if one.rate_per_s == 100.0}
    assert bits[0.2] > bits[2.0] > bits[20.0]


def test_the_fit_of_figure_10_is_no_gamma_of_four_hops_whatever_overhead_is_added() -> None:
    mean, sd = publications.LOOPIX_FIG_10_FIT_MEAN_S, publications.LOOPIX_FIG_10_FIT_SD_S
    assert mean < erlang_mean_s(4, 0.5)  # overhead only adds
    assert sd < erlang_sd_s(4, 0.5)  # and so does its variance
    assert (mean / sd) ** 2 == pytest.approx(4.92, abs=0.01)  # hops, where theory has 4
    # What it is near to: the same Gamma without the slowest 2 % of the loops, those above 4.5 s.
    latencies = np.random.default_rng(4).gamma(4.0, 0.5, 400_000)
    cut = latencies[latencies < 4.5]
    assert 0.97 < cut.size / latencies.size < 0.985
    assert cut.mean() == pytest.approx(mean, abs=0.01)
    assert cut.std() == pytest.approx(sd, abs=0.025)


def test_messages_do_reach_the_eighth_layer_within_100_units() -> None:
    # Loopix 4.3.1 explains a bump between five and eight layers by messages that do not. P(Erlang(8, 1) > 50) is the
    # chance of fewer than 8 events of a Poisson process with mean 50.
    late = math.exp(-50.0) * sum(50.0**number / math.factorial(number) for number in range(8))
    assert late < 1e-12
    by_layers = [one.epsilon for one in publications.LOOPIX_FIG_6]
    assert by_layers == sorted(by_layers, reverse=True)  # no bump; the sd is about the mean
