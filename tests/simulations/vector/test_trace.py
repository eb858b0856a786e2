"""Traces of the papers' networks, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from scipy import stats

from loopixmix.errors import MisuseError
from simulations.formulas.entropy import layered_entropy_bits, one_mix_entropy_bits
from simulations.formulas.live_entropy import live_entropy_bits
from simulations.vector.trace import Trace, trace

FALSE_ALARM = 1e-6


SIGMAS = float(stats.norm.ppf(1 - FALSE_ALARM / 2))


def runs_of(count: int, *, rate_per_s: float, layers: int, link_latency_s: float = 0.0) -> list[Trace]:
    return [
        trace(
            rate_per_s=rate_per_s,
            width=1,
            layers=layers,
            delay_mean_s=0.1,
            generator=generator,
            link_latency_s=link_latency_s,
            targets=20,
        )
        for generator in np.random.default_rng(8).spawn(count)
    ]


@pytest.mark.parametrize(("layers", "link_latency_s"), [(1, 0.0), (3, 0.0), (3, 0.05), (5, 0.0)])
def test_networks_have_the_pools_latencies_and_entropies_of_theory(layers: int, link_latency_s: float) -> None:
    """H0: the closed forms, a pool of 60. 12 networks, 20 targets in 2 s each; each test's false alarm is 1e-6.

    The entropy's interval is Student's over the 12 means, and the closed form itself may be 0.03 bit off; what all
    packets hold is a sum of Erlang stays over Poisson arrivals, nearly normal; latencies by Kolmogorov and Smirnov,
    over packets that lie apart (in one network all are independent).
    """
    rate_per_s, count, window_s = 600.0, 12, 2.0
    runs = runs_of(count, rate_per_s=rate_per_s, layers=layers, link_latency_s=link_latency_s)
    limit = float(stats.t.ppf(1 - FALSE_ALARM / 2, count - 1))
    theory = one_mix_entropy_bits(rate_per_s, 0.1) if layers == 1 else layered_entropy_bits(rate_per_s, 0.1, layers)
    for values, expected, tolerance in (
        ([run.entropies_bits.mean() for run in runs], theory, 0.03),
        ([run.live_bits.mean() for run in runs], live_entropy_bits(60.0), 0.0),
    ):
        error = float(np.std(values, ddof=1)) / count**0.5
        assert abs(float(np.mean(values)) - expected) < limit * error + tolerance
        assert limit * error < 0.2
    pool = np.mean([run.pool_mean for run in runs])
    pool_sd = 0.1 * (rate_per_s * layers * (layers + 1) / (window_s * count)) ** 0.5 / layers
    assert abs(pool - 60.0) < SIGMAS * pool_sd
    delays_s = np.concatenate([run.latencies_s for run in runs]) - (layers + 1) * link_latency_s
    assert len(delays_s) == pytest.approx(rate_per_s * window_s * count, abs=SIGMAS * 120)
    assert stats.kstest(delays_s[::10], "gamma", args=(layers, 0, 0.1)).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_per_s": 0.0},
        {"rate_per_s": float("nan")},
        {"rate_per_s": float("inf")},
        {"delay_mean_s": -1.0},
        {"delay_mean_s": float("nan")},
        {"link_latency_s": -0.1},
        {"link_latency_s": float("nan")},
        {"width": 0},
        {"layers": 0},
        {"targets": -1},
        {"spacing_s": 0.0},
        {"spacing_s": float("nan")},
        {"corrupt": np.zeros((1, 2), dtype=np.bool_)},
    ],
)
def test_traces_of_no_network_are_refused(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(MisuseError, match=name):
        _trace(np.random.default_rng(1), **wrong)


def _trace(generator: Generator, **changes: object) -> Trace:
    arguments: dict[str, object] = {"rate_per_s": 10.0, "width": 1, "layers": 2, "delay_mean_s": 0.1} | changes
    return trace(generator=generator, **arguments)  # type: ignore[arg-type]


def test_a_trace_without_targets_measures_all_else() -> None:
    found = _trace(np.random.default_rng(1), targets=0)
    assert not found.entropies_bits.size
    assert found.packets > 0
