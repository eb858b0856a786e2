"""The plan of a world's network."""

from __future__ import annotations

import random

import pytest

from loopixmix.directory import Role
from simulations.flows.deployed import epoch_length_for
from simulations.scenario import Scenario
from simulations.world.network import START_S, NetworkPlan


@pytest.mark.parametrize(("delay_mean_s", "length_s"), [(0.2, 3600), (130.0, 3600), (200.0, 7200), (3600.0, 115_200)])
def test_an_epoch_has_room_for_the_longest_delay(delay_mean_s: float, length_s: int) -> None:
    assert epoch_length_for(delay_mean_s) == length_s
    assert START_S % length_s == 0


def test_a_document_has_every_node_with_keys_of_two_epochs() -> None:
    plan = NetworkPlan(Scenario(), rng=random.Random(1), start_s=START_S, epoch_length_s=3600)
    epoch = plan.epoch(START_S)
    document = plan.document(epoch, START_S)
    assert {entry.id for entry in document.nodes} == {node.identity for node in plan.nodes}
    assert [entry.role for entry in document.nodes].count(Role.PROVIDER) == 2
    assert {tuple(entry.mix_keys) for entry in document.nodes} == {(epoch, epoch + 1)}
    assert plan.starts_at_s(epoch) == START_S
    assert [node.place for node in plan.nodes] == list(range(11))


def test_the_same_randomness_makes_the_same_network() -> None:
    plans = [NetworkPlan(Scenario(), rng=random.Random(3), start_s=START_S, epoch_length_s=3600) for _ in range(2)]
    one, other = (plan.document(plan.epoch(START_S), START_S) for plan in plans)
    assert one == other
