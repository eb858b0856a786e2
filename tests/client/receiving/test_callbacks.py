"""Handing messages to applications that fail, or take their time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import ReceivedMessage, Verified
from client.feeds.failures import CallbackFailures
from client.receiving.callbacks import Callbacks
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


class Waiting:
    """Messages of which a test says that they came; marking them fails while the disk is full."""

    def __init__(self, *numbers: int) -> None:
        self.waiting = {number: message(number) for number in numbers}
        self.full = False

    async def first_unhandled(self, kind: str, *, after: int) -> ReceivedMessage | None:
        return next((each for number, each in sorted(self.waiting.items()) if number > after), None)

    async def unhandled(self, number: int) -> ReceivedMessage | None:
        return self.waiting.get(number)

    async def mark_handled(self, number: int) -> None:
        if self.full:
            raise StoreError("the disk is full")
        del self.waiting[number]


def message(number: int) -> ReceivedMessage:
    return ReceivedMessage(
        number=number, message_id="", sender=None, verified=Verified.UNKNOWN, kind="text", body=b"", received_at_s=0.0
    )


def test_a_message_that_was_handled_while_the_disk_was_full_is_marked_later_and_not_offered_again() -> None:
    messages, clock, told = Waiting(1, 2), Clock(), []
    messages.full = True
    callbacks = Callbacks(messages, clock=clock, failures=CallbackFailures())
    callbacks.subscribe("text", lambda message: told.append(message.number))
    clock.advance(0)
    clock.advance(1)
    assert (told, sorted(messages.waiting)) == ([1], [1, 2])
    messages.full = False
    clock.advance(2)
    assert (told, messages.waiting) == ([1, 2], {})
    callbacks.stop()
    assert clock.getDelayedCalls() == []


def test_one_that_another_callback_has_handled_is_not_offered_again() -> None:
    messages, clock, told, failures = Waiting(1), Clock(), [], CallbackFailures()

    def fail(message: ReceivedMessage) -> None:
        told.append(message.number)
        raise OSError("no space")

    Callbacks(messages, clock=clock, failures=failures).subscribe("text", fail)
    clock.advance(0)
    messages.waiting.clear()
    clock.advance(10)
    assert told == [1]
    assert [type(failure.error) for failure in failures.newest] == [OSError]
