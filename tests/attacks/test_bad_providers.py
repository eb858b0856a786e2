"""Providers that lie: about what they stored, about whose key is whose, about what they were given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from client.api import KeyChangedError, MessageState, Verified
from client.core.settings import ClientSettings
from loopixmix.cards import SealingKey, encode_card, fingerprint, make_card
from loopixmix.keys import IdentityKey
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import ItemKind
from tests.worlds.clients.world import Person, World

ALICE, BOB = "alice@home", "bob@away"


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=6, arithmetic=load_arithmetic())
    yield made
    made.stop()


def steal(world: World, owner: Person) -> IdentityKey:
    """Let the owner's provider hand out a key of its own under the owner's name."""
    away, thief = world.providers["away"], IdentityKey.generate(world.rng)
    card = make_card(
        thief,
        name=owner.name,
        provider=away.model.id,
        sealing_key=SealingKey.generate(world.rng).public,
        now_s=world.clock.seconds(),
    )
    away.mailboxes[owner.keys.identity_key.public].card = encode_card(card)
    return thief


def test_a_provider_that_acknowledges_and_throws_away_never_makes_a_message_received(world: World) -> None:
    alice = world.person(ALICE)
    bob = world.person(BOB, settings=ClientSettings(receipts=True, receipt_delay_mean_s=1))
    world.acquaint(alice, bob)

    def throw_away(recipient: Identity, kind: ItemKind, surb_id: bytes, body: bytes) -> None:
        pass

    world.providers["away"].put = throw_away  # type: ignore[method-assign]
    message_id = world.run(alice.client.send(BOB, b"hello", kind="text", idempotency_key="1"))
    world.clock.run_for(60)
    message = world.run(alice.client.message(message_id))
    assert message.state is MessageState.STORED  # the provider's word, and shown as no more
    assert "provider" in message.history[-1].detail
    assert world.run(bob.client.inbox()) == []


def test_a_key_substituted_at_the_first_look_up_shows_in_the_fingerprint(world: World) -> None:
    alice, bob = world.person(ALICE), world.person(BOB)
    world.clock.run_for(20)
    thief = steal(world, bob)
    contact = world.run(alice.client.add_contact(BOB))
    assert contact.verified is Verified.PINNED
    assert contact.fingerprint == fingerprint(thief.public) != fingerprint(bob.keys.identity_key.public)


def test_a_key_substituted_later_is_refused_and_nothing_is_sealed_to_it(world: World) -> None:
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    world.clock.run_for(20)
    steal(world, bob)
    with pytest.raises(KeyChangedError):
        world.run(alice.client.add_contact(BOB))
    with pytest.raises(KeyChangedError):
        world.run(alice.client.send(BOB, b"secret", kind="text", idempotency_key="1"))
    [contact] = world.run(alice.client.contacts())
    assert contact.fingerprint == fingerprint(bob.keys.identity_key.public)


def test_items_given_again_altered_or_invented_harm_nothing(world: World) -> None:
    """A provider may give whatever it likes: each message is shown once, and what was altered not at all."""
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    away, kept = world.providers["away"], []
    put = away.put

    def keep(recipient: Identity, kind: ItemKind, surb_id: bytes, body: bytes) -> None:
        if kind is ItemKind.MESSAGE:
            kept.append(body)
        put(recipient, kind, surb_id, body)

    away.put = keep  # type: ignore[method-assign]
    world.run(alice.client.send(BOB, b"x" * 9000, kind="text", idempotency_key="1"))
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 60)
    away.put = put  # type: ignore[method-assign]
    for body in kept:
        flipped = bytearray(body)
        flipped[world.rng.randrange(len(flipped))] ^= 1
        for other in (body, bytes(flipped), world.rng.randbytes(len(body)), body[:16] + body[:-16]):
            put(bob.keys.identity_key.public, ItemKind.MESSAGE, bytes(8), other)
    world.clock.run_for(30)
    assert len(world.run(bob.client.inbox())) == 1
    left = away.mailboxes[bob.keys.identity_key.public].items.values()
    assert all(kind is ItemKind.REPLY for kind, *_ in left)  # answers to cover, which come all the time
