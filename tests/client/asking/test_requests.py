"""Anonymous requests to hosted services."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import (
    MAX_REQUEST_BYTES,
    NotRunningError,
    RequestTimeoutError,
    ServiceFailedError,
    TooLongError,
    UnknownServiceError,
)
from loopixmix.errors import UnavailableError
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import Person, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


@pytest.fixture
def alice(world: World) -> Person:
    return world.person("alice@home")


def start(person: Person, service: str, body: bytes, *, timeout_s: float = 300) -> list[bytes | Failure]:
    results: list[bytes | Failure] = []
    Deferred.fromCoroutine(person.client.request(service, body, timeout_s=timeout_s)).addBoth(results.append)
    return results


def test_the_longest_request_is_answered(world: World, alice: Person) -> None:
    body = world.rng.randbytes(MAX_REQUEST_BYTES)
    assert world.run(alice.client.request("echo@away", body, timeout_s=600)) == body
    with pytest.raises(TooLongError, match="at most 262144 bytes, not 262145"):
        world.run(alice.client.request("echo@away", body + b"x", timeout_s=60))


def test_a_service_that_fails_is_told_so(world: World, alice: Person) -> None:
    with pytest.raises(ServiceFailedError, match="broken could not"):
        world.run(alice.client.request("broken", b"x", timeout_s=60))


def test_a_lost_request_is_sent_again_with_the_same_id(world: World, alice: Person) -> None:
    away = world.providers["away"]
    away.requests.clear()
    world.loss = 1.0
    results = start(alice, "echo@away", b"hello")
    world.clock.run_for(5)
    world.loss = 0.0
    world.clock.run_for(60)
    assert results == [b"hello"]
    assert len(away.requests) == 1


def test_a_lost_answer_is_asked_for_again_and_the_service_works_once(world: World, alice: Person) -> None:
    away, home = world.providers["away"], world.providers["home"]
    away.requests.clear()
    home.full = True
    results = start(alice, "echo@away", b"hello")
    world.clock.run_for(5)
    home.full = False
    world.clock.run_for(60)
    assert results == [b"hello"]
    assert len(away.requests) == 2
    assert len(set(away.requests)) == 1


def test_many_requests_at_once_are_all_answered(world: World, alice: Person) -> None:
    results = [start(alice, "echo", b"%d" % number) for number in range(20)]
    world.clock.run_for(30)
    assert results == [[b"%d" % number] for number in range(20)]


def test_requests_take_turns_with_messages(world: World, alice: Person) -> None:
    bob = world.person("bob@away")
    world.acquaint(alice, bob)
    world.run(alice.client.send("bob@away", bytes(200_000), kind="text", idempotency_key="1"))
    world.clock.run_for(3)
    results = start(alice, "echo", b"quick")
    world.clock.run_for(8)
    assert results == [b"quick"]


def test_a_request_waits_for_a_document_and_a_link(world: World, alice: Person) -> None:
    document, world.document = world.document, None
    alice.restart()
    results = start(alice, "echo", b"hello")
    with pytest.raises(RequestTimeoutError, match="no network document"):
        world.run(alice.client.request("echo", b"x", timeout_s=3))
    alice.link.cut = True
    assert document is not None
    alice.client.adopt(document)
    world.clock.run_for(20)
    alice.link.cut = False
    world.clock.run_for(20)
    assert results == [b"hello"]


def test_a_request_ends_with_its_time(world: World, alice: Person) -> None:
    alice.link.cut = True
    before_s = world.clock.seconds()
    with pytest.raises(RequestTimeoutError, match="within 7 s"):
        world.run(alice.client.request("echo@away", b"x", timeout_s=7))
    assert world.clock.seconds() == pytest.approx(before_s + 7)
    alice.link.cut = False
    away = world.providers["away"]
    away.requests.clear()
    world.clock.run_for(20)
    assert away.requests == []  # what nobody waits for is not sent


def test_a_request_whose_caller_went_away_is_not_sent(world: World, alice: Person) -> None:
    alice.link.cut = True
    asking = Deferred.fromCoroutine(alice.client.request("echo@away", b"x", timeout_s=300))
    failures: list[Failure] = []
    asking.addErrback(failures.append)
    asking.cancel()
    assert len(failures) == 1
    alice.link.cut = False
    away = world.providers["away"]
    away.requests.clear()
    world.clock.run_for(20)
    assert away.requests == []


def test_stopping_ends_all_requests(world: World, alice: Person) -> None:
    alice.link.cut = True
    results = start(alice, "echo", b"x")
    alice.stop()
    [failure] = results
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, UnavailableError)
    with pytest.raises(NotRunningError):
        world.run(alice.client.request("echo", b"x", timeout_s=1))


def test_an_unknown_service_at_a_known_provider(world: World, alice: Person) -> None:
    with pytest.raises(UnknownServiceError, match="nothing@home"):
        world.run(alice.client.request("nothing@home", b"x", timeout_s=1))


def test_requests_that_have_ended_wait_for_no_turn() -> None:
    parts = Parts()
    parts.go_online()
    nodes = tuple(
        msgspec.structs.replace(node, services=("echo",)) if node.layer is None else node
        for node in parts.document.nodes
    )
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=nodes))
    failures: list[Failure] = []
    for _ in range(10):
        Deferred.fromCoroutine(parts.requests.ask("echo", b"x", timeout_s=5)).addErrback(failures.append)
    assert len(parts.queue) == 10
    parts.clock.advance(5)
    assert len(failures) == 10
    assert len(parts.queue) == 1  # the one at hand, which is left out at its turn
    assert parts.send_next() is None
    parts.close()
