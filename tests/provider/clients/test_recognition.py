"""Recognising a client: its first frames wait for the store, in order and bounded."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity
from provider.clients import recognition as recognition_module
from provider.clients.allowance import Allowance, ClientRules
from provider.clients.client import Client
from provider.clients.guests import Guests
from provider.clients.recognition import CHECK_AGAIN_S, MAX_HELD_FRAMES, Recognition
from provider.mailbox import Mailbox
from provider.store import MailStore
from provider.store.accounts import Standing, find_standing, remove_account
from provider.store.guests import GuestWish, open_guest
from tests.worlds.mailboxes.mailstores import ALICE, BOB, OPEN, READ_S, WRITE_S, StoreWorld


class World(StoreWorld):
    """A recognition, and what it let through."""

    def __init__(self, store: MailStore) -> None:
        super().__init__(store)
        self.taken: list[tuple[Identity, bytes]] = []
        guests = Guests(access=self.access, rules=OPEN, gate=None, clock=self.clock, rng=random.Random(1))
        self.recognition = Recognition(access=self.access, guests=guests, drops=self.drops, clock=self.clock)

    def client(self, identity: Identity) -> Client:
        mailbox = Mailbox(pull_batch=1, lease_pulls=1)
        return Client(identity, mailbox, Allowance(NetworkParams(), ClientRules(), 0.0))

    def hold(self, client: Client, *frames: bytes) -> None:
        self.recognition.hold(client, frames, self.take)

    def take(self, client: Client, frames: Sequence[bytes]) -> None:
        self.taken += [(client.identity, frame) for frame in frames]


@pytest.fixture
def world(store: MailStore) -> World:
    return World(store)


def test_frames_wait_in_order_until_the_store_has_told(world: World) -> None:
    alice, bob = world.client(ALICE), world.client(BOB)
    world.hold(alice, b"1", b"2")
    world.hold(bob, b"x")
    world.hold(alice, b"3")
    assert world.taken == []
    world.clock.advance(READ_S)
    assert world.taken == [(ALICE, b"1"), (ALICE, b"2"), (ALICE, b"3"), (BOB, b"x")]
    assert (alice.registered, bob.registered) == (True, False)


def test_only_so_many_frames_of_a_link_are_held(world: World) -> None:
    alice = world.client(ALICE)
    world.hold(alice, *[b"%d" % n for n in range(MAX_HELD_FRAMES + 2)])
    world.hold(alice, b"late")
    world.clock.advance(READ_S)
    assert len(world.taken) == MAX_HELD_FRAMES
    assert world.facts.drops == [DropReason.OVERLOADED] * 3


def test_only_so_many_links_are_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition_module, "MAX_ASKING", 1)
    alice, bob = world.client(ALICE), world.client(BOB)
    world.hold(alice, b"1")
    world.hold(bob, b"x")
    world.hold(alice, b"2")
    world.clock.advance(READ_S)
    assert world.taken == [(ALICE, b"1"), (ALICE, b"2")]
    assert world.facts.drops == [DropReason.OVERLOADED]
    world.hold(bob, b"y")
    world.clock.advance(READ_S)
    assert world.taken[2:] == [(BOB, b"y")]


def test_a_failing_store_lets_nothing_through_and_is_asked_again(world: World, logged: list[LogEvent]) -> None:
    world.rename("accounts", "elsewhere")
    alice = world.client(ALICE)
    world.hold(alice, b"lost")
    world.clock.advance(READ_S)
    assert (world.taken, alice.registered) == ([], None)
    assert "cannot be read" in (world.access.problem or "")
    assert len(logged) == 1
    world.rename("elsewhere", "accounts")
    world.hold(alice, b"kept")
    world.clock.advance(READ_S)
    assert world.taken == [(ALICE, b"kept")]


def test_an_old_answer_is_asked_for_again(world: World) -> None:
    alice = world.client(ALICE)
    world.hold(alice, b"1")
    world.clock.advance(READ_S)
    world.store.write(lambda connection: remove_account(connection, "alice", retire_name=True, today=100))
    world.recognition.check_again(alice, world.take)
    world.clock.advance(CHECK_AGAIN_S)
    assert alice.registered
    world.clock.advance(1.0)
    world.recognition.check_again(alice, world.take)
    world.clock.advance(READ_S)
    assert alice.registered is False


def test_an_answer_of_the_future_is_asked_for_again(world: World) -> None:
    alice = world.client(ALICE)
    world.hold(alice, b"1")
    world.clock.advance(READ_S)
    alice.checked_at_s += 86_400.0  # the clock was ahead then
    world.store.write(lambda connection: remove_account(connection, "alice", retire_name=True, today=100))
    world.recognition.check_again(alice, world.take)
    world.clock.advance(READ_S)
    assert alice.registered is False


def test_an_account_that_was_just_opened_counts_at_once(world: World) -> None:
    bob = world.client(BOB)
    world.recognition.opened(bob)
    assert bob.registered
    world.recognition.check_again(bob, world.take)
    assert world.clock.getDelayedCalls() == []


def test_a_guest_that_is_here_is_noted_once_a_day_and_no_finer(world: World) -> None:
    wish = GuestWish(identity=BOB, first_number=1, guest_day=0)
    assert world.store.write(lambda connection: open_guest(connection, wish, OPEN)) is None
    bob, written = world.client(BOB), []
    for _ in range(3 * 24):
        world.clock.advance(3600.0 - READ_S - WRITE_S)
        world.hold(bob, b"1")
        world.clock.advance(READ_S)
        written.append(world.access.waiting)
        world.clock.advance(WRITE_S)
    assert sum(written) == 2  # on the days 1 and 2; day 0 was noted when the account was opened
    assert world.store.read(lambda connection: find_standing(connection, BOB)) == Standing(2)


def test_an_account_with_a_name_is_not_noted(world: World) -> None:
    alice = world.client(ALICE)
    world.clock.advance(10 * 86_400.0)
    world.hold(alice, b"1")
    world.clock.advance(READ_S)
    assert world.access.waiting == 0
    assert world.store.read(lambda connection: find_standing(connection, ALICE)) == Standing(None)
