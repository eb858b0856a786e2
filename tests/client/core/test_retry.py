from __future__ import annotations

import pytest

from client.core.retry import RetryPolicy, exceedance, quantile_s, round_trip_policy
from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams


def test_the_wait_doubles_up_to_a_limit_with_jitter() -> None:
    policy = RetryPolicy(first_s=4.0, longest_s=20.0)
    assert [policy.timeout_s(attempt, 0.0) for attempt in (1, 2, 3, 4, 10_000)] == [4.0, 8.0, 16.0, 20.0, 20.0]
    assert policy.timeout_s(1, 1.0) == 6.0
    assert RetryPolicy(first_s=40.0, longest_s=20.0).timeout_s(3, 0.0) == 40.0


def test_the_first_wait_covers_the_delays_and_two_pulls() -> None:
    params = NetworkParams(delay_mean_s=0.5, pull_rate_per_s=0.25, layers=3)
    policy = round_trip_policy(params, longest_s=3600)
    assert exceedance(8, 0.5, policy.first_s - 2 - 8) == pytest.approx(1e-4, rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "time", "probability"),
    # Tables of the chi-squared distribution with 2 * shape degrees of freedom: P(X > 2 t).
    [(1, 2.3025850929940455, 0.1), (5, 18.307038 / 2, 0.05), (8, 31.999927 / 2, 0.01), (10, 45.314747 / 2, 0.001)],
)
def test_the_gamma_distribution_agrees_with_tables(shape: int, time: float, probability: float) -> None:
    assert exceedance(shape, 1.0, time) == pytest.approx(probability, rel=1e-5)
    assert quantile_s(shape, 3.0, probability) == pytest.approx(3 * time, rel=1e-6)


def test_the_gamma_distribution_at_its_edges() -> None:
    assert exceedance(3, 1.0, 0.0) == 1.0
    assert exceedance(3, 1.0, -1.0) == 1.0
    assert exceedance(3, 1.0, 1e4) == 0.0
    for shape, mean_s in ((0, 1.0), (1, 0.0)):
        with pytest.raises(MisuseError):
            exceedance(shape, mean_s, 1.0)
    for probability in (0.0, 1.0):
        with pytest.raises(MisuseError):
            quantile_s(1, 1.0, probability)
