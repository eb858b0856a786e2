"""Recognising a client: its first frames wait for the store, in order and bounded."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity
from provider.clients import recognition as recognition_module
from provider.clients.allowance import Allowance, ClientRules
from provider.clients.client import Client
from provider.clients.recognition import CHECK_AGAIN_S, MAX_HELD_FRAMES, Recognition
from provider.mailbox import Mailbox
from provider.store import MailStore
from provider.store.accounts import remove_account
from tests.worlds.mailboxes.mailstores import ALICE, BOB, READ_S, StoreWorld


class World(StoreWorld):
    """A recognition, and what it let through."""

    def __init__(self, store: MailStore) -> None:
        super().__init__(store)
        self.taken: list[tuple[Identity, bytes]] = []
        self.recognition = Recognition(access=self.access, drops=self.drops, clock=self.clock)

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
    world._rename("accounts", "elsewhere")
    alice = world.client(ALICE)
    world.hold(alice, b"lost")
    world.clock.advance(READ_S)
    assert (world.taken, alice.registered) == ([], None)
    assert "cannot be read" in (world.access.problem or "")
    assert len(logged) == 1
    world._rename("elsewhere", "accounts")
    world.hold(alice, b"kept")
    world.clock.advance(READ_S)
    assert world.taken == [(ALICE, b"kept")]


def test_an_old_answer_is_asked_for_again(world: World) -> None:
    alice = world.client(ALICE)
    world.hold(alice, b"1")
    world.clock.advance(READ_S)
    world.store.write(lambda connection: remove_account(connection, "alice", retire_name=True))
    world.recognition.check_again(alice, world.take)
    world.clock.advance(CHECK_AGAIN_S)
    assert alice.registered
    world.clock.advance(1.0)
    world.recognition.check_again(alice, world.take)
    world.clock.advance(READ_S)
    assert alice.registered is False


def test_an_account_that_was_just_opened_counts_at_once(world: World) -> None:
    bob = world.client(BOB)
    world.recognition.opened(bob)
    assert bob.registered
    world.recognition.check_again(bob, world.take)
    assert world.clock.getDelayedCalls() == []
