"""Opening an account, and publishing its card."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from client.api import (
    BadRequestError,
    RegistrationRefusedError,
)
from client.core.settings import ClientSettings
from loopixmix.cards import CARD_BYTES
from loopixmix.errors import UnavailableError
from tests.worlds.clients.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def test_a_registration_needs_its_invitation() -> None:
    world = World(invitation="secret")
    stranger = world.person()
    with pytest.raises(RegistrationRefusedError, match="valid invitation"):
        world.run(stranger.client.register("alice", "home", invitation="guess"))
    assert world.run(stranger.client.register("alice", "home", invitation="secret")) == "alice@home"
    world.stop()


def test_a_registration_waits_for_the_link_and_gives_up(world: World) -> None:
    stranger = world.person(settings=ClientSettings(patience_s=20.0))
    stranger.link.cut = True
    with pytest.raises(UnavailableError, match="home cannot be reached"):
        world.run(stranger.client.register("alice", "home"))
    asking = Deferred.fromCoroutine(stranger.client.register("alice", "home"))
    with pytest.raises(BadRequestError, match="under way"):
        world.run(stranger.client.register("alice", "away"))
    stranger.link.cut = False
    assert world.run(asking) == "alice@home"


def test_a_registration_without_a_document_gives_up(world: World) -> None:
    world.document = None
    stranger = world.person(settings=ClientSettings(patience_s=5.0))
    with pytest.raises(UnavailableError, match="no network document"):
        world.run(stranger.client.register("alice", "home"))


def test_stopping_ends_a_registration(world: World) -> None:
    stranger = world.person()
    stranger.link.cut = True
    asking = Deferred.fromCoroutine(stranger.client.register("alice", "home"))
    world.clock.run_for(1)
    stranger.stop()
    with pytest.raises(UnavailableError, match="stopping"):
        world.run(asking)


def test_registering_again(world: World) -> None:
    alice = world.person("alice@home")
    assert world.run(alice.client.register("alice", "home")) == "alice@home"
    with pytest.raises(BadRequestError, match="the account alice@home already"):
        world.run(alice.client.register("alice2", "home"))
    with pytest.raises(BadRequestError, match="invitation has at most"):
        world.run(alice.client.register("alice", "home", invitation="x" * 300))


def test_the_card_is_published_in_the_end(world: World) -> None:
    alice = world.person()
    world.loss = 1.0
    world.run(alice.client.register("alice", "home"))
    box = world.nodes["home"].mailboxes[alice.keys.identity_key.public]
    world.clock.run_for(10)
    assert box.version == 0
    alice.restart()
    world.loss = 0.0
    assert world.wait_for(lambda: box.version == 1, 600)
    world.clock.run_for(5)
    assert len(box.card) == CARD_BYTES
    alice.restart()
    asked = len(world.nodes["home"].requests)
    world.clock.run_for(30)
    assert len(world.nodes["home"].requests) == asked  # once is enough
