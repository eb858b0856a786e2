"""Handing messages to applications that fail, or take their time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from client._fake.inbox import FakeInbox
from client.api import ReceivedCallback, ReceivedMessage, Verified
from client.feeds.failures import CallbackFailures
from client.receiving.callbacks import Callbacks
from client.receiving.offering import Offering
from client.store.readers import MAX_READERS
from client.testing import FakeNetwork
from loopixmix.errors import StoreError
from tests.worlds.clients.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def test_a_failing_callback_is_retried_ever_later(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    offered: list[float] = []

    def fail(message: ReceivedMessage) -> None:
        offered.append(world.clock.seconds())
        if len(offered) < 6:
            raise OSError("no space")

    bob.client.on_received("text", fail)
    world.run(alice.client.send("bob@away", b"x", kind="text", idempotency_key="1"))
    world.clock.run_for(120)
    waits_s = [round(later - earlier) for earlier, later in pairwise(offered)]
    assert waits_s == [1, 2, 4, 8, 16]
    assert world.run(bob.client.status()).unread == 0


def test_a_slow_callback_holds_up_its_kind_only_and_ends_with_the_client(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    endless: Deferred[None] = Deferred()
    seen: list[str] = []

    async def wait(message: ReceivedMessage) -> None:
        await endless

    bob.client.on_received("slow", wait)
    bob.client.on_received("quick", lambda message: seen.append(message.kind))
    for number, kind in enumerate(("slow", "quick", "quick")):
        world.run(alice.client.send("bob@away", b"x", kind=kind, idempotency_key=str(number)))
    world.clock.run_for(30)
    assert seen == ["quick", "quick"]
    bob.stop()
    bob.start()
    assert world.run(bob.client.status()).unread == 1  # offered again after the restart


class FullInbox(FakeInbox):
    """Cannot write down what was handled while the disk is full."""

    full = False

    async def settle(self, name: str, kind: str, number: int) -> bool:
        if self.full:
            raise StoreError("the disk is full")
        return await super().settle(name, kind, number)


class Desk:
    """An inbox, and callbacks that handle its messages."""

    def __init__(self, count: int = 0) -> None:
        self.clock = Clock()
        self.inbox = FullInbox(FakeNetwork(clock=self.clock, rng=random.Random(1)), lambda: None)
        self.failures = CallbackFailures()
        self.offering = Offering(self.inbox, clock=self.clock)
        self.callbacks = Callbacks(self.offering, clock=self.clock, failures=self.failures)
        self.arrive(count)

    def arrive(self, count: int) -> None:
        for _ in range(count):
            self.inbox.add(message_id="", body=b"", kind="text", sender=None, verified=Verified.UNKNOWN, reply_to="")
        self.offering.wake({"text"})

    def subscribe(self, callback: ReceivedCallback, *, reader: str = "", within_s: float = 60.0) -> Callable[[], None]:
        return self.callbacks.subscribe("text", callback, reader=reader, within_s=within_s)


def test_a_message_that_was_handled_while_the_disk_was_full_is_marked_later_and_not_offered_again() -> None:
    desk, told = Desk(2), list[int]()
    desk.inbox.full = True
    desk.subscribe(lambda message: told.append(message.number))
    desk.clock.advance(0)
    desk.clock.advance(1)
    assert (told, desk.inbox.unread) == ([1], 2)
    desk.inbox.full = False
    desk.clock.advance(2)
    assert (told, desk.inbox.unread) == ([1, 2], 0)
    desk.callbacks.stop()
    assert desk.clock.getDelayedCalls() == []


def test_one_that_another_callback_has_handled_is_not_offered_again() -> None:
    desk, told = Desk(1), list[int]()

    def fail(message: ReceivedMessage) -> None:
        told.append(message.number)
        raise OSError("no space")

    desk.subscribe(fail)
    desk.clock.advance(0)
    again: list[int] = []
    desk.subscribe(lambda message: again.append(message.number))
    desk.clock.pump([0.5] * 4)
    desk.clock.advance(10)
    assert (told, again) == ([1], [1]) or (told, again) == ([1, 1], [1])
    assert desk.inbox.unread == 0
    assert {type(failure.error) for failure in desk.failures.newest} == {OSError}


def test_what_takes_too_long_goes_to_another_callback_and_the_slow_one_is_not_counted() -> None:
    desk, slow, quick = Desk(1), list[int](), list[int]()
    release: Deferred[None] = Deferred()

    async def wait(message: ReceivedMessage) -> None:
        slow.append(message.number)
        await release

    desk.subscribe(wait, within_s=5.0)
    desk.clock.advance(0)
    desk.subscribe(lambda message: quick.append(message.number))
    desk.clock.pump([1.0] * 4)
    assert (slow, quick) == ([1], [])
    desk.clock.pump([1.0] * 2)
    assert (slow, quick) == ([1], [1])
    assert desk.inbox.unread == 0
    with capturedLogs() as logs:
        release.callback(None)
    [warning] = [log for log in logs if log["log_level"].name == "warn"]
    assert "message 1 was not settled within 5 s" in warning["reason"]
    desk.arrive(2)
    desk.clock.advance(0)
    assert sorted(slow + quick) == [1, 1, 2, 3]


def test_a_slow_callback_that_is_alone_is_counted_and_not_called_twice() -> None:
    desk, slow = Desk(1), list[int]()
    release: Deferred[None] = Deferred()

    async def wait(message: ReceivedMessage) -> None:
        slow.append(message.number)
        await release

    desk.subscribe(wait, within_s=5.0)
    desk.clock.pump([1.0] * 20)
    release.callback(None)
    desk.clock.pump([1.0] * 20)
    assert slow == [1]
    assert desk.inbox.unread == 0


def test_a_stopped_callback_finishes_what_it_has_and_gives_nothing_back() -> None:
    desk, first, second = Desk(2), list[int](), list[int]()
    release: Deferred[None] = Deferred()

    async def wait(message: ReceivedMessage) -> None:
        first.append(message.number)
        await release

    stop = desk.subscribe(wait)
    desk.clock.advance(0)
    stop()
    desk.subscribe(lambda message: second.append(message.number))
    desk.clock.advance(0)
    assert (first, second) == ([1], [2])
    release.callback(None)
    desk.clock.pump([1.0] * 100)
    assert (first, second) == ([1], [2])
    assert desk.inbox.unread == 0


def test_a_reader_for_which_there_is_no_place_begins_once_there_is_one() -> None:
    desk, told = Desk(1), list[int]()
    for number in range(MAX_READERS):
        desk.subscribe(lambda _: None, reader=f"r{number}")
    desk.clock.advance(0)
    desk.subscribe(lambda message: told.append(message.number), reader="more")
    with capturedLogs() as logs:
        desk.clock.advance(0)
    assert "64 named readers already" in str([log["error"] for log in logs if log["log_level"].name == "error"])
    assert told == []
    del desk.inbox._readers["r0", "text"]
    desk.clock.pump([1.0] * 300)
    assert told == [1]
