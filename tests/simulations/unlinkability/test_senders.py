"""The streams of the two challenge senders."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulations.unlinkability.senders import carries_payload, poisson_times

LIMIT = 4.9


@given(gaps=st.lists(st.floats(0.01, 5.0), max_size=40), period=st.sampled_from([0.5, 1.0, 3.0]))
def test_payloads_are_those_that_a_queue_lets_go(gaps: list[float], period: float) -> None:
    times = np.cumsum(gaps)
    expected, queued = [], 0
    for at_s in times:
        waiting = math.floor(at_s / period) - queued
        expected.append(waiting > 0)
        queued += waiting > 0
    padded = np.concatenate([times, [np.inf, np.inf]])[None]
    assert carries_payload(padded, period)[0].tolist() == [*expected, False, False]


def test_a_poisson_stream_has_the_mean_and_the_variance_of_one() -> None:
    counts = np.isfinite(poisson_times(2.0, 50.0, 4000, np.random.default_rng(5))).sum(axis=1)
    # H0: Poisson(100). Of 4,000 counts the mean has standard error 0.158, variance/mean sqrt(2/4000).
    assert abs(counts.mean() - 100) < LIMIT * 0.158
    assert abs(counts.var(ddof=1) / 100 - 1) < LIMIT * math.sqrt(2 / 4000) * 1.1
