"""The host: which service and which version a packet is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.requests.answers import AnswerShare
from loopixmix.requests.single import encode_request
from loopixmix.routing.path import service_id
from provider.api import Declaration
from provider.hosting.asking.ending import CLOSE_S
from provider.store import MailStore
from tests.worlds.mailboxes.hosts import SIZE, HostWorld, Oracle


class Mirror:
    """Answers payloads."""

    name = "mirror"

    def reply(self, payload: bytes) -> bytes:
        return payload[::-1]


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def world(store: MailStore, oracle: Oracle) -> Iterator[HostWorld]:
    world = HostWorld(store, [oracle, Mirror()])
    yield world
    world.stop()


def test_services_are_known_by_their_ids(world: HostWorld) -> None:
    assert world.host.names == ("mirror", "oracle")
    assert world.host.is_service(service_id("oracle"))
    assert world.host.is_service(service_id("mirror"))
    assert not world.host.is_service(service_id("orac"))


def test_a_payload_service_answers_the_payload_itself(world: HostWorld) -> None:
    for payload in (b"abc", b"\x02bc", b""):
        assert world.host.take(service_id("mirror"), payload, world.surb()) is None
        assert world.blocks.used[-1][1] == payload[::-1]
    assert world.host.answered == 3


def test_both_versions_are_asked_of_one_service(world: HostWorld, oracle: Oracle) -> None:
    world.host.take(service_id("oracle"), encode_request(bytes(16), b"one", SIZE), world.surb())
    request = world.ask("oracle", b"two")
    assert oracle.bodies == [b"one", b"two"]
    for _, answer in oracle.asked:
        answer.callback(b"done")
    assert world.blocks.used[-1][1] == b"\0done"
    assert world.said(request) == [AnswerShare(4, 1, 0, 0, b"done")]
    assert world.host.answered == 2


class ChangingAsker:
    """A program whose service declares other things when it is reached again."""

    name = "changing"
    problem = None

    def __init__(self) -> None:
        self.declaration = Declaration()
        self.oracle = Oracle("changing", Declaration(recognises_repetition=True))

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self.oracle.answer_again(repetition_key, body))

    async def stop(self) -> None:
        pass


def test_a_program_that_declares_something_else_is_served_by_that(store: MailStore) -> None:
    asker = ChangingAsker()
    world = HostWorld(store, [asker])
    before = world.ask("changing", b"before")
    assert "150 bytes kept" in world.host.figures()["service_changing"]
    asker.oracle.asked[0][1].callback(b"one")
    world.run(20.0)
    asker.declaration = Declaration(recognises_repetition=True, at_once=1, queue=1)
    requests = [world.ask("changing", body) for body in (b"first", b"second", b"third")]
    # One is under way, one waits, and nothing more is kept.
    assert asker.oracle.bodies == [b"before", b"first"]
    assert "1 under way, 1 waiting" in world.host.figures()["service_changing"]
    asker.oracle.asked[1][1].callback(b"two")
    world.run(20.0)
    assert asker.oracle.bodies == [b"before", b"first", b"second"]
    assert world.host.answered == 2
    assert world.said(requests[0])
    assert world.said(before)
    world.stop()
    assert world.clock.getDelayedCalls() == []


def test_requests_of_version_1_that_wait_may_come_again_when_limits_change(store: MailStore) -> None:
    asker = ChangingAsker()
    asker.declaration = Declaration(at_once=1, queue=2)
    world = HostWorld(store, [asker])
    recipient = service_id("changing")
    one, two, three = (encode_request(bytes([n]) * 16, b"%d" % n, SIZE) for n in (1, 2, 3))
    for payload in (one, two, two):
        assert world.host.take(recipient, payload, world.surb()) is None
    asker.declaration = Declaration(at_once=3)
    assert world.host.take(recipient, three, world.surb()) is None
    # Both copies of the second: their sender hears nothing, and sends again.
    assert world.facts.drops == [DropReason.OVERLOADED] * 2
    assert world.host.take(recipient, two, world.surb()) is None
    assert asker.oracle.bodies == [b"1", b"3", b"2"]
    asker.oracle.asked[2][1].callback(b"done")
    assert world.blocks.used[-1][1] == b"\0done"
    world.stop()


def test_a_memory_that_could_not_be_read_is_a_problem_and_is_read_again(store: MailStore, oracle: Oracle) -> None:
    store.write(lambda connection: connection.exec_driver_sql("ALTER TABLE requests RENAME TO elsewhere"))
    world = HostWorld(store, [oracle])
    assert "the store cannot be read" in (world.host.problem or "")
    world.rename("elsewhere", "requests")
    request = world.ask("oracle", b"q")
    assert oracle.bodies == []
    world.host.forget_old()
    world.run(0.1)
    assert world.host.problem is None
    world.send_all(request)
    world.run(0.1)
    assert oracle.bodies == [b"q"]
    world.stop()


def test_stopping_breaks_off_what_is_under_way_and_closes_services(world: HostWorld, oracle: Oracle) -> None:
    request = world.ask("oracle", b"q")
    world.stop()
    assert oracle.closed
    assert oracle.asked[0][1].called
    assert world.said(request) == []


def test_a_service_that_cannot_be_closed_keeps_no_other_open(
    store: MailStore, oracle: Oracle, logged: list[LogEvent]
) -> None:
    class Broken:
        name = "broken"

        async def answer(self, body: bytes) -> bytes:
            return body

        async def close(self) -> None:
            raise ValueError("hushed")

    world = HostWorld(store, [Broken(), oracle])
    world.stop()
    assert oracle.closed
    assert [event["service"] for event in logged] == ["broken"]
    assert "hushed" not in repr(logged)


def test_services_that_hang_are_waited_for_all_at_one_time(store: MailStore, oracle: Oracle) -> None:
    class Hanging(Mirror):
        async def close(self) -> None:
            await Deferred()

    class OtherHanging(Hanging):
        name = "other"

    world = HostWorld(store, [Hanging(), OtherHanging(), oracle])
    ended = Deferred.fromCoroutine(world.host.stop())
    assert oracle.closed
    world.run(CLOSE_S + 1.0)
    assert ended.called
    assert world.clock.getDelayedCalls() == []


def test_the_status_has_a_line_for_each_service(world: HostWorld, oracle: Oracle) -> None:
    world.ask("oracle", b"q")
    assert world.host.figures() == {
        "service_oracle": "0 answered, 0 failed, 0 refused, 1 under way, 0 waiting, 0 incomplete, "
        "0 answers put aside, 150 bytes kept"
    }
    oracle.asked[0][1].callback(b"four")
    world.clock.advance(0.1)
    assert world.host.figures()["service_oracle"].startswith("1 answered, 0 failed, 0 refused, 0 under way")
