"""The entropy that a mix measures itself: its expectation against the deployed estimate in an M/M/infinity queue."""

from __future__ import annotations

import heapq
import random

import pytest

from loopixmix.errors import MisuseError
from loopixmix.observing.anonymity import LiveEntropy
from simulations.formulas.entropy import one_mix_entropy_bits
from simulations.formulas.live_entropy import live_entropy_bits


def measured_bits(pool: float, *, departures: int, seed: int) -> tuple[float, float]:
    """Drive the deployed estimate; return its mean over departures and the standard error, by means of batches."""
    rng = random.Random(seed)
    live, leaving = LiveEntropy(), list[float]()
    batches, size = list[float](), departures // 50
    next_s, total, count = rng.expovariate(pool), 0.0, 0
    while len(batches) < 50:
        if leaving and leaving[0] < next_s:
            heapq.heappop(leaving)
            live.departed()
            if live.departures > 30 * pool:
                total, count = total + live.bits, count + 1
                if count == size:
                    batches.append(total / size)
                    total, count = 0.0, 0
        else:
            live.arrived()
            heapq.heappush(leaving, next_s + rng.expovariate(1.0))
            next_s += rng.expovariate(pool)
    mean = sum(batches) / 50
    variance = sum((batch - mean) ** 2 for batch in batches) / 49
    return mean, (variance / 50) ** 0.5


@pytest.mark.parametrize("pool", [0.5, 3.0, 20.0])
def test_the_expectation_is_what_the_deployed_estimate_shows(pool: float) -> None:
    # H0: the chain's expectation is the mean of LiveEntropy; 50,000 departures; six standard errors of 50 batch means
    # (t with 49 degrees of freedom): false alarms below 1e-6 each.
    mean, error = measured_bits(pool, departures=50_000, seed=5)
    assert error < 0.02
    assert abs(mean - live_entropy_bits(pool)) < 6 * error


@pytest.mark.parametrize(
    ("delay_rate_per_s", "published"),
    [
        (2.0, (7.092, 8.092, 8.677, 9.093, 9.415)),
        (20.0, (3.755, 4.766, 5.353, 5.766, 6.090)),
        (0.2, (10.417, 11.415, 12.000, 12.416, 12.738)),
    ],
)
def test_loopix_figure_4(delay_rate_per_s: float, published: tuple[float, ...]) -> None:
    for rate_per_s, bits in zip((100, 200, 300, 400, 500), published, strict=True):
        assert live_entropy_bits(rate_per_s / delay_rate_per_s) == pytest.approx(bits, abs=0.012)


@pytest.mark.parametrize("pool", [100.0, 1000.0, 19_000.0])
def test_it_approaches_the_closed_form_of_one_mix(pool: float) -> None:
    assert live_entropy_bits(pool) == pytest.approx(one_mix_entropy_bits(pool, 1.0), abs=0.1 / pool)


def test_it_goes_on_smoothly_where_the_closed_form_takes_over() -> None:
    assert live_entropy_bits(20_001.0) == pytest.approx(live_entropy_bits(19_999.0), abs=2e-4)


def test_without_packets_there_is_nothing_to_measure() -> None:
    with pytest.raises(MisuseError):
        live_entropy_bits(0.0)
