"""Answers are collected whole, within a bound, or not at all."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.resource import Resource
from twisted.web.server import Request

from loopixmix.errors import UnavailableError
from loopixmix.web.calls import BodyCollector, BrokenAnswerError, LongAnswerError, client_of
from loopixmix.web.sites import BoundedFactory, QuietSite
from tests.worlds.clients.memory_web import MemoryWeb


class Echo(Resource):
    """Gives back what it got."""

    isLeaf = True  # noqa: N815

    def render_PUT(self, request: Request) -> bytes:
        return request.content.read()


def collector(limit_bytes: int | None = None) -> BodyCollector:
    made = BodyCollector(limit_bytes)
    made.makeConnection(StringTransport())
    return made


def result(complete: Deferred[bytes]) -> object:
    found: list[object] = []
    complete.addBoth(found.append)
    [value] = found
    return value.value if isinstance(value, Failure) else value


@pytest.mark.parametrize("reason", [ResponseDone(), PotentialDataLoss()])
def test_a_whole_answer(reason: Exception) -> None:
    taken = collector(10)
    taken.dataReceived(b"hello ")
    taken.dataReceived(b"you!")
    taken.connectionLost(Failure(reason))
    assert result(taken.complete) == b"hello you!"


def test_an_answer_that_is_too_long_is_not_read_on() -> None:
    taken = collector(3)
    taken.dataReceived(b"four")
    assert taken.transport.disconnecting
    taken.dataReceived(b"more")
    taken.connectionLost(Failure(ResponseDone()))
    error = result(taken.complete)
    assert isinstance(error, LongAnswerError)
    assert isinstance(error, UnavailableError)
    assert str(error) == "the answer is longer than 3 bytes"


def test_half_an_answer_is_none() -> None:
    taken = collector()
    taken.dataReceived(b"half")
    taken.connectionLost(Failure(ConnectionLost()))
    assert isinstance(result(taken.complete), BrokenAnswerError)


def test_giving_up_closes_the_connection() -> None:
    taken = collector()
    taken.complete.addErrback(lambda _: None)
    taken.complete.cancel()
    assert taken.transport.disconnecting


def test_a_client_writes_a_body_and_reads_the_answer() -> None:
    clock = Clock()
    web = MemoryWeb(clock)
    web.listen("127.0.0.1", 8000, BoundedFactory(QuietSite(Echo(), clock=clock), most=1))
    client = client_of(web.agent())

    async def ask() -> bytes:
        response = await client.put("http://127.0.0.1:8000/", data=b"marco", unbuffered=True, reactor=clock)
        taken = BodyCollector(100)
        response.deliverBody(taken)
        return await taken.complete

    asked = Deferred.fromCoroutine(ask())
    clock.pump([0.0] * 20)
    assert result(asked) == b"marco"
