"""One connection: what is wrong is told, then it ends, whatever the peer goes on to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from loopixmix.web.channels import (
    BODY_BYTES_PER_S,
    BODY_TIMEOUT_S,
    HEAD_TIMEOUT_S,
    LINGER_S,
    BoundedChannel,
    LastAnswer,
)
from loopixmix.web.sites import IDLE_TIMEOUT_S, BoundedRequest, QuietSite

LIMIT_BYTES, DISCARD_BYTES = 100, 5000
UPLOAD = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"


class Wire(StringTransport):
    """A transport whose peer never closes."""

    wrote_all = False

    def loseWriteConnection(self) -> None:
        self.wrote_all = True


class Waiting(Resource):
    """Never answers; notes whose callers went away."""

    isLeaf = True  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.gone: list[Failure] = []

    def render_GET(self, request: Request) -> int:
        request.notifyFinish().addErrback(self.gone.append)
        return NOT_DONE_YET

    def render_POST(self, request: Request) -> bytes:
        return b"read me"


class Bench:
    """One connection to a site."""

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.clock, self.wire, self.root = Clock(), Wire(), Waiting()
        make = partial(BoundedRequest, limit_bytes=limit_bytes, discard_bytes=DISCARD_BYTES, too_long=too_long)
        self.channel: BoundedChannel = QuietSite(self.root, clock=self.clock, make_request=make).buildProtocol(None)
        self.channel.makeConnection(self.wire)

    def send(self, data: bytes) -> bytes:
        self.channel.dataReceived(data)
        return self.wire.value()

    def end(self) -> None:
        self.channel.connectionLost(Failure(ConnectionAborted()))
        assert self.clock.getDelayedCalls() == []


def too_long(request: Request) -> bytes:
    request.setResponseCode(413)
    return b"too long"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_body_that_is_too_long_is_answered_before_it_comes(bench: Bench) -> None:
    told = bench.send(UPLOAD.replace(b"Host", b"Expect: 100-continue\r\nHost"))
    assert told.startswith(b"HTTP/1.1 413 ")
    assert told.endswith(b"\r\nConnection: close\r\n\r\ntoo long")
    assert bench.wire.wrote_all
    assert not bench.wire.disconnecting
    bench.end()


def test_what_still_comes_is_read_past_within_bounds(bench: Bench) -> None:
    told = bench.send(UPLOAD)
    assert bench.send(bytes(DISCARD_BYTES)) == told
    assert not bench.wire.disconnected
    bench.send(b"x")
    assert bench.wire.disconnected
    bench.end()


def test_and_not_for_long(bench: Bench) -> None:
    bench.send(UPLOAD)
    bench.clock.advance(LINGER_S - 1)
    bench.send(b"x")
    bench.clock.advance(1)
    assert bench.wire.disconnected
    bench.end()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + bytes(20_000), 431),
        (b"GET /" + bytes(20_000), 414),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"1" * 5000 + b"\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: a\r\n", 400),
        (b"GET /a/%c3%28?b HTTP/1.1\r\nHost: a\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \xff\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: \xff\r\n", 400),
    ],
)
def test_what_cannot_be_read_is_told_in_plain_words(bench: Bench, raw: bytes, status: int) -> None:
    told = bench.send(raw + b"\r\nGET / HTTP/1.1\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 %d " % status)
    assert told.count(b"Connection: close") == 1
    assert bench.root.gone == []
    bench.end()


@pytest.mark.parametrize(("begun", "status"), [(b"", b""), (b"GET ", b"HTTP/1.1 408 ")])
def test_a_request_that_does_not_come_is_not_waited_for(bench: Bench, begun: bytes, status: bytes) -> None:
    for piece in (begun, b"", b""):
        bench.send(piece)
        bench.clock.advance(HEAD_TIMEOUT_S / 3)
    bench.clock.advance(0.1)
    assert bench.wire.value()[: len(status) or None] == status
    assert bench.wire.disconnecting or bench.wire.wrote_all
    bench.end()


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="headers of the first request"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", id="of a later one"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\n\r\nPOST", id="of one that began with the one before"),
        pytest.param(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n", id="body"),
    ],
)
def test_a_byte_now_and_then_keeps_no_connection(bench: Bench, begun: bytes) -> None:
    bench.send(begun)
    answered = bench.wire.value()
    for _ in range(round(max(HEAD_TIMEOUT_S, BODY_TIMEOUT_S)) + 2):
        if bench.wire.wrote_all:
            break
        bench.send(b"A")
        bench.clock.advance(1)
    assert bench.wire.value()[len(answered) :].startswith(b"HTTP/1.1 408 ")
    bench.end()


@pytest.mark.parametrize("how", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_a_long_body_has_longer(how: bytes) -> None:
    bench = Bench(limit_bytes=100 * BODY_BYTES_PER_S)
    bench.send(b"PUT / HTTP/1.1\r\nHost: a\r\n" + how.replace(b"100", b"%d" % (100 * BODY_BYTES_PER_S)) + b"\r\n\r\n")
    for _ in range(round(BODY_TIMEOUT_S) + 99):
        bench.send(b"" if b"chunked" in how else b"1")
        bench.clock.advance(1 - (b"chunked" in how))
    assert not bench.wire.wrote_all
    bench.end()


def test_between_requests_a_connection_may_rest(bench: Bench) -> None:
    for _ in range(3):
        bench.send(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.clock.advance(IDLE_TIMEOUT_S - 1)
    assert bench.wire.value().count(b"read me") == 3
    assert not bench.wire.disconnecting
    bench.end()


def test_a_peer_that_never_reads_its_last_answer_is_not_waited_for(bench: Bench) -> None:
    told = bench.send(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert told.endswith(b"read me")
    assert (bench.wire.disconnecting, bench.wire.disconnected) == (True, False)
    bench.clock.advance(IDLE_TIMEOUT_S)
    assert bench.wire.disconnected
    bench.end()


def test_a_body_that_stops_coming_is_told_so(bench: Bench) -> None:
    bench.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123")
    bench.clock.advance(IDLE_TIMEOUT_S)
    assert bench.wire.value().startswith(b"HTTP/1.1 408 ")
    bench.end()


@pytest.mark.parametrize("end", [lambda channel: channel.stop(), lambda channel: channel.end_with(LastAnswer(503))])
def test_a_call_under_way_is_told_of_the_end_and_cancelled(bench: Bench, end: Callable[[BoundedChannel], None]) -> None:
    bench.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    end(bench.channel)
    assert bench.wire.value().startswith(b"HTTP/1.1 503 ")
    assert bench.wire.disconnecting
    assert len(bench.root.gone) == 1
    bench.end()


def test_the_answer_to_head_has_no_body(bench: Bench) -> None:
    told = bench.send(UPLOAD.replace(b"PUT", b"HEAD"))
    assert told.startswith(b"HTTP/1.1 413 ")
    assert told.endswith(b"\r\n\r\n")
    bench.end()
