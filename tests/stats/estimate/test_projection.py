"""Projected shares are possible, and no possible shares are nearer."""

from __future__ import annotations

import numpy as np
import pytest

from stats.estimate.projection import onto_simplex, onto_unit


def test_projected_shares_are_possible_and_nearest() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        raw = rng.normal(0.2, 0.4, 5)
        projected = onto_simplex(raw)
        assert projected.min() >= 0
        assert projected.sum() == pytest.approx(1)
        others = rng.dirichlet(np.ones(5), 200)
        assert (((others - raw) ** 2).sum(axis=1) >= ((projected - raw) ** 2).sum() - 1e-12).all()


def test_possible_shares_stay() -> None:
    assert onto_simplex(np.array([0.2, 0.8, 0.0])).tolist() == pytest.approx([0.2, 0.8, 0.0])
    assert onto_simplex(np.array([])).tolist() == []


def test_shares_of_options_are_cut_each_for_itself() -> None:
    assert onto_unit(np.array([-0.1, 0.5, 1.2])).tolist() == [0.0, 0.5, 1.0]
