"""Bytes and money of a scenario."""

from __future__ import annotations

import pytest

from simulations.flows import traffic as accounts
from simulations.flows.rates import flows_of
from simulations.scenario import Scenario, change


def test_frames_have_the_deployed_size() -> None:
    assert accounts.frame_bytes(Scenario()) == 2822


def test_money_by_hand() -> None:
    scenario = change(Scenario(), {"prices.core_month": 10.0, "prices.traffic_gb": 0.01, "processors.cores": 2})
    flows = flows_of(scenario)
    frames = sum(stage.packets_per_s + stage.ending_per_s for stage in flows.mixes) + flows.stages[0].ending_per_s
    sent = (frames + 1000 * 9) * 2822 * 86_400 * 30
    assert accounts.machines(scenario) == 11
    assert accounts.month_cost(scenario) == pytest.approx(11 * 2 * 10 + sent / 1e9 * 0.01)
    assert accounts.cost_user_month(scenario) == pytest.approx(accounts.month_cost(scenario) / 1000)
