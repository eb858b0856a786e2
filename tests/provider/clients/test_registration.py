"""Registration: limits, names, cards, invitations, and an answer only when the account is on the disk."""

from __future__ import annotations

import random

import pytest
from twisted.logger import LogEvent

from loopixmix.cards import SealingKey, encode_card, make_card
from loopixmix.keys import IdentityKey
from loopixmix.wire import Register, Registered, RegisterRefusal, RegisterRefused
from provider.accounts import RegistrationMode, RegistrationRules, hash_invitation
from provider.clients.guests import Guests
from provider.clients.registration import Registration
from provider.store import MailStore
from provider.store.accounts import Standing, add_invitation, find_card, find_standing
from tests.worlds.mailboxes.mailstores import OPEN, READ_S, WRITE_S, StoreWorld

PROVIDER = bytes([5]) * 32
LATER_S = 11.0
"""One attempt of a link, at the default rate of one in 10 s."""


class Newcomer:
    """A client that wants an account."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.identity_key = IdentityKey.generate(world.rng)

    def card(self, *, name: str = "", provider: bytes = PROVIDER, key: IdentityKey | None = None) -> bytes:
        sealing_key = SealingKey.generate(self.world.rng).public
        signer = key or self.identity_key
        return encode_card(
            make_card(signer, name=name or self.name, provider=provider, sealing_key=sealing_key, now_s=0.0)
        )

    def register(self, *, invitation: str = "", card: bytes | None = None) -> Registered | RegisterRefused | None:
        answers: list[Registered | RegisterRefused | None] = []
        wish = Register(self.name, invitation, self.card() if card is None else card)
        self.world.registration.enrol(self.identity_key.public, wish).addCallback(answers.append)
        self.world.clock.pump([READ_S, WRITE_S])
        return answers[0]


class World(StoreWorld):
    """A registration over a real store."""

    def __init__(self, store: MailStore, rng: random.Random, rules: RegistrationRules = OPEN) -> None:
        super().__init__(store)
        self.rng = rng
        guests = Guests(access=self.access, rules=rules, gate=None, clock=self.clock, rng=rng)
        self.registration = Registration(
            provider=PROVIDER, access=self.access, rules=rules, guests=guests, clock=self.clock, rng=self.rng
        )


@pytest.fixture
def world(store: MailStore, rng: random.Random) -> World:
    return World(store, rng)


def test_an_account_needs_a_card_of_its_own_name_key_and_provider(world: World) -> None:
    dave = Newcomer(world, "dave")
    other = IdentityKey.generate(random.Random(4))
    bad = [dave.card(name="dora"), dave.card(provider=bytes(32)), dave.card(key=other), b"x", dave.card()[:-1]]
    answers = []
    for card in bad:
        answers.append(dave.register(card=card))
        world.clock.advance(LATER_S)
    assert answers == [RegisterRefused(RegisterRefusal.BAD_CARD)] * 5
    assert dave.register(card=b"") == Registered()


def test_names_and_keys_are_taken_once(world: World) -> None:
    dave, imposter = Newcomer(world, "dave"), Newcomer(world, "dave")
    assert dave.register() == Registered()
    assert imposter.register() == RegisterRefused(RegisterRefusal.NAME_TAKEN)
    dave.name = "dave2"
    assert dave.register() == RegisterRefused(RegisterRefusal.KEY_TAKEN)
    dave.name = "dave"
    assert dave.register() == Registered()
    dave.name = "Dave"
    assert dave.register(card=b"") == RegisterRefused(RegisterRefusal.BAD_NAME)


def test_a_registration_is_on_the_disk_before_it_is_answered(world: World) -> None:
    erin = Newcomer(world, "erin")
    answers: list[object] = []
    wish = Register("erin", "", b"")
    world.registration.enrol(erin.identity_key.public, wish).addCallback(answers.append)
    world.clock.pump([READ_S, WRITE_S * 0.9])
    assert answers == []
    world.clock.advance(WRITE_S * 0.2)
    assert answers == [Registered()]
    assert world.store.read(lambda connection: find_standing(connection, erin.identity_key.public)) == Standing(None)


def test_a_new_card_takes_the_place_of_the_old_one(world: World) -> None:
    erin = Newcomer(world, "erin")
    newer = erin.card()
    assert [erin.register(), erin.register(card=newer), erin.register(card=b"")] == [Registered()] * 3
    found = world.store.read(lambda connection: find_card(connection, "erin"))
    assert found is not None
    assert found.card == newer


def test_registration_is_limited_by_link(world: World) -> None:
    frank = Newcomer(world, "frank")
    answers = [frank.register(card=b"x") for _ in range(7)]
    assert answers.count(RegisterRefused(RegisterRefusal.BAD_CARD)) == 5
    assert answers[5:] == [RegisterRefused(RegisterRefusal.RATE_LIMITED)] * 2
    assert Newcomer(world, "grace").register() == Registered()


def test_registration_by_invitation(store: MailStore, rng: random.Random) -> None:
    world = World(store, rng, RegistrationRules(mode=RegistrationMode.INVITATION))
    code = hash_invitation("GOOD-CODE")
    store.write(lambda connection: add_invitation(connection, code, uses=1, last_day=10**6))
    erin, carol = Newcomer(world, "erin"), Newcomer(world, "carol")
    assert erin.register(invitation="bad") == RegisterRefused(RegisterRefusal.BAD_INVITATION)
    assert erin.register(invitation="good code") == Registered()
    assert carol.register(invitation="good code") == RegisterRefused(RegisterRefusal.BAD_INVITATION)
    assert erin.register() == Registered()


def test_strangers_take_nothing_from_the_invited(store: MailStore, rng: random.Random) -> None:
    rules = RegistrationRules(mode=RegistrationMode.INVITATION, burst=3, rate_per_s=0.001)
    world = World(store, rng, rules)
    code = hash_invitation("GOOD-CODE")
    store.write(lambda connection: add_invitation(connection, code, uses=2, last_day=10**6))
    strangers = [Newcomer(world, f"stranger{number}").register(invitation="guessed") for number in range(10)]
    refused = RegisterRefused(RegisterRefusal.RATE_LIMITED)
    assert strangers == [RegisterRefused(RegisterRefusal.BAD_INVITATION)] * 3 + [refused] * 7
    erin = Newcomer(world, "erin")
    assert erin.register(invitation="good code") == Registered()
    # She did not hear it, and asks again: neither strangers nor others who are invited keep her from that.
    assert erin.register(invitation="good code") == Registered()


def test_closed_registration(store: MailStore, rng: random.Random) -> None:
    world = World(store, rng, RegistrationRules(mode=RegistrationMode.CLOSED))
    assert Newcomer(world, "erin").register() == RegisterRefused(RegisterRefusal.CLOSED)


def test_a_store_that_fails_gives_no_answer(world: World, logged: list[LogEvent]) -> None:
    world.rename("accounts", "elsewhere")
    erin = Newcomer(world, "erin")
    assert erin.register() is None
    assert "cannot be read" in (world.access.problem or "")
    assert len(logged) == 1
    assert "erin" not in repr(logged)
    world.rename("elsewhere", "accounts")
    assert erin.register() == Registered()
