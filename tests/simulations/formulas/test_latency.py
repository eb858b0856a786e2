"""Laws of times on a grid: against closed forms, numerical integration and draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from client.core.retry import quantile_s as client_quantile_s
from loopixmix.errors import MisuseError
from simulations.formulas.latency import (
    Grid,
    erlang,
    erlang_cdf,
    erlang_mean_s,
    erlang_quantile_s,
    erlang_sd_s,
    fixed,
    measured,
    piecewise,
    repeated,
    uniform,
)

GRID = Grid.up_to(30.0)


def test_four_hops_of_loopix_figure_10() -> None:
    assert erlang_mean_s(4, 0.5) == 2.0
    assert erlang_sd_s(4, 0.5) == 1.0


@pytest.mark.parametrize("stages", [1, 2, 4, 8, 9, 30])
def test_the_distribution_function_is_scipys(stages: int) -> None:
    times = np.linspace(0, 40, 200)
    np.testing.assert_allclose(erlang_cdf(stages, 0.5, times), gamma(stages, scale=0.5).cdf(times), atol=1e-13)


@given(stages=st.integers(1, 12), delay=st.floats(0.001, 10), probability=st.floats(0.001, 0.9999))
def test_quantiles_invert_the_distribution_function_and_agree_with_the_client(
    stages: int, delay: float, probability: float
) -> None:
    time_s = erlang_quantile_s(stages, delay, probability)
    assert float(erlang_cdf(stages, delay, time_s)) == pytest.approx(probability, abs=1e-9)
    assert time_s == pytest.approx(client_quantile_s(stages, delay, 1 - probability), rel=1e-6)


@given(stages=st.integers(1, 6), delay=st.floats(0.05, 0.5))
@settings(max_examples=20)
def test_a_law_on_the_grid_has_the_moments_and_quantiles_of_the_closed_form(stages: int, delay: float) -> None:
    law = erlang(GRID, stages, delay)
    assert float(law.masses.sum()) == pytest.approx(1.0, abs=1e-9)
    assert law.mean_s == pytest.approx(erlang_mean_s(stages, delay), rel=1e-6)
    assert law.sd_s == pytest.approx(erlang_sd_s(stages, delay), rel=1e-4)
    for probability in (0.05, 0.5, 0.95, 0.999):
        assert law.quantile_s(probability) == pytest.approx(
            erlang_quantile_s(stages, delay, probability), abs=GRID.step_s
        )


def test_delays_one_after_the_other_are_one_erlang_distribution() -> None:
    one = erlang(GRID, 1, 0.3)
    np.testing.assert_allclose(one.then(one, one, one).cdf, erlang(GRID, 4, 0.3).cdf, atol=1e-6)
    np.testing.assert_allclose(repeated(one, 4).masses, one.then(one, one, one).masses)
    assert repeated(one, 0).mean_s == 0.0


def test_uniform_links_are_convolved() -> None:
    law = erlang(GRID, 3, 0.2).then(repeated(uniform(GRID, 0.01, 0.1), 4))
    assert law.mean_s == pytest.approx(0.6 + 4 * 0.055, rel=1e-6)
    assert law.sd_s**2 == pytest.approx(3 * 0.04 + 4 * 0.09**2 / 12, rel=1e-4)
    generator = np.random.default_rng(8)
    drawn = generator.gamma(3, 0.2, 400_000) + generator.uniform(0.01, 0.1, (4, 400_000)).sum(axis=0)
    # H0: the draws have this law; the Kolmogorov bound (Dvoretzky, Kiefer, Wolfowitz) at 1e-8.
    shares = np.searchsorted(np.sort(drawn), GRID.times_s, side="right") / drawn.size
    assert np.abs(shares - law.cdf).max() < np.sqrt(np.log(2 / 1e-8) / (2 * drawn.size))


def test_piecewise_laws_have_the_mean_of_the_quantile_function() -> None:
    points = ((0.05, 0.01), (0.5, 0.0318), (0.9, 0.1666), (0.99, 0.3017))
    law = piecewise(GRID, points)
    probabilities, seconds = zip(*points, strict=True)
    between = float(np.trapezoid(seconds, probabilities))
    assert law.mean_s == pytest.approx(0.05 * 0.01 + between + 0.01 * 0.3017, rel=1e-6)
    assert law.quantile_s(0.7) == pytest.approx(float(np.interp(0.7, probabilities, seconds)), abs=2 * GRID.step_s)


def test_samples_keep_their_mean() -> None:
    samples = np.random.default_rng(1).uniform(0, 20, 1000)
    assert measured(GRID, samples).mean_s == pytest.approx(samples.mean(), rel=1e-9)


def test_a_fixed_time_is_exact_wherever_it_lies() -> None:
    for time_s in (1.2345678, 15_000.0):
        law = fixed(GRID, time_s).then(erlang(GRID, 2, 0.1))
        assert law.mean_s == pytest.approx(time_s + 0.2, rel=1e-9)
        assert law.sd_s == pytest.approx(erlang_sd_s(2, 0.1), rel=1e-4)
        assert law.quantile_s(0.95) == pytest.approx(time_s + erlang_quantile_s(2, 0.1, 0.95), abs=GRID.step_s)
    assert fixed(GRID, 1.25).from_zero().mean_s == pytest.approx(1.25)
    longer = erlang(GRID, 1, 0.5).longest_of(fixed(GRID, 0.7))
    assert longer.mean_s == pytest.approx(0.7 + 0.5 * np.exp(-0.7 / 0.5), abs=GRID.step_s)


def test_the_longer_of_two_delays() -> None:
    longer = erlang(GRID, 1, 0.5).longest_of(erlang(GRID, 1, 0.25))
    assert longer.mean_s == pytest.approx(0.5 + 0.25 - 1 / (2 + 4), abs=GRID.step_s)


def test_times_that_are_not_on_the_grid_are_refused() -> None:
    for wrong in (
        lambda: measured(GRID, [31.0]),
        lambda: fixed(GRID, -1.0),
        lambda: uniform(GRID, 29.0, 31.0),
        lambda: Grid.up_to(0.0),
        lambda: erlang_quantile_s(3, 0.1, 1.0),
        lambda: erlang_quantile_s(0, 0.1, 0.5),
    ):
        with pytest.raises(MisuseError):
            wrong()
