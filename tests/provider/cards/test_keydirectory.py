"""The key directory: what is a card of an account, and what looking up costs."""

from __future__ import annotations

import random

import pytest
from twisted.internet.defer import Deferred

from loopixmix.cards import SealingKey, decode_card, encode_card, make_card
from loopixmix.errors import StoreError
from loopixmix.keys import IdentityKey
from provider.cards.decoys import Decoys, DecoySecret
from provider.cards.keydirectory import StoredKeys, is_card_of
from provider.store import MailStore
from provider.store.accounts import ShownDay
from tests.worlds.mailboxes.mailstores import ALICE, READ_S, StoreWorld, open_account

PROVIDER = bytes([5]) * 32


class CountedDecoys(Decoys):
    """Decoys that count how many were made."""

    def __init__(self) -> None:
        super().__init__(DecoySecret("07" * 32, 0), PROVIDER)
        self.made = 0

    def card(self, name: str, today: int, shown: ShownDay | None = None) -> bytes:
        self.made += 1
        return super().card(name, today, shown)


class World(StoreWorld):
    """A key directory over a real store."""

    def __init__(self, store: MailStore) -> None:
        super().__init__(store)
        self.decoys = CountedDecoys()
        self.keys = StoredKeys(provider=PROVIDER, access=self.access, decoys=self.decoys, clock=self.clock)

    def look_up(self, name: str) -> bytes:
        cards: list[bytes] = []
        failures: list[BaseException] = []
        Deferred.fromCoroutine(self.keys.card(name)).addCallbacks(
            cards.append, lambda failure: failures.append(failure.value)
        )
        self.clock.advance(READ_S)
        for failure in failures:
            raise failure
        return cards[0]


@pytest.fixture
def world(store: MailStore) -> World:
    return World(store)


def card(identity_key: IdentityKey, rng: random.Random, *, name: str = "bob", provider: bytes = PROVIDER) -> bytes:
    sealing_key = SealingKey.generate(rng).public
    return encode_card(make_card(identity_key, name=name, provider=provider, sealing_key=sealing_key, now_s=0.0))


def test_a_card_is_of_one_name_provider_and_key(rng: random.Random) -> None:
    identity_key, other = IdentityKey.generate(rng), IdentityKey.generate(rng)
    good = card(identity_key, rng)
    expected = {"name": "bob", "provider": PROVIDER, "identity": identity_key.public}
    assert is_card_of(good, **expected)
    for changed in ({"name": "eve"}, {"provider": bytes(32)}, {"identity": other.public}):
        assert not is_card_of(good, **expected | changed)
    for broken in (b"", good[:-1], good + b"\0", good[:-1] + bytes([good[-1] ^ 1])):
        assert not is_card_of(broken, **expected)


def test_a_decoy_is_made_for_every_look_up_used_or_not(world: World, rng: random.Random) -> None:
    """Otherwise the time of an answer would tell who has a card."""
    identity_key = IdentityKey.generate(rng)
    open_account(world.store, "bob", identity_key.public, card=card(identity_key, rng))
    assert decode_card(world.look_up("bob")).identity == identity_key.public
    assert decode_card(world.look_up("nobody")).identity != identity_key.public
    assert decode_card(world.look_up("alice")).identity != ALICE, "alice has an account and no card"
    assert world.decoys.made == 3


def test_a_failing_store_fails_the_look_up_and_is_told(world: World) -> None:
    world.rename("accounts", "elsewhere")
    with pytest.raises(StoreError, match="cannot be read"):
        world.look_up("bob")
    assert "cannot be read" in (world.access.problem or "")
