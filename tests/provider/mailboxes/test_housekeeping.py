"""Housekeeping: counts, expiry only while the clock is right, and a probe while the store fails."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent

from loopixmix.params import NetworkParams
from provider.accounts import GuestMode, RegistrationRules
from provider.agreed_time import AgreedTime
from provider.mailbox import MailboxRules, day_of
from provider.mailboxes import housekeeping
from provider.mailboxes.housekeeping import EXPIRE_EVERY_S, EXPIRE_ITEMS, TURN_S, Housekeeping
from provider.store import MailStore
from provider.store.accounts import StoreFigures, add_invitation, find_standing, forget_invitations
from provider.store.guests import GuestWish, open_guest
from tests.worlds.mailboxes.mailstores import ALICE, READ_S, WRITE_S, StoreWorld
from tests.worlds.networks.models import model_network

RULES = MailboxRules(expiry_days=2)
GUESTS_FOR_A_WEEK = RegistrationRules(guests=GuestMode.OPEN, guest_days=7)
NETWORK = model_network(random.Random(1), params=NetworkParams(epoch_length_s=86_400, grace_s=3600))


class World(StoreWorld):
    """A housekeeping at a time when the network's document is valid."""

    def __init__(self, store: MailStore) -> None:
        super().__init__(store, rules=RULES)
        self.turns = 0
        self.expirations = 0
        self.broken = False
        self.housekeeping = Housekeeping(
            access=self.access,
            rules=RULES,
            registration=GUESTS_FOR_A_WEEK,
            clock=self.clock,
            agreed=AgreedTime(self.clock),
            each_turn=(self.turned, self.turned),
            expiring=(self.expired,),
        )
        self.clock.rightNow = NETWORK.document.valid_from_s + 1.0
        self.today = day_of(self.clock.seconds())

    def turned(self) -> None:
        self.turns += 1
        if self.broken:
            raise ValueError("no broom")

    def expired(self) -> None:
        self.expirations += 1

    def run(self, seconds: float) -> None:
        while (calls := self.clock.getDelayedCalls()) and calls[0].getTime() <= self.clock.seconds() + seconds:
            seconds -= calls[0].getTime() - self.clock.seconds()
            self.clock.advance(calls[0].getTime() - self.clock.seconds())
        self.clock.advance(seconds)


@pytest.fixture
def world(store: MailStore) -> Iterator[World]:
    world = World(store)
    yield world
    world.housekeeping.stop()
    world.clock.advance(1.0)
    assert world.clock.getDelayedCalls() == []


def test_the_first_turn_comes_at_once_and_then_one_after_the_other(world: World) -> None:
    world.housekeeping.start()
    assert world.turns == 2
    world.run(TURN_S * 2.5)
    assert world.turns == 6


def test_what_fails_is_told_and_keeps_nothing_else_from_being_done(world: World) -> None:
    world.housekeeping.adopt(NETWORK.document)
    world.broken = True
    world.housekeeping.start()
    world.run(TURN_S + 1.0)
    assert (world.turns, world.expirations) == (4, 2)
    assert world.housekeeping.problem == "keeping the store in order failed, and is tried again: no broom"
    world.broken = False
    world.run(TURN_S)
    assert world.housekeeping.problem is None


def test_accounts_and_items_are_counted(world: World) -> None:
    world.put(b"1", b"2", day=world.today)
    world.housekeeping.start()
    world.run(1.0)
    assert world.housekeeping.figures == StoreFigures(accounts=1, guests=0, items=2)


def test_many_accounts_are_counted_in_several_readings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "COUNT_ACCOUNTS", 2)
    for identity in open_guests(world, 4, day=world.today):
        world.put(b"x", recipient=identity, day=world.today)
    world.housekeeping.start()
    world.clock.advance(READ_S)
    assert world.housekeeping.figures.items == 0
    world.run(1.0)
    assert world.housekeeping.figures == StoreFigures(accounts=1, guests=4, items=4)


def test_old_items_expire_while_the_document_agrees_about_the_time(world: World) -> None:
    world.put(b"old", day=world.today - 3)
    world.put(b"kept", day=world.today - 2)
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.run(1.0)
    assert world.bodies() == [b"kept"]
    assert world.housekeeping.expired == 1
    assert world.expirations == 1
    world.run(TURN_S)
    assert world.expirations == 2


@pytest.mark.parametrize("off_s", [-3610.0, 86_400.0 * 30])
def test_a_clock_set_wrong_makes_nothing_expire(world: World, off_s: float) -> None:
    world.put(b"old", day=0)
    world.clock.rightNow += off_s
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.run(TURN_S - 1.0)
    assert world.bodies() == [b"old"]
    assert world.expirations == 0


def test_nothing_expires_before_there_is_a_document(world: World) -> None:
    world.put(b"old", day=0)
    world.housekeeping.start()
    world.run(TURN_S)
    assert world.bodies() == [b"old"]
    world.housekeeping.adopt(NETWORK.document)
    world.run(TURN_S + 1.0)
    assert world.bodies() == []


def test_many_old_items_expire_in_several_transactions(world: World) -> None:
    world.put(*[b"old"] * (EXPIRE_ITEMS + 1), day=0)
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.clock.advance(WRITE_S)
    assert len(world.bodies()) == 1
    world.clock.advance(WRITE_S)
    assert world.bodies() == []
    assert world.housekeeping.expired == EXPIRE_ITEMS + 1


def test_expiry_is_looked_for_once_an_hour(world: World) -> None:
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.run(1.0)
    world.put(b"old", day=0)
    world.run(EXPIRE_EVERY_S - 60.0)
    assert world.bodies() == [b"old"]
    world.run(120.0)
    assert world.bodies() == []


def open_guests(world: World, count: int, *, day: int) -> list[bytes]:
    """Open the accounts of guests who were here on a day for the last time; return their identities."""
    identities = [b"guest" + day.to_bytes(4) + number.to_bytes(23) for number in range(count)]
    for identity in identities:
        wish = GuestWish(identity=identity, first_number=1, guest_day=day)
        assert world.store.write(lambda c, wish=wish: open_guest(c, wish, GUESTS_FOR_A_WEEK)) is None
    return identities


def test_guests_that_were_not_here_for_long_are_removed_with_their_items(world: World) -> None:
    [gone] = open_guests(world, 1, day=world.today - 9)
    [kept] = open_guests(world, 1, day=world.today - 8)
    for identity in (gone, kept):
        world.put(b"1", b"2", recipient=identity, day=world.today)
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.run(1.0)
    assert world.store.read(lambda connection: find_standing(connection, gone)) is None
    assert world.bodies(kept) == [b"1", b"2"]
    world.run(TURN_S)
    assert world.housekeeping.figures == StoreFigures(accounts=1, guests=1, items=2)


def test_many_guests_end_in_several_transactions(world: World) -> None:
    open_guests(world, EXPIRE_ITEMS + 1, day=0)
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.run(TURN_S + 1.0)
    assert world.housekeeping.figures.guests == 0


def test_old_invitations_are_forgotten_with_the_items(world: World) -> None:
    world.store.write(lambda connection: add_invitation(connection, b"old", uses=1, last_day=world.today - 1))
    world.store.write(lambda connection: add_invitation(connection, b"new", uses=1, last_day=world.today))
    world.housekeeping.adopt(NETWORK.document)
    world.housekeeping.start()
    world.run(1.0)
    assert world.store.write(lambda connection: forget_invitations(connection, world.today + 1)) == 1


def test_a_store_that_works_again_is_found_without_new_mail(world: World, logged: list[LogEvent]) -> None:
    world.housekeeping.start()
    world.run(1.0)
    world.break_store()
    world.access.delete(ALICE, [1]).addErrback(lambda _: None)
    world.run(TURN_S * 2)
    assert "the store cannot be written" in (world.access.problem or "")
    world.mend_store()
    world.run(TURN_S)
    assert world.access.problem is None
    assert [event["log_level"].name for event in logged] == ["error", "info"]
