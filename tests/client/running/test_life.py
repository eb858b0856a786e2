"""Starting and stopping, whenever that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.api import (
    NotRunningError,
)
from loopixmix.errors import StoreError
from tests.worlds.clients.parts import FailingStore
from tests.worlds.clients.world import World

T = TypeVar("T")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def test_a_store_that_cannot_be_read_at_the_start(world: World) -> None:
    alice = world.person("alice@home")
    alice.stop()
    alice.store.close()
    store = alice.store = FailingStore(None)
    store.failing = True
    alice.start()
    with pytest.raises(StoreError, match="disk is full"):
        world.run(alice.client.status())


def test_nothing_can_be_asked_of_a_stopped_client(world: World) -> None:
    alice = world.person("alice@home")
    alice.stop()
    for asking in (alice.client.status, alice.client.inbox, alice.client.contacts, alice.client.newest):
        with pytest.raises(NotRunningError):
            world.run(asking())


def test_a_client_may_be_stopped_before_it_has_begun(world: World) -> None:
    person = world.person(work_s=0.1)
    asking = Deferred.fromCoroutine(person.client.status())
    person.client.on_received("text", lambda message: None)
    person.stop()
    person.client.on_received("text", lambda message: None)
    with pytest.raises(NotRunningError):
        world.run(asking)


class RefusingStore(FailingStore):
    """A store that counts what it refused."""

    refused = 0

    def write(self, work: Callable[[Connection], T]) -> T:
        self.refused += self.failing
        return super().write(work)


def test_what_the_store_refused_is_written_at_the_stop(world: World) -> None:
    bob = world.person("bob@away")
    alice = world.person()
    alice.stop()
    alice.store.close()
    store = alice.store = RefusingStore(None)
    alice.start()
    world.run(alice.client.register("alice", "home"))
    world.acquaint(alice, bob)
    world.clock.run_for(30)
    alice.link.cut = True
    world.run(alice.client.send("bob@away", b"x", kind="text", idempotency_key="1"))
    world.clock.run_for(5)
    store.failing = True
    alice.link.cut = False
    world.clock.run_for(30, until=lambda: bool(store.refused))
    store.failing = False
    alice.stop()
    query = "SELECT state FROM messages"
    assert store.write(lambda c: c.exec_driver_sql(query).scalar_one()) == "sending"
