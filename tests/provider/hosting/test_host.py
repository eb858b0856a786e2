"""Asking services: uniform failures, limits, and one answer to a request that is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from loopixmix.requests.single import ReplyStatus, ServiceReply, decode_reply, encode_request
from loopixmix.routing.path import service_id
from provider.api import ServiceRefusedError
from provider.hosting.host import MAX_REMEMBERED, MAX_WAITERS, REMEMBERED_S, HostingRules, ServiceBusyError, ServiceHost

OK, FAILED = ReplyStatus.OK, ReplyStatus.FAILED
RULES = HostingRules(max_requests=3, timeout_s=10)


@dataclass(frozen=True)
class Size:
    payload_bytes: int = 2048


class Oracle:
    """Answers when the test wants it to."""

    name = "oracle"

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Deferred[bytes]]] = []
        self.closed = False

    async def answer(self, body: bytes) -> bytes:
        answer: Deferred[bytes] = Deferred()
        self.asked.append((body, answer))
        return await answer

    async def close(self) -> None:
        self.closed = True


class Moody:
    """Does what the body says."""

    name = "moody"

    async def answer(self, body: bytes) -> bytes:
        match body.split():
            case [b"say", number]:
                return bytes(int(number))
            case [b"refuse"]:
                raise ServiceRefusedError("no: marked-secret")
            case [b"break"]:
                raise RuntimeError("oh: marked-secret")
            case _:
                await succeed(None)
                return b"later"


class Mirror:
    """Answers payloads."""

    name = "mirror"

    def reply(self, payload: bytes) -> bytes:
        return payload[::-1]


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.oracle = Oracle()
        self.host = ServiceHost([self.oracle, Moody(), Mirror()], rules=RULES, clock=self.clock, geometry=Size())
        self.count = 0

    def ask(
        self, service: str, body: bytes, *, request_id: int | None = None
    ) -> list[ServiceReply | type[BaseException]]:
        """Send a request and return a list that the answer comes into."""
        self.count += 1
        payload = encode_request((request_id or self.count).to_bytes(16), body, Size())
        return self.deliver(service, payload)

    def deliver(self, service: str, payload: bytes) -> list[ServiceReply | type[BaseException]]:
        answers: list[ServiceReply | type[BaseException]] = []
        self.host.answer(service_id(service), payload).addCallbacks(
            lambda answer: answers.append(decode_reply(answer)),
            lambda failure: answers.append(type(failure.value)),
        )
        return answers


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    Deferred.fromCoroutine(world.host.close())
    assert world.clock.getDelayedCalls() == []
    assert world.oracle.closed


def test_a_request_is_answered(world: World) -> None:
    answers = world.ask("oracle", b"when?")
    [(body, answer)] = world.oracle.asked
    assert (body, answers) == (b"when?", [])
    answer.callback(b"soon")
    assert answers == [ServiceReply(OK, b"soon")]
    assert world.ask("moody", b"later") == [ServiceReply(OK, b"later")]
    assert world.host.answered == 2


def test_a_payload_service_answers_the_payload_itself(world: World) -> None:
    assert world.host.answer(service_id("mirror"), b"abc").result == b"cba"


def test_services_are_known_by_their_ids(world: World) -> None:
    assert world.host.names == ("mirror", "moody", "oracle")
    assert world.host.is_service(service_id("moody"))
    assert not world.host.is_service(service_id("mood"))


@pytest.mark.parametrize("body", [b"refuse", b"break", b"say 2048"])
def test_every_failure_is_the_same_answer(world: World, logged: list[LogEvent], body: bytes) -> None:
    assert world.ask("moody", body) == [ServiceReply(FAILED, b"")]
    assert "marked-secret" not in repr(logged)
    assert bool(logged) == (body != b"refuse")
    assert all("moody" in str(event) for event in logged)


def test_the_longest_answer_fits(world: World) -> None:
    assert world.ask("moody", b"say 2047") == [ServiceReply(OK, bytes(2047))]


@pytest.mark.parametrize("payload", [b"", b"\x02" + bytes(16), bytes(20)])
def test_what_is_no_request_fails_the_same_way(world: World, payload: bytes) -> None:
    assert world.deliver("moody", payload) == [ServiceReply(FAILED, b"")]


def test_a_service_that_takes_too_long_fails_the_same_way(world: World, logged: list[LogEvent]) -> None:
    answers = world.ask("oracle", b"ever?")
    world.clock.advance(9.9)
    assert answers == []
    world.clock.advance(0.2)
    assert answers == [ServiceReply(FAILED, b"")]
    assert len(logged) == 1


def test_a_request_sent_again_is_answered_from_memory(world: World) -> None:
    first = world.ask("oracle", b"q", request_id=7)
    second = world.ask("oracle", b"q", request_id=7)
    assert len(world.oracle.asked) == 1
    world.oracle.asked[0][1].callback(b"a")
    third = world.ask("oracle", b"q", request_id=7)
    assert first == second == third == [ServiceReply(OK, b"a")]
    assert len(world.oracle.asked) == 1


def test_a_failure_is_remembered_too(world: World) -> None:
    world.ask("oracle", b"q", request_id=7)
    world.clock.advance(11)
    assert world.ask("oracle", b"q", request_id=7) == [ServiceReply(FAILED, b"")]
    assert len(world.oracle.asked) == 1


def test_an_answer_is_given_to_nobody_who_knows_the_request_s_id_only(world: World) -> None:
    world.ask("oracle", b"q", request_id=7)
    world.oracle.asked[0][1].callback(b"private")
    assert world.ask("oracle", b"other", request_id=7) == []
    assert world.ask("moody", b"say 1", request_id=7) == [ServiceReply(OK, b"\0")]
    assert len(world.oracle.asked) == 2


def test_answers_are_forgotten_after_a_while(world: World) -> None:
    world.ask("moody", b"say 1", request_id=7)
    world.clock.advance(REMEMBERED_S - 1)
    world.ask("moody", b"say 1", request_id=7)
    assert world.host.answered == 1
    world.clock.advance(2)
    world.ask("moody", b"say 1", request_id=7)
    assert world.host.answered == 2


def test_only_so_many_answers_are_remembered(world: World) -> None:
    for _ in range(MAX_REMEMBERED + 10):
        world.ask("moody", b"say 1")
    assert len(world.host._remembered) <= MAX_REMEMBERED


def test_a_busy_service_gives_no_answer_and_leaves_the_others_theirs(world: World) -> None:
    answers = [world.ask("oracle", b"%d" % n) for n in range(4)]
    assert answers == [[], [], [], [ServiceBusyError]]
    assert world.ask("moody", b"say 1") == [ServiceReply(OK, b"\0")]
    world.oracle.asked[0][1].callback(b"a")
    assert world.ask("oracle", b"more") == []
    assert len(world.oracle.asked) == 4


def test_copies_of_one_slow_request_take_a_bounded_place(world: World) -> None:
    """One sender must not fill the memory with packets that repeat a request while it is being answered."""
    answers = [world.ask("oracle", b"q", request_id=7) for _ in range(MAX_WAITERS + 2)]
    assert answers == [[]] * MAX_WAITERS + [[ServiceBusyError]] * 2
    world.oracle.asked[0][1].callback(b"a")
    assert answers[:MAX_WAITERS] == [[ServiceReply(OK, b"a")]] * MAX_WAITERS
    assert len(world.oracle.asked) == 1


def test_closing_breaks_off_what_is_under_way(world: World) -> None:
    answers = world.ask("oracle", b"q")
    Deferred.fromCoroutine(world.host.close())
    assert answers == [ServiceReply(FAILED, b"")]
