"""When the world is not as it should be: the client says so in one line and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.internet.defer import Deferred

from client.api import (
    MessageState,
)
from loopixmix.errors import StoreError
from tests.worlds.clients.parts import FailingStore
from tests.worlds.clients.world import QUICK, Person, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def problem(world: World, person: Person) -> str:
    return world.run(person.client.status()).problem


def test_a_recipients_provider_that_is_away_comes_back(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    full, without = world.make_document(), world.make_document()
    without = msgspec.structs.replace(without, nodes=tuple(n for n in without.nodes if n.name != "away"))
    alice.client.adopt(without)
    world.run(alice.client.send("bob@away", b"later", kind="text", idempotency_key="1"))
    world.clock.run_for(30)
    assert world.run(bob.client.inbox()) == []
    alice.client.adopt(full)
    world.clock.run_for(60)
    assert [message.body for message in world.run(bob.client.inbox())] == [b"later"]


def test_a_full_disk_loses_nothing(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    bob.stop()
    store = bob.store = FailingStore(None)
    bob.start()
    bob.keys = bob.keys
    world.run(bob.client.register("bob", "away"))
    world.run(alice.client.send("bob@away", b"keep me" * 500, kind="text", idempotency_key="1"))
    store.failing = True
    world.clock.run_for(30)
    with pytest.raises(StoreError, match="disk is full"):
        world.run(bob.client.inbox())
    with pytest.raises(StoreError, match="disk is full"):
        world.run(bob.client.send("alice@home", b"x", kind="text", idempotency_key="1"))
    waiting = world.providers["away"].mailboxes[bob.keys.identity_key.public].items
    assert any(kind.value == 1 for kind, _, _ in waiting.values())  # not acknowledged
    store.failing = False
    world.clock.run_for(30)
    assert [message.body for message in world.run(bob.client.inbox())] == [b"keep me" * 500]
    assert not any(kind.value == 1 for kind, _, _ in waiting.values())


def test_answers_that_were_altered_count_as_none(world: World) -> None:
    """Somebody changes what comes back: acknowledgements, answers and loops are waited for in vain, and sent again."""
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    world.clock.run_for(5)
    world.providers["home"].spoils_replies = True
    message_id = world.run(alice.client.send("bob@away", b"x", kind="text", idempotency_key="1"))
    asking = Deferred.fromCoroutine(alice.client.request("echo@away", b"y", timeout_s=300))
    world.clock.run_for(15)
    message = world.run(alice.client.message(message_id))
    assert message.fragments_acknowledged == 0
    assert not asking.called
    world.providers["home"].spoils_replies = False
    assert world.run(asking) == b"y"
    assert world.wait_for(lambda: world.run(alice.client.message(message_id)).state is MessageState.STORED, 60)
    assert len(world.run(bob.client.inbox())) == 1
    assert world.run(alice.client.status()).loops_lost > 0


def test_a_link_that_breaks_in_the_middle_of_a_send(world: World) -> None:
    """The link says it is open and takes nothing: what was about to leave takes its turn again."""
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    world.clock.run_for(10)
    alice.link.lies = True
    world.hub.detach(world.providers["home"].model.id)
    message_id = world.run(alice.client.send("bob@away", b"x" * 3000, kind="text", idempotency_key="1"))
    asking = Deferred.fromCoroutine(alice.client.request("echo@away", b"y", timeout_s=300))
    world.clock.run_for(10)
    assert world.run(alice.client.message(message_id)).state is MessageState.QUEUED
    world.hub.attach(world.providers["home"].model.id, world.providers["home"].arrived)
    assert world.run(asking) == b"y"
    world.clock.run_for(20)
    assert [message.body for message in world.run(bob.client.inbox())] == [b"x" * 3000]


def test_a_disk_that_fails_while_sending(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    alice.stop()
    alice.store.close()
    store = alice.store = FailingStore(None)
    alice.start()
    world.run(alice.client.register("alice", "home"))
    world.run(alice.client.add_contact("bob@away"))
    message_id = world.run(alice.client.send("bob@away", b"x" * 9000, kind="text", idempotency_key="1"))
    anonymous = world.run(alice.client.send("bob@away", b"who?", kind="text", idempotency_key="2", anonymous=True))
    store.failing = True
    world.clock.run_for(20)
    store.failing = False
    world.clock.run_for(40)
    states = [world.run(alice.client.message(each)).state for each in (message_id, anonymous)]
    assert states == [MessageState.STORED, MessageState.STORED]
    assert sorted(message.body for message in world.run(bob.client.inbox())) == [b"who?", b"x" * 9000]
    assert problem(world, alice) == ""


def test_a_network_that_changes_its_packets(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    alice.link.cut = True
    message_id = world.run(alice.client.send("bob@away", b"x" * 9000, kind="text", idempotency_key="1"))
    world.clock.run_for(1)
    changed = msgspec.structs.replace(
        world.make_document(epochs_later=1), params=msgspec.structs.replace(QUICK, payload_bytes=4096)
    )
    world.hub.attach(world.providers["home"].model.id, lambda peer, frames: None)
    alice.client.adopt(changed)
    alice.link.cut = False
    world.clock.run_for(5)
    message = world.run(alice.client.message(message_id))
    assert message.state is MessageState.FAILED
    assert "send it again" in message.history[-1].detail


def test_an_anonymous_message_to_a_provider_that_is_away(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    full, without = world.make_document(), world.make_document()
    without = msgspec.structs.replace(without, nodes=tuple(n for n in without.nodes if n.name != "away"))
    alice.client.adopt(without)
    world.run(alice.client.send("bob@away", b"later", kind="text", idempotency_key="1", anonymous=True))
    asking = Deferred.fromCoroutine(alice.client.request("echo@home", b"y", timeout_s=60))
    world.clock.run_for(5)
    alice.client.adopt(full)
    world.clock.run_for(60)
    assert [message.body for message in world.run(bob.client.inbox())] == [b"later"]
    assert world.run(asking) == b"y"
