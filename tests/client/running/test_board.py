"""What the client says of itself: one line about what matters most, in words for its user."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from client.api import (
    NotRegisteredError,
)
from client.running.board import MissingDocument
from loopixmix.seams import LoopLost, LoopReturned, LoopSent
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import QUICK, Person, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def problem(world: World, person: Person) -> str:
    return world.run(person.client.status()).problem


def test_all_is_well(world: World) -> None:
    alice = world.person("alice@home")
    world.clock.run_for(60)
    status = world.run(alice.client.status())
    assert (status.problem, status.connected, status.registered) == ("", True, True)
    assert status.epoch == world.model.epoch
    assert status.loops_returned > 10
    assert status.loops_lost == 0
    # 2 * 4 delays of 0.1 s, and half a pull.
    assert 0.8 < status.loop_round_trip_mean_s < 1.6
    assert 0.5 < status.expected_delivery_s < 2
    facts = [type(fact) for fact in alice.facts.facts]
    assert facts.count(LoopSent) == status.loop.sent
    assert facts.count(LoopReturned) == status.loops_returned


def test_without_a_document(world: World) -> None:
    alice = world.person("alice@home")
    world.document = None
    alice.restart()
    assert problem(world, alice) == "there is no network document yet"
    world.run(alice.client.contacts())


def test_with_an_expired_document(world: World) -> None:
    alice = world.person("alice@home")
    alice.link.cut = True
    world.clock.run_for(2 * 3600)
    alice.link.cut = False
    assert "the network document has expired" in problem(world, alice)
    sent = world.run(alice.client.status()).payload.sent
    world.clock.run_for(10)
    assert world.run(alice.client.status()).payload.sent == sent
    world.document = world.make_document(epochs_later=2)
    alice.client.adopt(world.document)
    world.clock.run_for(10)
    assert problem(world, alice) == ""
    assert world.run(alice.client.status()).payload.sent > sent


def test_an_older_document_is_not_used(world: World) -> None:
    alice = world.person("alice@home")
    alice.client.adopt(world.make_document(epochs_later=1))
    alice.restart()
    older = world.make_document()
    alice.client.adopt(older)
    assert "older than one seen before" in problem(world, alice) or "no network document" in problem(world, alice)
    assert world.run(alice.client.status()).epoch == 0


def test_without_an_account(world: World) -> None:
    stranger = world.person()
    assert "no account yet: register first (loopixmix client network DIR lists" in problem(world, stranger)
    with pytest.raises(NotRegisteredError):
        world.run(stranger.client.add_contact("bob@away"))
    world.clock.run_for(30)
    assert world.providers["home"].seen == []


def test_a_provider_that_left_the_network(world: World) -> None:
    alice = world.person("alice@home")
    document = world.make_document(epochs_later=1)
    others = tuple(node for node in document.nodes if node.name != "home")
    alice.client.adopt(msgspec.structs.replace(document, nodes=others))
    assert problem(world, alice) == "the provider home is not part of the network now"


def test_a_provider_that_is_silent(world: World) -> None:
    alice = world.person("alice@home")
    world.providers["home"].silent = True
    world.clock.run_for(10)
    assert problem(world, alice) == "the provider home does not answer; messages wait"
    world.providers["home"].silent = False
    world.clock.run_for(5)
    assert problem(world, alice) == ""


def test_a_provider_that_forgot_us(world: World) -> None:
    alice = world.person("alice@home")
    world.providers["home"].mailboxes.clear()
    world.clock.run_for(5)
    assert "has no account for this client" in problem(world, alice)
    assert world.run(alice.client.register("alice", "home")) == "alice@home"
    world.clock.run_for(5)
    assert problem(world, alice) == ""


def test_loops_that_are_lost(world: World) -> None:
    alice = world.person("alice@home")
    world.clock.run_for(10)
    world.loss = 0.5
    world.clock.run_for(200)
    assert "test packets were lost" in problem(world, alice)
    assert world.run(alice.client.status()).loops_lost > 20
    assert LoopLost in {type(fact) for fact in alice.facts.facts}


def test_thin_traffic() -> None:
    world = World(params=msgspec.structs.replace(QUICK, node_loop_rate_per_s=0.1))
    alice = world.person("alice@home")
    assert "traffic is thin" in problem(world, alice)
    world.stop()


def test_why_there_is_no_newer_document_is_told_only_without_a_link() -> None:
    parts = Parts()
    parts.go_online()
    missing = MissingDocument(parts.session, lambda: "the authorities cannot be reached")
    assert not missing.problem
    parts.link.open = False
    assert missing.problem == "the authorities cannot be reached"
    assert not MissingDocument(parts.session, lambda: None).problem
    parts.close()
