"""Looking contacts up: what a provider may answer, and which card counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from client.api import (
    BadRequestError,
    ServiceFailedError,
    Verified,
)
from loopixmix.cards import DAY_S, SealingKey, encode_card, make_card
from tests.worlds.clients.world import Person, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


ALICE, BOB = "alice@home", "bob@away"


def people(world: World) -> tuple[Person, Person]:
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    return alice, bob


def test_a_lookup_that_brings_something_else_is_refused(world: World) -> None:
    bob = world.person(BOB)
    home = world.providers["home"]
    world.person("carol@home")
    home.decoys["alice"] = home.decoy("mallory")
    with pytest.raises(ServiceFailedError, match="somebody else"):
        world.run(bob.client.add_contact(ALICE))
    home.decoys["dave"] = b"no card"
    with pytest.raises(ServiceFailedError, match="no card"):
        world.run(bob.client.add_contact("dave@home"))
    with pytest.raises(BadRequestError, match="no provider or mail domain nowhere"):
        world.run(bob.client.add_contact("alice@nowhere"))
    assert world.run(bob.client.contacts()) == []


def test_a_newer_card_of_the_same_identity_is_taken_an_older_one_is_not(world: World) -> None:
    alice, bob = people(world)
    home = world.providers["home"]
    box = home.mailboxes[alice.keys.identity_key.public]

    def publish(days_later: int) -> bytes:
        sealing = SealingKey.generate(world.rng).public
        now_s = world.clock.seconds() + days_later * DAY_S
        card = make_card(
            alice.keys.identity_key, name="alice", provider=home.model.id, sealing_key=sealing, now_s=now_s
        )
        box.card = encode_card(card)
        world.run(bob.client.add_contact(ALICE))
        return sealing

    def pinned() -> object:
        return bob.store.write(lambda c: c.exec_driver_sql("SELECT sealing_key FROM contacts").scalar_one())

    newer = publish(5)
    assert pinned() == newer
    publish(-5)
    assert pinned() == newer


def test_a_fingerprint_may_be_typed_as_it_was_read_out(world: World) -> None:
    _, bob = people(world)
    [contact] = world.run(bob.client.contacts())
    typed = contact.fingerprint.upper().replace("-", " ")
    assert world.run(bob.client.accept_key(ALICE, typed)).verified is Verified.COMPARED
