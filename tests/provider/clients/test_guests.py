"""Guests: their limits, their tokens, and an answer only when the account is on the disk."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sqlalchemy import Connection
from twisted.logger import LogEvent

from loopixmix.wire import Registered, RegisterRefusal, RegisterRefused
from provider.accounts import GuestMode, RegistrationRules
from provider.clients.guests import Guests
from provider.store import MailStore
from provider.store.accounts import Standing, find_standing
from tests.worlds.mailboxes.mailstores import ALICE, OPEN, READ_S, WRITE_S, StoreWorld

GUEST, OTHER = bytes([7]) * 32, bytes([8]) * 32
WITH_TOKENS = RegistrationRules(guests=GuestMode.TOKEN)
BAD_TOKEN = RegisterRefused(RegisterRefusal.BAD_TOKEN)


class Purse:
    """A gate that takes each of the good tokens once."""

    def __init__(self, *good: bytes) -> None:
        self.good = set(good)

    def payment(self, token: bytes) -> Callable[[Connection], bool]:
        def pay(_: Connection) -> bool:
            counts = token in self.good
            self.good.discard(token)
            return counts

        return pay

    def counts(self, token: bytes) -> Callable[[Connection], bool]:
        return lambda _: token in self.good


class World(StoreWorld):
    """The guests of a provider."""

    def __init__(self, store: MailStore, rules: RegistrationRules = OPEN, gate: Purse | None = None) -> None:
        super().__init__(store)
        self.guests = Guests(access=self.access, rules=rules, gate=gate, clock=self.clock, rng=random.Random(3))

    def enrol(self, identity: bytes, token: bytes = b"") -> list[object]:
        """Ask, and return the list into which the answer will come."""
        answers: list[object] = []
        self.guests.enrol(identity, token).addCallback(answers.append)
        return answers

    def answer(self, identity: bytes, token: bytes = b"") -> object:
        answers = self.enrol(identity, token)
        self.clock.pump([READ_S, WRITE_S])
        [answer] = answers
        return answer

    def standing(self, identity: bytes) -> Standing | None:
        return self.store.read(lambda connection: find_standing(connection, identity))


def test_an_account_is_on_the_disk_before_the_guest_hears_of_it(store: MailStore) -> None:
    world = World(store)
    world.clock.advance(86_400.0 * 50)
    answers = world.enrol(GUEST)
    world.clock.pump([READ_S, WRITE_S * 0.9])
    assert answers == []
    world.clock.advance(WRITE_S * 0.2)
    assert answers == [Registered()]
    assert world.standing(GUEST) == Standing(49)


def test_guests_are_limited_by_link_and_in_all(store: MailStore) -> None:
    world = World(store, RegistrationRules(guests=GuestMode.OPEN, link_burst=2, guest_burst=1))
    refused = RegisterRefused(RegisterRefusal.RATE_LIMITED)
    assert [world.answer(GUEST) for _ in range(3)] == [Registered(), Registered(), refused]
    assert world.answer(OTHER) == refused


def test_strangers_take_nothing_from_those_with_a_token(store: MailStore) -> None:
    rules = RegistrationRules(guests=GuestMode.TOKEN, guest_burst=3, guest_rate_per_s=0.001)
    world = World(store, rules, Purse(b"good"))
    strangers = [world.answer(bytes([number]) * 32, b"spent") for number in range(100, 110)]
    assert strangers == [BAD_TOKEN] * 3 + [RegisterRefused(RegisterRefusal.RATE_LIMITED)] * 7
    assert world.answer(GUEST, b"good") == Registered()


def test_a_provider_may_be_closed_to_guests(store: MailStore) -> None:
    world = World(store, RegistrationRules())
    assert world.answer(GUEST) == RegisterRefused(RegisterRefusal.CLOSED)
    assert world.standing(GUEST) is None


def test_a_token_opens_one_account(store: MailStore) -> None:
    world = World(store, WITH_TOKENS, Purse(b"good"))
    assert world.answer(GUEST) == BAD_TOKEN
    assert world.answer(GUEST, b"bad") == BAD_TOKEN
    assert world.answer(GUEST, b"good") == Registered()
    assert world.answer(OTHER, b"good") == BAD_TOKEN
    assert (world.standing(GUEST), world.standing(OTHER)) == (Standing(-1), None)


def test_without_a_gate_no_token_is_good(store: MailStore) -> None:
    assert World(store, WITH_TOKENS).answer(GUEST, b"good") == BAD_TOKEN


def test_where_everybody_may_come_no_token_is_spent(store: MailStore) -> None:
    purse = Purse(b"good")
    assert World(store, OPEN, purse).answer(GUEST, b"good") == Registered()
    assert purse.good == {b"good"}


def test_a_repeated_wish_is_granted_again_for_the_same_token(store: MailStore) -> None:
    world = World(store, WITH_TOKENS, Purse(b"good"))
    together = [world.enrol(GUEST, b"good"), world.enrol(GUEST, b"good")]
    world.clock.pump([READ_S, WRITE_S])
    assert [*together, [world.answer(GUEST, b"good")]] == [[Registered()]] * 3


@pytest.mark.parametrize("rules", [WITH_TOKENS, RegistrationRules(guests=GuestMode.TOKEN, max_guests=1)])
def test_no_token_is_spent_on_a_wish_that_is_refused_anyway(store: MailStore, rules: RegistrationRules) -> None:
    purse = Purse(b"1", b"2", b"3")
    world = World(store, rules, purse)
    assert world.answer(ALICE, b"1") == RegisterRefused(RegisterRefusal.KEY_TAKEN)
    assert world.answer(GUEST, b"2") == Registered()
    full = world.answer(OTHER, b"3") == RegisterRefused(RegisterRefusal.FULL)
    assert full == (rules.max_guests == 1)
    assert purse.good == ({b"1", b"3"} if full else {b"1"})


def test_a_store_that_fails_gives_no_answer(store: MailStore, logged: list[LogEvent]) -> None:
    world = World(store)
    world.rename("accounts", "elsewhere")
    assert world.answer(GUEST) is None
    assert len(logged) == 1
    assert GUEST.hex() not in repr(logged)
    world.rename("elsewhere", "accounts")
    assert world.answer(GUEST) == Registered()
