"""Requests of version 1: uniform failures, limits, and one answer to a request that is sent again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import succeed
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.requests.single import ReplyStatus, ServiceReply, decode_reply, encode_request
from loopixmix.routing.path import service_id
from provider.api import Declaration, ServiceRefusedError
from provider.hosting.single import MAX_REMEMBERED, MAX_WAITERS, REMEMBERED_S
from provider.store import MailStore
from tests.worlds.mailboxes.hosts import SIZE, HostWorld, Oracle

OK, FAILED = ReplyStatus.OK, ReplyStatus.FAILED


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
            case [b"mumble"]:
                return "marked-secret"  # type: ignore[return-value]
            case _:
                await succeed(None)
                return b"later"


class World(HostWorld):
    def __init__(self, store: MailStore) -> None:
        self.oracle = Oracle(declaration=Declaration(at_once=2, queue=1, timeout_s=10))
        super().__init__(store, [self.oracle, Moody()])

    def ask_single(self, service: str, body: bytes, *, request_id: int | None = None) -> list[ServiceReply]:
        """Send a request; return a list that the answer comes into at the next look."""
        payload = encode_request((request_id or self.count + 1).to_bytes(16), body, SIZE)
        return self.deliver(service, payload)

    def deliver(self, service: str, payload: bytes) -> list[ServiceReply]:
        surb = self.surb()
        self.last_drop = self.host.take(service_id(service), payload, surb)
        return Replies(self, surb.header[:8])


class Replies(list[ServiceReply]):
    """What was said by one reply block until now."""

    def __init__(self, world: HostWorld, header: bytes) -> None:
        super().__init__()
        self._world = world
        self._header = header

    def __eq__(self, other: object) -> bool:
        return [decode_reply(said) for header, said in self._world.blocks.used if header == self._header] == other

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def world(store: MailStore) -> Iterator[World]:
    world = World(store)
    yield world
    world.stop()
    assert world.oracle.closed


def test_a_request_is_answered(world: World) -> None:
    answers = world.ask_single("oracle", b"when?")
    [(body, answer)] = world.oracle.asked
    assert body == b"when?"
    assert answers == []
    answer.callback(b"soon")
    assert answers == [ServiceReply(OK, b"soon")]
    assert world.ask_single("moody", b"later") == [ServiceReply(OK, b"later")]
    assert world.host.answered == 2


@pytest.mark.parametrize("body", [b"refuse", b"break", b"mumble", b"say 300000", b"say 2048"])
def test_every_failure_is_the_same_answer(world: World, logged: list[LogEvent], body: bytes) -> None:
    assert world.ask_single("moody", body) == [ServiceReply(FAILED, b"")]
    assert "marked-secret" not in repr(logged)
    # A refusal is no error of the service; nor is an answer that is too long for one packet only.
    assert bool(logged) == (body not in (b"refuse", b"say 2048"))
    assert all("moody" in str(event) for event in logged)


def test_the_longest_answer_fits(world: World) -> None:
    assert world.ask_single("moody", b"say 2047") == [ServiceReply(OK, bytes(2047))]


@pytest.mark.parametrize("payload", [b"", b"\x03" + bytes(16), b"\x01" + bytes(15)])
def test_what_is_no_request_fails_the_same_way(world: World, payload: bytes) -> None:
    assert world.deliver("moody", payload) == [ServiceReply(FAILED, b"")]


def test_a_service_that_takes_too_long_fails_the_same_way(world: World, logged: list[LogEvent]) -> None:
    answers = world.ask_single("oracle", b"ever?")
    world.clock.advance(9.9)
    assert answers == []
    world.clock.advance(0.2)
    assert answers == [ServiceReply(FAILED, b"")]
    assert len(logged) == 1


def test_a_request_sent_again_is_answered_from_memory(world: World) -> None:
    first = world.ask_single("oracle", b"q", request_id=7)
    second = world.ask_single("oracle", b"q", request_id=7)
    assert world.oracle.bodies == [b"q"]
    world.oracle.asked[0][1].callback(b"a")
    third = world.ask_single("oracle", b"q", request_id=7)
    for each in (first, second, third):
        assert each == [ServiceReply(OK, b"a")]
    assert world.oracle.bodies == [b"q"]


def test_a_failure_is_remembered_too(world: World) -> None:
    world.ask_single("oracle", b"q", request_id=7)
    world.clock.advance(11)
    assert world.ask_single("oracle", b"q", request_id=7) == [ServiceReply(FAILED, b"")]
    assert world.oracle.bodies == [b"q"]


def test_an_answer_is_given_to_nobody_who_knows_the_request_s_id_only(world: World) -> None:
    world.ask_single("oracle", b"q", request_id=7)
    world.oracle.asked[0][1].callback(b"private")
    assert world.ask_single("oracle", b"other", request_id=7) == []
    assert world.ask_single("moody", b"say 1", request_id=7) == [ServiceReply(OK, b"\0")]
    assert world.oracle.bodies == [b"q", b"other"]


def test_answers_are_forgotten_after_a_while(world: World) -> None:
    world.ask_single("moody", b"say 1", request_id=7)
    world.clock.advance(REMEMBERED_S - 1)
    world.ask_single("moody", b"say 1", request_id=7)
    assert world.host.answered == 1
    world.clock.advance(2)
    world.ask_single("moody", b"say 1", request_id=7)
    assert world.host.answered == 2


def test_only_so_many_answers_are_remembered(world: World) -> None:
    for _ in range(MAX_REMEMBERED + 10):
        world.ask_single("moody", b"say 1")
    assert len(world.host._single._remembered) == MAX_REMEMBERED


def test_a_busy_service_gives_no_answer_and_leaves_the_others_theirs(world: World) -> None:
    drops = []
    for number in range(4):
        world.ask_single("oracle", b"%d" % number)
        drops.append(world.last_drop)
    assert drops == [None, None, None, DropReason.OVERLOADED]
    assert world.oracle.bodies == [b"0", b"1"]
    assert world.ask_single("moody", b"say 1") == [ServiceReply(OK, b"\0")]
    world.oracle.asked[0][1].callback(b"a")
    assert world.oracle.bodies == [b"0", b"1", b"2"]


def test_copies_of_one_slow_request_take_a_bounded_place(world: World) -> None:
    """One sender must not fill the memory with packets that repeat a request while it is being answered."""
    answers, drops = [], []
    for _ in range(MAX_WAITERS + 2):
        answers.append(world.ask_single("oracle", b"q", request_id=7))
        drops.append(world.last_drop)
    assert drops == [None] * MAX_WAITERS + [DropReason.OVERLOADED] * 2
    world.oracle.asked[0][1].callback(b"a")
    assert all(answer == [ServiceReply(OK, b"a")] for answer in answers[:MAX_WAITERS])
    assert answers[-1] == []
    assert world.oracle.bodies == [b"q"]
