"""An authority that takes the protection away in the open, in documents that are signed as they should be."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from client.link.floors import Acceptance
from loopixmix.directory import Document
from loopixmix.params import NetworkParams
from tests.worlds.clients.world import QUICK, Person, World

PARAMS = msgspec.structs.replace(QUICK, pull_batch=8, epoch_length_s=120, grace_s=10)
"""A client lives through whole epochs here, and an hour of its packets would show no more than two minutes."""
NO_DELAYS = msgspec.structs.replace(PARAMS, delay_mean_s=0.001)
NO_COVER = msgspec.structs.replace(PARAMS, drop_rate_per_s=0.0001, loop_rate_per_s=0.0001)
FEW_PULLS = msgspec.structs.replace(PARAMS, pull_batch=1)


@pytest.fixture
def world() -> Iterator[World]:
    made = World(params=PARAMS)
    made.acceptance = Acceptance.REFUSE
    yield made
    made.stop()


def next_document(world: World, params: NetworkParams) -> Document:
    return msgspec.structs.replace(world.make_document(epochs_later=1), params=params)


def problem(world: World, person: Person) -> str:
    return world.run(person.client.status()).problem


@pytest.mark.parametrize(
    ("params", "told"),
    [
        (NO_DELAYS, "delay_mean_s = 0.001, at least 0.1 would be needed"),
        (NO_COVER, "loop_rate_per_s = 0.0001, at least 0.01; drop_rate_per_s = 0.0001, at least 0.01 would be needed"),
        (FEW_PULLS, "pulls fetch 2 items a second"),
    ],
)
def test_an_authority_that_takes_the_protection_away_is_not_followed(
    world: World, params: NetworkParams, told: str
) -> None:
    alice = world.person("alice@home")
    before = world.run(alice.client.status())
    alice.client.adopt(next_document(world, params))
    world.clock.run_for(10)
    after = world.run(alice.client.status())
    assert f"the network document of epoch {before.epoch + 1} is not used" in after.problem
    assert told in after.problem
    # The document before it holds, until it expires.
    assert (after.epoch, after.payload.rate_per_s) == (before.epoch, before.payload.rate_per_s)
    assert after.payload.sent > before.payload.sent
    # The next good one ends the trouble, when its time has come.
    world.clock.run_for(world.params.epoch_length_s)
    alice.client.adopt(world.make_document(epochs_later=1))
    assert problem(world, alice) == ""
    assert world.run(alice.client.status()).epoch == before.epoch + 1


def test_where_its_user_said_so_it_is_followed_and_stays_a_problem(world: World) -> None:
    world.acceptance = Acceptance.WARN
    alice = world.person("alice@home")
    assert problem(world, alice) == ""
    world.clock.run_for(world.params.epoch_length_s)
    alice.client.adopt(next_document(world, NO_DELAYS))
    for _ in range(3):
        world.clock.run_for(5)
        assert "this network does not protect you: delay_mean_s = 0.001" in problem(world, alice)
    assert not world.run(alice.client.status()).test_network
    # Without free places for mail nobody can live, whatever the user says.
    alice.client.adopt(next_document(world, FEW_PULLS))
    assert "is not used: pulls fetch" in problem(world, alice)


def test_on_a_test_network_nothing_is_asked_and_that_is_shown(world: World) -> None:
    world.acceptance = Acceptance.TEST
    alice = world.person("alice@home")
    alice.client.adopt(next_document(world, NO_DELAYS))
    status = world.run(alice.client.status())
    assert "not used" not in status.problem
    assert "does not protect" not in status.problem
    assert (status.epoch, status.test_network) == (world.model.epoch + 1, True)
    assert world.run(alice.client.network()).test_network
