"""The keys service: cards for those who published one, decoys for everybody else, publication by the owner only."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from loopixmix.cards import CARD_BYTES, DAY_S, SealingKey, decode_card, encode_card, make_card
from loopixmix.keys import IdentityKey
from loopixmix.requests.names import LookUp, Publish, encode_keys_request, sign_publish
from provider.accounts import RegistrationMode, RegistrationRules
from provider.api import ServiceContext, ServiceRefusedError
from provider.builtin.keys import KeysService
from provider.cards.decoys import Decoys, DecoySecret
from provider.cards.keydirectory import StoredKeys
from provider.mailbox import MailboxRules, day_of
from provider.store import MailStore
from provider.store.access import clocked_access
from provider.store.accounts import Application, register, remove_account

PROVIDER = bytes([5]) * 32
TODAY = 20_100


class Keys:
    """The service over a real store."""

    def __init__(self, store: MailStore, rng: random.Random) -> None:
        self.clock = Clock()
        self.clock.advance(TODAY * DAY_S)
        self.store = store
        self.rng = rng
        self.access = clocked_access(store, MailboxRules(), clock=self.clock, write_s=0.001, read_s=0.001)
        keys = StoredKeys(
            provider=PROVIDER,
            access=self.access,
            decoys=Decoys(DecoySecret("07" * 32, TODAY - 50), PROVIDER),
            clock=self.clock,
        )
        context = ServiceContext(provider=PROVIDER, directory=Path(), clock=self.clock, rng=rng, keys=keys, settings={})
        self.service = KeysService(context)

    def open_account(self, name: str, *, publish: bool = True) -> IdentityKey:
        identity_key = IdentityKey.generate(self.rng)
        application = Application(
            name=name,
            identity=identity_key.public,
            card=self.card(identity_key, name) if publish else b"",
            invitation_hash=b"",
            first_number=1,
            day=TODAY,
        )
        rules = RegistrationRules(mode=RegistrationMode.OPEN)
        assert self.store.write(lambda connection: register(connection, application, rules)) is None
        return identity_key

    def card(self, identity_key: IdentityKey, name: str, provider: bytes = PROVIDER) -> bytes:
        sealing_key = SealingKey.generate(self.rng).public
        now_s = self.clock.seconds()
        return encode_card(make_card(identity_key, name=name, provider=provider, sealing_key=sealing_key, now_s=now_s))

    def ask(self, body: bytes) -> bytes:
        answers: list[bytes] = []
        failures: list[Exception] = []
        Deferred.fromCoroutine(self.service.answer(body)).addCallbacks(
            answers.append, lambda failure: failures.append(failure.value)
        )
        self.clock.pump([0.001] * 4)
        for failure in failures:
            raise failure
        return answers[0]

    def look_up(self, name: str) -> bytes:
        return self.ask(encode_keys_request(LookUp(name)))

    def publish(self, publish: Publish) -> bool:
        try:
            return self.ask(encode_keys_request(publish)) == b""
        except ServiceRefusedError:
            return False


@pytest.fixture
def keys(store: MailStore, rng: random.Random) -> Iterator[Keys]:
    keys = Keys(store, rng)
    yield keys
    assert keys.clock.getDelayedCalls() == []


def test_a_published_card_is_found(keys: Keys) -> None:
    identity_key = keys.open_account("alice")
    assert decode_card(keys.look_up("alice")).identity == identity_key.public


def test_unknown_unpublished_and_published_names_get_answers_of_one_form(keys: Keys) -> None:
    keys.open_account("alice")
    keys.open_account("bob", publish=False)
    for name in ("alice", "bob", "nobody"):
        data = keys.look_up(name)
        card = decode_card(data)
        assert (len(data), card.name, card.provider) == (CARD_BYTES, name, PROVIDER)
        assert keys.look_up(name) == data
        assert card.made_at_s <= keys.clock.seconds()


def test_a_card_is_renewed_by_its_owner(keys: Keys) -> None:
    alice = keys.open_account("alice")
    newer = keys.card(alice, "alice")
    assert keys.publish(sign_publish(alice, "alice", 1, newer))
    assert keys.look_up("alice") == newer


def test_an_old_card_cannot_be_put_back(keys: Keys) -> None:
    """Somebody who kept an earlier publication sends it again after the key was changed."""
    alice = keys.open_account("alice")
    old = sign_publish(alice, "alice", 1, keys.card(alice, "alice"))
    new = sign_publish(alice, "alice", 2, keys.card(alice, "alice"))
    assert keys.publish(old)
    assert keys.publish(new)
    assert keys.publish(new)
    assert not keys.publish(old)
    assert keys.look_up("alice") == new.card


def test_an_owner_can_withdraw_its_card(keys: Keys) -> None:
    alice = keys.open_account("alice")
    published = keys.look_up("alice")
    assert keys.publish(sign_publish(alice, "alice", 1, b""))
    assert keys.look_up("alice") != published
    assert decode_card(keys.look_up("alice")).name == "alice"


def test_nobody_publishes_for_another(keys: Keys) -> None:
    alice, mallory = keys.open_account("alice"), keys.open_account("mallory")
    before = keys.look_up("alice")
    forgeries = [
        sign_publish(mallory, "alice", 9, keys.card(mallory, "alice")),
        sign_publish(mallory, "alice", 9, b""),
        sign_publish(mallory, "nobody", 9, keys.card(mallory, "nobody")),
        sign_publish(alice, "alice", 9, keys.card(mallory, "alice")),
        sign_publish(alice, "alice", 9, keys.card(alice, "alicia")),
        sign_publish(alice, "alice", 9, keys.card(alice, "alice", provider=bytes(32))),
        sign_publish(alice, "alice", 9, keys.card(alice, "alice")[:-1]),
        sign_publish(alice, "alice", 9, keys.card(alice, "alice")[:-1] + b"\0"),
        sign_publish(alice, "mallory", 9, keys.card(alice, "mallory")),
    ]
    for forgery in forgeries:
        assert not keys.publish(forgery)
    assert keys.look_up("alice") == before


def test_other_bodies_are_refused(keys: Keys) -> None:
    for body in (b"", b"\x09", b"\x01\x05alic", b"\x01\x01A"):
        with pytest.raises(ServiceRefusedError):
            keys.ask(body)


def days_shown(keys: Keys, name: str, days: int) -> list[tuple[int, bytes]]:
    """Look a name up day by day; return the day of each card, and whose it is."""
    seen = []
    for _ in range(days):
        card = decode_card(keys.look_up(name))
        seen.append((card.made_at_s // DAY_S, card.identity))
        keys.clock.advance(DAY_S)
    return seen


@pytest.mark.parametrize("way", ["withdrawn", "removed", "removed and taken again"])
def test_the_day_of_a_name_never_goes_back_when_its_card_is_taken_away(store: MailStore, way: str) -> None:
    keys = Keys(store, random.Random(7))
    for number in range(12):
        name = f"name{number}"
        seen = days_shown(keys, name, 3)
        for version in (1, 2):
            identity_key = keys.open_account(name)
            seen += days_shown(keys, name, 2)
            today = day_of(keys.clock.seconds())
            if way == "withdrawn":
                keys.ask(encode_keys_request(sign_publish(identity_key, name, version, b"")))
            else:
                keys.store.write(lambda c: remove_account(c, name, retire_name=False, today=today))  # noqa: B023
            seen += days_shown(keys, name, 40)
            if way != "removed and taken again":
                break
        days, identities = zip(*seen, strict=True)
        assert list(days) == sorted(days), name
        # Nothing that was shown before comes again.
        changes = sum(one != other for one, other in pairwise(identities))
        assert len(set(identities)) == changes + 1


def test_a_card_that_is_older_than_what_was_shown_is_not_put_there(store: MailStore) -> None:
    keys = Keys(store, random.Random(7))
    identity_key = keys.open_account("alice")
    old = keys.look_up("alice")
    keys.clock.advance(DAY_S)
    keys.ask(encode_keys_request(sign_publish(identity_key, "alice", 1, b"")))
    with pytest.raises(ServiceRefusedError):
        keys.ask(encode_keys_request(sign_publish(identity_key, "alice", 2, old)))
    new = keys.card(identity_key, "alice")
    keys.ask(encode_keys_request(sign_publish(identity_key, "alice", 2, new)))
    assert keys.look_up("alice") == new
