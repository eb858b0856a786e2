"""Quantiles and means from noisy numbers have intervals that hold."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stats.central.answers import NoisyValue, answer_rows
from stats.central.asking.parsing import parse_question
from stats.central.measuring import NoisyNumbers
from stats.central.plan import MeasuringPlan, plan_of
from stats.central.terms import DataSetTerms, NumberColumn

TERMS = DataSetTerms(title="x", columns=(NumberColumn(name="age", lower="0", upper="127"),), eps="10")


def plan(measure: str, eps: Fraction = Fraction(1)) -> MeasuringPlan:
    return plan_of(parse_question(f"SELECT {measure} FROM x", "x", TERMS), TERMS, eps)


def answered(asked: MeasuringPlan, numbers: NoisyNumbers) -> NoisyValue:
    [row] = answer_rows(asked, {(): numbers})
    return row.values[0]


@pytest.mark.parametrize("level", [0.02, 0.5, 0.9])
def test_quantiles_hold_the_truth(level: float) -> None:
    # H0: the interval holds in 95 % of answers, or more, since its ends are edges. 600 draws of noise for one data set;
    # below 95 % - 4 * 0.9 % once in 30,000 seeds.
    rng, asked = np.random.default_rng(14), plan(f"quantile(age, {level})", Fraction(1, 2))
    ages = np.clip(rng.normal(50, 20, 2_000), 0, 127).round()
    true, counts = float(np.quantile(ages, level)), np.bincount((ages // 2).astype(int), minlength=64)
    alpha = np.exp(-1 / asked.of_rows.scale)
    held = 0
    for _ in range(600):
        noise = rng.geometric(1 - alpha, 64) - rng.geometric(1 - alpha, 64)
        made = answered(asked, NoisyNumbers(None, {}, {"age": (counts + noise).tolist()}))
        assert made.low <= made.value <= made.high
        held += made.low <= true <= made.high
    assert held / 600 > 0.95 - 4 * 0.009


def test_a_mean_divides_what_is_noisy() -> None:
    asked = plan("avg(age)")
    [total] = asked.sums
    made = answered(asked, NoisyNumbers(100, {total: -2_300}, {}))
    assert made.value == 63 - 23
    assert made.low < 40 < made.high


@pytest.mark.parametrize("count", [-50, 0, 1])
def test_a_mean_of_hardly_any_rows_is_anything(count: int) -> None:
    asked = plan("avg(age)")
    [total] = asked.sums
    made = answered(asked, NoisyNumbers(count, {total: 40}, {}))
    assert (made.low, made.high) == (0, 127)
    assert 0 <= made.value <= 127


@pytest.mark.parametrize("parts", [[0] * 64, [-5] * 64, [-5] * 63 + [5], [7] + [-9] * 63])
def test_a_quantile_of_hardly_any_rows_is_within_the_bounds(parts: list[int]) -> None:
    made = answered(plan("median(age)"), NoisyNumbers(None, {}, {"age": parts}))
    assert 0 <= made.low <= made.value <= made.high <= 127
