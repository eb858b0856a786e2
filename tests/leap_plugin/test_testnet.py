"""What mail needs of a test network."""

from __future__ import annotations

from leap_plugin.testnet import PORT_OFFSETS, mail_additions
from loopixmix.testnet.applications import plan_with
from loopixmix.testnet.plan import TestnetPlan, planned_nodes


def test_two_clients_and_a_bridge_join_the_network() -> None:
    plan = TestnetPlan(base_port=31_000, providers=1)
    joined = plan.with_additions(mail_additions(plan))
    assert [(client.name, client.provider) for client in joined.clients] == [("mail-alice", 1), ("mail-bob", 1)]
    [bridge] = joined.programs
    assert "mail-alice@provider-1" in bridge.command
    assert bridge.command[-3:] == ("--ports", "31090", "31091")


def test_the_ports_are_no_nodes() -> None:
    plan = TestnetPlan(base_port=31_000, width=10, providers=10)
    assert {node.port for node in planned_nodes(plan)}.isdisjoint(31_000 + offset for offset in PORT_OFFSETS)


def test_it_is_found_by_its_name() -> None:
    assert [client.name for client in plan_with(TestnetPlan(), ["mail"]).clients] == ["mail-alice", "mail-bob"]
