"""The guest book without a network: the real service and the real application, joined by fake clients."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from guestbook_app import Visitor
from guestbook_service import Guestbook
from twisted.internet.task import Clock

from client.api import RequestTimeoutError, ServiceFailedError
from client.testing import FakeNetwork, wait_for
from loopixmix.requests.names import Publish
from provider.api import ServiceContext


class NoKeys:
    """The cards of a provider that has none: the guest book needs no keys."""

    async def card(self, name: str) -> bytes:
        return b""

    async def publish(self, publish: Publish) -> bool:
        return False


class World:
    """Alice, Bob and a provider with a guest book. Nothing happens until the clock moves."""

    def __init__(self, directory: Path) -> None:
        self.clock, rng = Clock(), random.Random(1)
        self.network = FakeNetwork(clock=self.clock, rng=rng, delay_s=1.0)
        context = ServiceContext(
            provider=bytes(32), directory=directory, clock=self.clock, rng=rng, keys=NoKeys(), settings={}
        )
        self.network.add_service(Guestbook(context), provider="away")
        self.alice = Visitor(self.network.client("alice@home"))
        self.bob = Visitor(self.network.client("bob@away"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_was_signed_can_be_read(world: World) -> None:
    assert wait_for(world.alice.read(), world.clock) == []
    wait_for(world.alice.sign("I was here"), world.clock)
    assert wait_for(world.bob.read(), world.clock) == ["I was here"]


def test_a_line_that_is_too_long_is_refused(world: World) -> None:
    with pytest.raises(ServiceFailedError):
        wait_for(world.alice.sign("x" * 201), world.clock)


def test_an_invitation_is_accepted_though_it_came_before_anybody_listened(world: World) -> None:
    wait_for(world.bob.client.add_contact("alice@home"), world.clock)
    wait_for(world.alice.invite("bob@away"), world.clock)
    world.clock.advance(10)
    world.bob.accept_invitations()
    world.clock.pump([1.0] * 5)
    assert wait_for(world.alice.read(), world.clock) == ["invited by alice@home"]


def test_an_invitation_by_somebody_unknown_is_not_accepted(world: World) -> None:
    wait_for(world.alice.invite("bob@away"), world.clock)
    world.bob.accept_invitations()
    world.clock.pump([1.0] * 10)
    assert wait_for(world.alice.read(), world.clock) == []


def test_a_lost_request_is_an_error_that_says_so(world: World) -> None:
    world.network.lose_next()
    with pytest.raises(RequestTimeoutError):
        wait_for(world.alice.read(), world.clock)
