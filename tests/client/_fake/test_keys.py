"""The cards of a provider in tests."""

from __future__ import annotations

import random

import pytest
from twisted.internet.defer import Deferred

from client.testing import FakeKeyDirectory
from loopixmix.cards import SealingKey, decode_card, encode_card, make_card
from loopixmix.keys import IdentityKey
from loopixmix.requests.names import Publish, sign_publish
from provider.api import KeyDirectory

RNG = random.Random(1)
OWNER, OTHER = IdentityKey.generate(RNG), IdentityKey.generate(RNG)
PROVIDER = bytes(32)


@pytest.fixture
def keys() -> FakeKeyDirectory:
    made = FakeKeyDirectory(rng=random.Random(2))
    made.add_account("alice", OWNER.public)
    return made


def card_of(key: IdentityKey, *, name: str = "alice", provider: bytes = PROVIDER) -> bytes:
    sealing = SealingKey.generate(RNG).public
    return encode_card(make_card(key, name=name, provider=provider, sealing_key=sealing, now_s=0.0))


def card(keys: KeyDirectory, name: str) -> bytes:
    results: list[bytes] = []
    Deferred.fromCoroutine(keys.card(name)).addCallback(results.append)  # type: ignore[arg-type]
    return results[0]


def publish(keys: KeyDirectory, publication: Publish) -> bool:
    results: list[bool] = []
    Deferred.fromCoroutine(keys.publish(publication)).addCallback(results.append)  # type: ignore[arg-type]
    return results[0]


def test_a_name_without_a_card_has_a_decoy_that_stays(keys: FakeKeyDirectory) -> None:
    first = card(keys, "nobody")
    assert decode_card(first).name == "nobody"
    assert card(keys, "nobody") == first != card(keys, "somebody")


def test_the_owner_publishes_and_withdraws(keys: FakeKeyDirectory) -> None:
    decoy, published = card(keys, "alice"), card_of(OWNER)
    assert publish(keys, sign_publish(OWNER, "alice", 1, published))
    assert card(keys, "alice") == published
    assert not publish(keys, sign_publish(OWNER, "alice", 1, card_of(OWNER)))
    assert publish(keys, sign_publish(OWNER, "alice", 2, b""))
    assert card(keys, "alice") == decoy


@pytest.mark.parametrize(
    "publication",
    [
        sign_publish(OTHER, "alice", 1, card_of(OTHER)),
        sign_publish(OWNER, "bob", 1, card_of(OWNER, name="bob")),
        sign_publish(OWNER, "alice", 1, card_of(OTHER)),
        sign_publish(OWNER, "alice", 1, card_of(OWNER, name="bob")),
        sign_publish(OWNER, "alice", 1, card_of(OWNER, provider=bytes([1]) * 32)),
        sign_publish(OWNER, "alice", 1, b"no card"),
    ],
    ids=["another key", "no account", "a card of another key", "another name", "another provider", "no card"],
)
def test_others_do_not(keys: FakeKeyDirectory, publication: Publish) -> None:
    decoy = card(keys, "alice")
    assert not publish(keys, publication)
    assert card(keys, "alice") == decoy
