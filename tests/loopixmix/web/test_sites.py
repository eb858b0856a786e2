"""Sites within bounds, spoken to in raw HTTP."""

from __future__ import annotations

import io
from functools import partial
from typing import cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IProtocolNegotiationFactory, ITransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from loopixmix.net.places import BoundedPlaces, KeptPlaces
from loopixmix.web.channels import BoundedChannel
from loopixmix.web.sites import GOODBYE_S, MAX_LEAVING, BoundedFactory, BoundedRequest, QuietSite
from tests.worlds.clients.memory_web import MemoryWeb, RawConversation, converse, request_bytes

PORT = 8000
LIMIT_BYTES, DISCARD_BYTES = 100, 100_000
WAITING = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
"""A whole request that gets no answer."""


class Echo(Resource):
    """Gives back what it got."""

    isLeaf = True  # noqa: N815

    def render_PUT(self, request: Request) -> bytes:
        return request.content.read()

    def render_GET(self, request: Request) -> int:
        return NOT_DONE_YET


class Judging(BoundedRequest):
    """Refuses before the body is there, twice over."""

    def gotLength(self, length: int | None) -> None:
        if self.requestHeaders.hasHeader("X-Unwelcome"):
            self.refuse(partial(refusal, 403, b"not you"))
            self.refuse(partial(refusal, 404, b"not here"))
        super().gotLength(length)


def refusal(status: int, body: bytes, request: Request) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Length", str(len(body)))
    return body


class Bench:
    """One site in memory."""

    def __init__(self, *, most: int = 10, most_per_address: int | None = None) -> None:
        self.clock = Clock()
        self.web = MemoryWeb(self.clock)
        make = partial(
            Judging,
            limit_bytes=LIMIT_BYTES,
            discard_bytes=DISCARD_BYTES,
            too_long=partial(refusal, 413, b"too long"),
        )
        self.site = QuietSite(Echo(), clock=self.clock, make_request=make, idle_timeout_s=30.0)
        self.factory = BoundedFactory(self.site, most=most, most_per_address=most_per_address)
        self.web.listen("127.0.0.1", PORT, self.factory)

    def raw(self, raw: bytes) -> RawConversation:
        return converse(self.web, PORT, raw)

    def put(self, body: bytes, **headers: str) -> RawConversation:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.raw(request_bytes("PUT", "/", {"Host": "a", "Connection": "close", **named}, body))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_body_within_the_limit_is_taken_whole(bench: Bench) -> None:
    answer = bench.put(b"x" * LIMIT_BYTES)
    assert answer.status == 200
    assert answer.received.endswith(b"x" * LIMIT_BYTES)


def test_a_longer_one_is_refused_with_its_reason(bench: Bench) -> None:
    answer = bench.put(b"x" * (LIMIT_BYTES + 1))
    assert answer.status == 413
    assert answer.received.endswith(b"too long")


def test_one_in_chunks_that_does_not_tell_its_length_is_refused_too(bench: Bench) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"40\r\n" + b"x" * 64 + b"\r\n"
    assert bench.raw(head + chunk + b"0\r\n\r\n").status == 200
    assert bench.raw(head + 2 * chunk + b"0\r\n\r\n").status == 413


def test_the_first_refusal_counts(bench: Bench) -> None:
    answer = bench.put(b"x" * (LIMIT_BYTES + 1), X_Unwelcome="yes")
    assert (answer.status, answer.received.endswith(b"not you")) == (403, True)


def test_an_idle_connection_is_closed(bench: Bench) -> None:
    conversation = bench.raw(b"PUT ")
    bench.clock.advance(31)
    bench.clock.advance(16)  # Twisted gives what was written a while to leave
    bench.clock.advance(0)
    assert conversation.closed


@pytest.mark.parametrize("bench", [Bench(most=2), Bench(most=10, most_per_address=2)])
def test_connections_are_counted_in_all_and_by_address(bench: Bench) -> None:
    kept = [bench.raw(WAITING) for _ in range(2)]
    one_too_many = bench.put(b"x")
    assert (one_too_many.status, one_too_many.closed) == (503, True)
    assert b"retry-after: 1" in one_too_many.head
    assert not any(conversation.closed for conversation in kept)
    cast(ITransport, kept[0].transport).loseConnection()
    bench.clock.advance(0)
    assert bench.put(b"x").status == 200


@pytest.mark.parametrize("bench", [Bench(most=2), Bench(most=10, most_per_address=2)])
def test_the_oldest_that_is_waited_for_makes_room(bench: Bench) -> None:
    silent, begun = bench.raw(b""), bench.raw(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1")
    assert bench.put(b"x").status == 200
    assert (silent.closed, begun.closed) == (True, False)
    waiting = bench.raw(WAITING)
    assert bench.put(b"x").status == 200
    assert (begun.status, waiting.closed) == (503, False)


def test_one_that_had_its_answer_is_ended_without_another(bench: Bench) -> None:
    bench = Bench(most=1)
    first = bench.raw(request_bytes("PUT", "/", {"Host": "a"}, b"1"))
    assert (first.status, first.closed) == (200, False)
    told = first.received
    assert bench.put(b"x").status == 200
    assert (first.received, first.closed) == (told, True)


def test_known_peers_have_places_of_their_own() -> None:
    bench = Bench(most=2)
    kept = KeptPlaces(BoundedPlaces[BoundedChannel](2), lambda host: host == "192.0.2.1")
    bench.factory = BoundedFactory(bench.site, most=2, kept=kept)

    def connect(host: str) -> StringTransport:
        transport = Stubborn(peerAddress=IPv4Address("TCP", host, 1))
        protocol = bench.factory.buildProtocol(transport.getPeer())
        protocol.makeConnection(transport)
        protocol.dataReceived(WAITING)
        return transport

    strangers = [connect("203.0.113.7") for _ in range(3)]
    known = [connect("192.0.2.1") for _ in range(3)]
    assert [b"503" in each.value()[:13] for each in strangers] == [False, False, True]
    assert [b"503" in each.value()[:13] for each in known] == [False, False, True]


def test_so_many_that_are_turned_away_are_heard_before_the_rest_is_cut() -> None:
    bench = Bench(most=1)
    bench.raw(WAITING)
    assert [bench.raw(b"PUT ").closed for _ in range(MAX_LEAVING + 1)] == [False] * MAX_LEAVING + [True]


class Stubborn(StringTransport):
    """A peer that reads its answer and does not go."""

    def loseWriteConnection(self) -> None:
        """The other direction stays open."""


def test_peers_that_do_not_go_when_they_are_told_to_are_counted_and_the_first_one_is_cut(bench: Bench) -> None:
    peers = [Stubborn() for _ in range(MAX_LEAVING + 5)]
    for peer in peers:
        protocol = bench.factory.buildProtocol(peer.getPeer())
        assert protocol is not None
        protocol.makeConnection(peer)
        protocol.dataReceived(b"nonsense\r\n")
        assert peer.value().startswith(b"HTTP/1.1 400 ")
    assert [peer.disconnected for peer in peers] == [True] * 5 + [False] * MAX_LEAVING
    assert bench.put(b"x").status == 200


def test_when_the_server_stops_all_have_a_moment_to_read_why() -> None:
    bench = Bench(most=MAX_LEAVING + 5)
    peers = [Stubborn() for _ in range(MAX_LEAVING + 5)]
    for peer in peers:
        protocol = bench.factory.buildProtocol(peer.getPeer())
        assert protocol is not None
        protocol.makeConnection(peer)
        protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1")
    bench.factory.close()
    assert {(peer.value()[:13], peer.disconnected) for peer in peers} == {(b"HTTP/1.1 503 ", False)}
    bench.clock.advance(GOODBYE_S)
    assert {peer.disconnected for peer in peers} == {True}


def test_no_request_is_written_into_a_log(bench: Bench) -> None:
    lines = io.StringIO()
    bench.site.logFile = lines
    assert bench.put(b"x").status == 200
    assert lines.getvalue() == ""


def test_at_the_end_a_peer_that_does_not_read_is_cut(bench: Bench) -> None:
    transport = StringTransport()
    protocol = bench.factory.buildProtocol(transport.getPeer())
    assert protocol is not None
    protocol.makeConnection(transport)
    bench.factory.close()
    assert not transport.disconnected
    bench.clock.advance(GOODBYE_S)
    assert transport.disconnected  # as `abortConnection` does; `loseConnection` only begins to
    protocol.connectionLost(Failure(ConnectionAborted()))
    assert bench.clock.getDelayedCalls() == []


def test_over_tls_browsers_are_told_what_is_spoken(bench: Bench) -> None:
    assert IProtocolNegotiationFactory(bench.factory).acceptableProtocols() == [b"http/1.1"]


def test_all_end_together(bench: Bench) -> None:
    kept = [bench.raw(b"PUT ") for _ in range(3)]
    closed = bench.factory.close()
    assert not closed.called
    bench.clock.pump([0.0] * 5)
    assert closed.called
    assert all(conversation.closed for conversation in kept)
    assert bench.factory.close().called
    assert bench.clock.getDelayedCalls() == []
