"""The rates that a scenario implies, by hand."""

from __future__ import annotations

import pytest

from simulations.flows.rates import PROVIDERS, flows_of
from simulations.scenario import Scenario, change

SMALL: dict[str, object] = {
    "users.count": 10,
    "users.contacts": 3,
    "users.online_share": 0.5,
    "topology.layers": 2,
    "topology.mixes_per_layer": 3,
    "topology.providers": 2,
    "traffic.payload_rate_per_s": 2.0,
    "traffic.loop_rate_per_s": 1.0,
    "traffic.drop_rate_per_s": 1.0,
    "traffic.node_loop_rate_per_s": 0.5,
    "run.targets": 5,
}


def test_what_users_send_is_answered_but_for_drop_cover() -> None:
    flows = flows_of(change(Scenario(), SMALL))
    assert (flows.users_online, flows.forward_per_s, flows.replies_per_s) == (5.0, 20.0, 15.0)
    assert flows.links == 4


def test_loops_of_nodes_pass_all_layers_but_their_own() -> None:
    flows = flows_of(change(Scenario(), SMALL))
    # Three mixes a layer at 0.5/s: one other layer passes their loops. Two providers at 0.5/s pass every layer twice.
    assert [stage.packets_per_s for stage in flows.mixes] == [35 + 1.5 + 2.0] * 2
    assert [stage.ending_per_s for stage in flows.mixes] == [1.5] * 2
    providers = flows.stages[0]
    assert providers.name == PROVIDERS
    assert providers.packets_per_s == 35 + 2 * 1.5 + 1.0
    assert providers.ending_per_s == 35 + 2 * 1.5 + 2 * 1.0


def test_without_providers_there_are_only_the_mixes() -> None:
    flows = flows_of(change(Scenario(), SMALL | {"topology.providers": 0, "traffic.replies": False}))
    assert flows.stages == flows.mixes
    assert (flows.replies_per_s, flows.node_loops_per_s, flows.links) == (0.0, 0.0, 3)


def test_a_pool_is_rate_times_delay() -> None:
    flows = flows_of(change(Scenario(), SMALL | {"mix.delay_mean_s": 0.3}))
    assert flows.mixes[0].pool_mean == pytest.approx(38.5 * 0.3 / 3)
