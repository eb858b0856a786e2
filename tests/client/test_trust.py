"""Whom a client believes: forged, altered and misdirected messages, and people who claim to be others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from client.api import ReceivedMessage, Verified
from client.core.content import Sender, SignedMessage, encode_signed
from client.core.fragments import FragmentSizes, seal_fragments
from loopixmix.cards import fingerprint
from loopixmix.keys import IdentityKey
from loopixmix.seams import Identity
from loopixmix.wire import ItemKind
from tests.worlds.clients.world import Person, World

ALICE, BOB = "alice@home", "bob@away"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def put(world: World, bob: Person, stream: bytes, *, recipient: Identity | None = None) -> None:
    """Put an encoded message into Bob's mailbox, as somebody who knows his sealing key can."""
    fragments = seal_fragments(
        stream,
        recipient=recipient or bob.keys.identity_key.public,
        recipient_key=bob.keys.sealing.public,
        message_key=world.rng.randbytes(32),
        sealer=bob.sealer,
        sizes=FragmentSizes(world.geometry.payload_bytes),
    )
    for fragment in fragments:
        world.providers["away"].put(bob.keys.identity_key.public, ItemKind.MESSAGE, bytes(8), fragment)
    world.clock.run_for(5)


def forge(
    world: World, bob: Person, *, signer: IdentityKey, name: str = "alice", signed_for: Identity | None = None
) -> bytes:
    sender = Sender(signer.public, name, world.providers["home"].model.id)
    message = SignedMessage(world.rng.randbytes(16), "text", b"trust me", sender)
    return encode_signed(message, signer, recipient=signed_for or bob.keys.identity_key.public)


def inbox(world: World, person: Person) -> list[ReceivedMessage]:
    return world.run(person.client.inbox())


def people(world: World) -> tuple[Person, Person]:
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    return alice, bob


def test_an_impostor_is_never_shown_as_the_contact(world: World) -> None:
    _, bob = people(world)
    eve = IdentityKey.generate(world.rng)
    put(world, bob, forge(world, bob, signer=eve))
    [message] = inbox(world, bob)
    assert message.sender == f"key:{fingerprint(eve.public)}"
    assert message.verified is Verified.UNKNOWN
    assert ALICE in world.run(bob.client.status()).problem
    [contact] = world.run(bob.client.contacts())
    # Anybody could do this: it must not keep Bob from writing to the true Alice.
    assert contact.changed_fingerprint == ""


def test_the_warning_ends_when_a_key_was_accepted_or_the_contact_is_forgotten(world: World) -> None:
    _, bob = people(world)
    eve = IdentityKey.generate(world.rng)
    put(world, bob, forge(world, bob, signer=eve))
    [contact] = world.run(bob.client.contacts())
    world.run(bob.client.accept_key(ALICE, contact.fingerprint))
    assert world.run(bob.client.status()).problem == ""
    # Once more: a later message of hers is told again.
    put(world, bob, forge(world, bob, signer=eve))
    assert ALICE in world.run(bob.client.status()).problem
    world.run(bob.client.remove_contact(ALICE))
    assert world.run(bob.client.status()).problem == ""


def test_an_unknown_sender_is_shown_by_address_and_not_verified(world: World) -> None:
    alice, bob = world.person(ALICE), world.person(BOB)
    world.run(alice.client.add_contact(BOB))
    world.run(alice.client.send(BOB, b"hello", kind="text", idempotency_key="1"))
    world.clock.run_for(20)
    [first] = inbox(world, bob)
    assert (first.sender, first.verified) == (ALICE, Verified.UNKNOWN)
    assert world.run(bob.client.contacts()) == []  # a claim is no reason to pin a key
    world.run(bob.client.add_contact(ALICE))
    world.run(alice.client.send(BOB, b"again", kind="text", idempotency_key="2"))
    world.clock.run_for(20)
    assert (inbox(world, bob)[-1].sender, inbox(world, bob)[-1].verified) == (ALICE, Verified.PINNED)


def test_a_contact_is_known_by_its_key_wherever_it_says_to_be(world: World) -> None:
    alice, bob = people(world)
    put(world, bob, forge(world, bob, signer=alice.keys.identity_key, name="somebody-else"))
    [message] = inbox(world, bob)
    assert (message.sender, message.verified) == (ALICE, Verified.PINNED)


def test_a_message_signed_for_another_is_dropped(world: World) -> None:
    """Carol passes Alice's message to her on to Bob, as if it had been for him."""
    alice, bob = people(world)
    carol = IdentityKey.generate(world.rng)
    put(world, bob, forge(world, bob, signer=alice.keys.identity_key, signed_for=carol.public))
    assert inbox(world, bob) == []


def test_a_message_with_a_wrong_signature_is_dropped(world: World) -> None:
    alice, bob = people(world)
    stream = bytearray(forge(world, bob, signer=alice.keys.identity_key))
    stream[-1] ^= 1
    put(world, bob, bytes(stream))
    assert inbox(world, bob) == []
    assert bob.store.write(lambda c: c.exec_driver_sql("SELECT count(*) FROM incoming").scalar_one()) == 0


def test_a_message_sealed_for_another_identity_is_dropped(world: World) -> None:
    alice, bob = people(world)
    put(world, bob, forge(world, bob, signer=alice.keys.identity_key), recipient=b"c" * 32)
    assert inbox(world, bob) == []


def test_noise_and_broken_messages_do_no_harm(world: World) -> None:
    alice, bob = people(world)
    put(world, bob, b"\x07 of no type at all")
    put(world, bob, b"")
    for _ in range(20):
        noise = world.rng.randbytes(world.geometry.payload_bytes)
        world.providers["away"].put(bob.keys.identity_key.public, ItemKind.MESSAGE, bytes(8), noise)
        world.providers["away"].put(bob.keys.identity_key.public, ItemKind.REPLY, noise[:8], noise)
    given = set(world.providers["away"].mailboxes[bob.keys.identity_key.public].items)
    world.run(alice.client.send(BOB, b"hello", kind="text", idempotency_key="1"))
    world.clock.run_for(30)
    assert [message.body for message in inbox(world, bob)] == [b"hello"]
    assert given.isdisjoint(world.providers["away"].mailboxes[bob.keys.identity_key.public].items)


def test_replaying_the_mailbox_shows_nothing_twice(world: World) -> None:
    alice, bob = people(world)
    box = world.providers["away"].mailboxes[bob.keys.identity_key.public]
    bob.link.cut = True
    world.run(alice.client.send(BOB, b"hello" * 1000, kind="text", idempotency_key="1"))
    world.clock.run_for(20)
    kept = list(box.items.values())
    bob.link.cut = False
    world.clock.run_for(10)
    for restart in (False, True):
        if restart:
            bob.restart()
        for item in kept:
            box.items[next(world.item_numbers)] = item
        world.clock.run_for(10)
    assert len(inbox(world, bob)) == 1


@implementer(ILogObserver)
class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        self.events.append(event)


def test_nothing_secret_is_logged(world: World) -> None:
    events = Log()
    observer = cast(ILogObserver, events)
    globalLogPublisher.addObserver(observer)
    try:
        alice, bob = people(world)

        def fail(message: ReceivedMessage) -> None:
            raise ValueError(f"cannot read {message.body!r}")

        bob.client.on_received("text", fail)
        world.run(alice.client.send(BOB, b"MARKED-BODY", kind="text", idempotency_key="1"))
        world.run(alice.client.send(BOB, b"MARKED-BODY", kind="text", idempotency_key="2", anonymous=True))
        world.clock.run_for(30)
        assert len(inbox(world, bob)) == 2
        logged = repr(events.events)
        assert "the callback on_received(" in logged
        assert "MARKED" not in logged
        for secret in (alice.keys.identity_key.seed, bob.keys.sealing.seed):
            assert secret.hex() not in logged
            assert repr(secret)[2:-1] not in logged
        shown = repr((alice.keys, alice.client, bob.sealer, alice.keys.sealing))
        assert alice.keys.identity_key.seed.hex() not in shown
    finally:
        globalLogPublisher.removeObserver(observer)
