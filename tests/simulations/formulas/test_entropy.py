"""Entropy in closed form: against numerical integration, published figures and each other."""

from __future__ import annotations

from itertools import pairwise
from math import e, isclose, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import digamma as scipy_digamma
from scipy.stats import gamma

from loopixmix.errors import MisuseError
from simulations.formulas.entropy import (
    anonymity_set,
    digamma,
    erlang_entropy_nats,
    layered_entropy_bits,
    needed_delay_mean_s,
    needed_rate_per_s,
    one_mix_entropy_bits,
    two_layer_loss_bits,
)

RATES = st.floats(1.0, 1e7)
DELAYS = st.floats(1e-3, 100.0)
LAYERS = st.integers(1, 20)


def integrated_bits(rate_per_s: float, delay_mean_s: float, layers: int) -> float:
    """The definition: packets leave at `rate`, one that leaves t later has the mass f(t) / rate."""
    law = gamma(layers, scale=delay_mean_s)

    def summand(time_s: float) -> float:
        density = law.pdf(time_s)
        return -density * log2(density / rate_per_s) if density > 0 else 0.0

    borders = [law.ppf(share) for share in (0.0, 0.01, 0.5, 0.99, 1 - 1e-13)]
    return sum(quad(summand, low, high, epsabs=1e-11)[0] for low, high in pairwise(borders))


@pytest.mark.parametrize("layers", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("delay_mean_s", [0.05, 2.0])
def test_entropy_is_the_integral_it_stands_for(layers: int, delay_mean_s: float) -> None:
    assert layered_entropy_bits(5000, delay_mean_s, layers) == pytest.approx(
        integrated_bits(5000, delay_mean_s, layers), abs=1e-6
    )


@pytest.mark.parametrize("whole", [1, 2, 3, 10, 64])
def test_digamma_of_whole_numbers(whole: int) -> None:
    assert digamma(whole) == pytest.approx(float(scipy_digamma(whole)), abs=1e-12)


def test_three_layers_have_the_constant_that_is_quoted() -> None:
    assert layered_entropy_bits(1000, 0.2, 3) == pytest.approx(log2(1000 * 0.6) + 1.0805, abs=5e-5)


@pytest.mark.parametrize(("layers", "published"), [(1, 10.253), (3, 13.039), (5, 12.552), (10, 11.469)])
def test_mixim_figure_7a(layers: int, published: float) -> None:
    delay_mean_s = (1 - (layers + 1) * 0.05) / layers
    assert layered_entropy_bits(5000, delay_mean_s, layers, width=10) == pytest.approx(published, abs=0.03)


def test_mixim_figure_7a_of_two_layers_needs_the_loss_to_first_order() -> None:
    closed = layered_entropy_bits(5000, 0.425, 2, width=10)
    assert closed - 13.296 > 0.03
    assert closed - two_layer_loss_bits(10, 5000 * 0.425 / 10) == pytest.approx(13.296, abs=0.005)


@pytest.mark.parametrize(("layers", "published"), [(1, 7.111), (5, 12.070), (10, 12.634), (15, 12.933)])
def test_mixim_figure_5a(layers: int, published: float) -> None:
    assert layered_entropy_bits(5000, 0.1, layers, width=10) == pytest.approx(published, abs=0.03)


@pytest.mark.parametrize(("bits", "rate_per_s"), [(8, 151), (10, 605), (12, 2421), (14, 9684), (16, 38_736)])
def test_capacity_of_three_layers_in_one_second(bits: float, rate_per_s: float) -> None:
    # One second end to end: four links of 50 ms, and the rest is delay.
    assert needed_rate_per_s(bits, 3, 1 - 4 * 0.05) == pytest.approx(rate_per_s, abs=0.5)


def test_one_layer_is_one_mix_of_its_share() -> None:
    assert layered_entropy_bits(500, 0.9, 1, width=10) == one_mix_entropy_bits(50, 0.9) == log2(e * 45)


def test_below_one_packet_for_each_delay_one_mix_has_no_closed_form() -> None:
    with pytest.raises(MisuseError, match="one packet or more for each mean delay"):
        one_mix_entropy_bits(10, 0.09)


@given(rate_per_s=RATES, delay_mean_s=DELAYS, layers=st.integers(2, 20))
def test_entropy_rises_with_rate_and_delay(rate_per_s: float, delay_mean_s: float, layers: int) -> None:
    bits = layered_entropy_bits(rate_per_s, delay_mean_s, layers)
    assert isclose(layered_entropy_bits(2 * rate_per_s, delay_mean_s, layers), bits + 1, abs_tol=1e-9)
    assert isclose(layered_entropy_bits(rate_per_s, 2 * delay_mean_s, layers), bits + 1, abs_tol=1e-9)
    assert layered_entropy_bits(rate_per_s, delay_mean_s, layers + 1) > bits


@given(bits=st.floats(5, 40), total_s=st.floats(0.01, 1000), layers=LAYERS, width=st.integers(1, 50))
def test_the_needed_rate_gives_the_entropy(bits: float, total_s: float, layers: int, width: int) -> None:
    rate_per_s = needed_rate_per_s(bits, layers, total_s, width=width)
    assert isclose(layered_entropy_bits(rate_per_s, total_s / layers, layers, width=width), bits, abs_tol=1e-9)


@given(bits=st.floats(5, 40), rate_per_s=RATES, layers=LAYERS)
def test_the_needed_delay_gives_the_entropy(bits: float, rate_per_s: float, layers: int) -> None:
    delay_s = needed_delay_mean_s(bits, layers, rate_per_s)
    assert isclose(layered_entropy_bits(rate_per_s, delay_s, layers), bits, abs_tol=1e-9)


@given(layers=LAYERS, delay_mean_s=DELAYS)
def test_entropy_of_the_erlang_distribution_is_scipys(layers: int, delay_mean_s: float) -> None:
    expected = float(gamma.entropy(layers, scale=delay_mean_s))
    assert erlang_entropy_nats(layers, delay_mean_s) == pytest.approx(expected, abs=1e-8)


def test_the_anonymity_set_is_two_to_the_entropy() -> None:
    assert anonymity_set(10.0) == 1024.0


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_nonsense_is_refused(value: float) -> None:
    for wrong in (
        lambda: layered_entropy_bits(value, 0.1, 3),
        lambda: layered_entropy_bits(100, value, 3),
        lambda: one_mix_entropy_bits(value, 1.0),
        lambda: needed_rate_per_s(8, 3, value),
        lambda: needed_delay_mean_s(8, 3, value),
    ):
        with pytest.raises(MisuseError):
            wrong()
    with pytest.raises(MisuseError):
        digamma(0)
