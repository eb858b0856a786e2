"""Deliveries that are sampled are those of theory, with and without loss."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.flows.rates import flows_of
from simulations.flows.timing import timing_of
from simulations.latency import make_latency
from simulations.scenario import Scenario, change
from simulations.seeds import Seeds
from simulations.vector.delivery import MESSAGES, sample_deliveries


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("packets", [1, 4])
def test_messages_take_what_theory_says(loss: float, packets: int) -> None:
    scenario = change(Scenario(), {"links.loss": loss, "users.packets_per_message": packets, "links.latency_s": 0.02})
    seeds, generator = Seeds(scenario.seeds, replicate=0), np.random.default_rng(1)
    latencies_s = generator.gamma(4, 0.2, 200_000) + 5 * 0.02
    times_s = sample_deliveries(
        scenario, latencies_s, latency=make_latency(scenario, seeds), generator=np.random.default_rng(2)
    )
    theory = timing_of(scenario, flows_of(scenario), seeds).delivery
    assert times_s is not None
    assert theory is not None
    # H0: the law is that of theory, but for repetitions that come once in ten thousand times (up to a per cent of the
    # mean). 100,000 messages, five standard errors.
    error_s = 5 * float(times_s.std()) / MESSAGES**0.5
    assert times_s.mean() == pytest.approx(theory.mean_s, abs=error_s + (0.01 * theory.mean_s if loss else 0.0))
    assert float(np.quantile(times_s, 0.5)) == pytest.approx(theory.quantile_s(0.5), rel=0.02)
