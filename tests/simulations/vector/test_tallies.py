"""What is counted while journeys stream by."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.vector.tallies import Latencies, Window

WINDOW = Window(10.0, 20.0)


def test_stays_count_as_far_as_they_lie_in_the_window() -> None:
    enters, leaves = np.array([5.0, 12.0, 19.0, 30.0]), np.array([11.0, 13.0, 25.0, 31.0])
    assert WINDOW.held_s(enters, leaves) == pytest.approx(1.0 + 1.0 + 1.0)
    assert WINDOW.held_s(enters[1:2], leaves[1:2]) == 1.0
    assert WINDOW.held_s(enters[:0], leaves[:0]) == 0.0
    assert WINDOW.count(np.array([9.9, 10.0, 19.9, 20.0])) == 2


def test_mean_and_spread_are_of_all_and_the_sample_of_one_in_each_stride() -> None:
    latencies, values = Latencies(stride=3), np.random.default_rng(1).exponential(1.0, 100)
    for piece in np.array_split(values, 7):
        latencies.add(piece, 0.25)
    assert latencies.samples_s.tolist() == values[::3].tolist()
    assert latencies.waits_s.tolist() == (values[::3] - 0.25).tolist()
    found = latencies.distribution()
    assert (found.count, found.mean, found.sd) == (100, pytest.approx(values.mean()), pytest.approx(values.std(ddof=1)))
