"""One exchange with an authority, over connections in memory."""

from __future__ import annotations

from collections.abc import Coroutine

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from loopixmix.errors import UnavailableError
from loopixmix.following.fetcher import Answer, TreqFetcher
from loopixmix.web.calls import client_of
from loopixmix.web.sites import BoundedFactory, QuietSite
from tests.worlds.clients.memory_web import MemoryWeb

URL = "http://127.0.0.1:9000/v1/documents/current"


class Authority(Resource):
    """Answers with what it was told, if at all."""

    isLeaf = True  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.answers = b"a document"
        self.silent = False
        self.taken: list[bytes] = []

    def render_GET(self, request: Request) -> bytes | int:
        return NOT_DONE_YET if self.silent else self.answers

    def render_PUT(self, request: Request) -> bytes:
        self.taken.append(request.content.read())
        request.setResponseCode(204)
        return b""


class Bench:
    """An authority and one who asks it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.web = MemoryWeb(self.clock)
        self.authority = Authority()
        self.factory = BoundedFactory(QuietSite(self.authority, clock=self.clock), most=9)
        self.web.listen("127.0.0.1", 9000, self.factory)
        self.fetcher = TreqFetcher(client_of(self.web.agent()), clock=self.clock, answer_timeout_s=20.0)

    def ask(self, work: Coroutine[Deferred[object], object, Answer]) -> list[object]:
        results: list[object] = []
        self.asking = Deferred.fromCoroutine(work)
        self.asking.addBoth(lambda result: results.append(result.value if isinstance(result, Failure) else result))
        self.clock.pump([0.0] * 20)
        return results

    def stop(self) -> None:
        self.factory.close()
        self.clock.pump([0.0] * 5)
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_answer_comes_whole(bench: Bench) -> None:
    [answer] = bench.ask(bench.fetcher.get(URL, limit_bytes=100))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (200, b"a document")
    # The bench's clock begins in 1970, and the answer's date is today's.
    assert answer.ahead_s is not None
    assert answer.ahead_s < -1e9
    bench.stop()


def test_a_body_is_put(bench: Bench) -> None:
    [answer] = bench.ask(bench.fetcher.put(URL, b"a descriptor", limit_bytes=100))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (204, b"")
    assert bench.authority.taken == [b"a descriptor"]
    bench.stop()


def test_an_answer_that_is_too_long_is_none(bench: Bench) -> None:
    [error] = bench.ask(bench.fetcher.get(URL, limit_bytes=5))
    assert isinstance(error, UnavailableError)
    assert "longer than 5 bytes" in str(error)
    bench.stop()


def test_no_one_there(bench: Bench) -> None:
    [error] = bench.ask(bench.fetcher.get("http://127.0.0.1:9001/", limit_bytes=5))
    assert isinstance(error, UnavailableError)
    assert "refused" in str(error)
    bench.stop()


def test_an_authority_that_says_nothing_is_not_waited_for(bench: Bench) -> None:
    bench.authority.silent = True
    results = bench.ask(bench.fetcher.get(URL, limit_bytes=100))
    bench.clock.pump([19.0])
    assert results == []
    bench.clock.pump([1.1] + [0.0] * 10)
    [error] = results
    assert isinstance(error, UnavailableError)
    assert str(error) == "no complete answer within 20 s"
    bench.stop()


def test_who_stops_asking_is_told_so_and_not_that_the_authority_failed(bench: Bench) -> None:
    bench.authority.silent = True
    results = bench.ask(bench.fetcher.get(URL, limit_bytes=100))
    bench.asking.cancel()
    assert [type(error) for error in results] == [CancelledError]
    bench.stop()


def test_a_connection_that_breaks(bench: Bench) -> None:
    bench.authority.silent = True
    results = bench.ask(bench.fetcher.get(URL, limit_bytes=100))
    for connection in tuple(bench.factory.protocols):
        connection.abortConnection()
    bench.clock.pump([0.0] * 10)
    assert [str(error) for error in results] == ["the connection broke before the answer was complete"]
    bench.stop()
