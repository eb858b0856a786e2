"""When the world is not as it should be: the client says so in one line and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import msgspec
import pytest
from client_world import QUICK, Person, World
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.api import (
    BadRequestError,
    MessageState,
    NotRegisteredError,
    NotRunningError,
    ReceivedMessage,
    RegistrationRefusedError,
)
from client.core.settings import ClientSettings
from client.store import ClientStore
from loopixmix.cards import CARD_BYTES
from loopixmix.errors import StoreError, UnavailableError
from loopixmix.seams import LoopLost, LoopReturned, LoopSent

T = TypeVar("T")


class FailingStore(ClientStore):
    """A store whose disk is full while a test says so."""

    failing = False

    def write(self, work: Callable[[Connection], T]) -> T:
        if self.failing:
            raise StoreError("the store cannot be used: database or disk is full")
        return super().write(work)


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
    assert problem(world, stranger) == "there is no account yet: register first"
    with pytest.raises(NotRegisteredError):
        world.run(stranger.client.add_contact("bob@away"))
    world.clock.run_for(30)
    assert world.nodes["home"].seen == []


def test_a_provider_that_left_the_network(world: World) -> None:
    alice = world.person("alice@home")
    document = world.make_document(epochs_later=1)
    others = tuple(node for node in document.nodes if node.name != "home")
    alice.client.adopt(msgspec.structs.replace(document, nodes=others))
    assert problem(world, alice) == "the provider home is not part of the network now"


def test_a_provider_that_is_silent(world: World) -> None:
    alice = world.person("alice@home")
    world.nodes["home"].silent = True
    world.clock.run_for(10)
    assert problem(world, alice) == "the provider home does not answer; messages wait"
    world.nodes["home"].silent = False
    world.clock.run_for(5)
    assert problem(world, alice) == ""


def test_a_provider_that_forgot_us(world: World) -> None:
    alice = world.person("alice@home")
    world.nodes["home"].mailboxes.clear()
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


def test_a_recipients_provider_that_is_away_comes_back(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    full, without = world.make_document(epochs_later=1), world.make_document(epochs_later=1)
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
    waiting = world.nodes["away"].mailboxes[bob.keys.identity.public].items
    assert any(kind.value == 1 for kind, _, _ in waiting.values())  # not acknowledged
    store.failing = False
    world.clock.run_for(30)
    assert [message.body for message in world.run(bob.client.inbox())] == [b"keep me" * 500]
    assert not any(kind.value == 1 for kind, _, _ in waiting.values())


def test_a_store_that_cannot_be_read_at_the_start(world: World) -> None:
    alice = world.person("alice@home")
    alice.stop()
    alice.store.close()
    store = alice.store = FailingStore(None)
    store.failing = True
    alice.start()
    with pytest.raises(StoreError, match="disk is full"):
        world.run(alice.client.status())


def test_nothing_can_be_asked_of_a_stopped_client(world: World) -> None:
    alice = world.person("alice@home")
    alice.stop()
    for asking in (alice.client.status, alice.client.inbox, alice.client.contacts, alice.client.newest):
        with pytest.raises(NotRunningError):
            world.run(asking())


def test_a_client_may_be_stopped_before_it_has_begun(world: World) -> None:
    person = world.person(work_s=0.1)
    asking = Deferred.fromCoroutine(person.client.status())
    person.client.on_received("text", lambda message: None)
    person.stop()
    person.client.on_received("text", lambda message: None)
    with pytest.raises(NotRunningError):
        world.run(asking)


def test_answers_that_were_altered_count_as_none(world: World) -> None:
    """Somebody changes what comes back: acknowledgements, answers and loops are waited for in vain, and sent again."""
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    world.clock.run_for(5)
    world.nodes["home"].spoils_replies = True
    message_id = world.run(alice.client.send("bob@away", b"x", kind="text", idempotency_key="1"))
    asking = Deferred.fromCoroutine(alice.client.request("echo@away", b"y", timeout_s=300))
    world.clock.run_for(15)
    message = world.run(alice.client.message(message_id))
    assert message.fragments_acknowledged == 0
    assert not asking.called
    world.nodes["home"].spoils_replies = False
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
    world.hub.detach(world.nodes["home"].model.id)
    message_id = world.run(alice.client.send("bob@away", b"x" * 3000, kind="text", idempotency_key="1"))
    asking = Deferred.fromCoroutine(alice.client.request("echo@away", b"y", timeout_s=300))
    world.clock.run_for(10)
    assert world.run(alice.client.message(message_id)).state is MessageState.QUEUED
    world.hub.attach(world.nodes["home"].model.id, world.nodes["home"].received)
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
    world.hub.attach(world.nodes["home"].model.id, lambda peer, frames: None)
    alice.client.adopt(changed)
    alice.link.cut = False
    world.clock.run_for(5)
    message = world.run(alice.client.message(message_id))
    assert message.state is MessageState.FAILED
    assert "send it again" in message.history[-1].detail


def test_an_anonymous_message_to_a_provider_that_is_away(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    full, without = world.make_document(epochs_later=1), world.make_document(epochs_later=1)
    without = msgspec.structs.replace(without, nodes=tuple(n for n in without.nodes if n.name != "away"))
    alice.client.adopt(without)
    world.run(alice.client.send("bob@away", b"later", kind="text", idempotency_key="1", anonymous=True))
    asking = Deferred.fromCoroutine(alice.client.request("echo@home", b"y", timeout_s=60))
    world.clock.run_for(5)
    alice.client.adopt(full)
    world.clock.run_for(60)
    assert [message.body for message in world.run(bob.client.inbox())] == [b"later"]
    assert world.run(asking) == b"y"


# The account


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
    box = world.nodes["home"].mailboxes[alice.keys.identity.public]
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


# Callbacks


def test_a_failing_callback_is_retried_ever_later(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    offered: list[float] = []

    def fail(message: ReceivedMessage) -> None:
        offered.append(world.clock.seconds())
        if len(offered) < 6:
            raise OSError("no space")

    bob.client.on_received("text", fail)
    world.run(alice.client.send("bob@away", b"x", kind="text", idempotency_key="1"))
    world.clock.run_for(120)
    waits_s = [round(later - earlier) for earlier, later in pairwise(offered)]
    assert waits_s == [1, 2, 4, 8, 16]
    assert world.run(bob.client.status()).unread == 0


def test_a_slow_callback_holds_up_its_kind_only_and_ends_with_the_client(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    endless: Deferred[None] = Deferred()
    seen: list[str] = []

    async def wait(message: ReceivedMessage) -> None:
        await endless

    bob.client.on_received("slow", wait)
    bob.client.on_received("quick", lambda message: seen.append(message.kind))
    for number, kind in enumerate(("slow", "quick", "quick")):
        world.run(alice.client.send("bob@away", b"x", kind=kind, idempotency_key=str(number)))
    world.clock.run_for(30)
    assert seen == ["quick", "quick"]
    bob.stop()
    bob.start()
    assert world.run(bob.client.status()).unread == 1  # offered again after the restart
