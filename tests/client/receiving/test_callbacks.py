"""Handing messages to applications that fail, or take their time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from twisted.internet.defer import Deferred

from client.api import (
    ReceivedMessage,
)
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
