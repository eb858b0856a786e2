"""The metrics endpoint listens where it was told, warns, renews once a minute and leaves nothing behind."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.logger import LogEvent, eventAsText, globalLogPublisher
from twisted.web.resource import getChildForRequest
from twisted.web.server import Site
from twisted.web.test.requesthelper import DummyRequest

from loopixmix.errors import ListenError
from loopixmix.net.address import PeerAddress
from loopixmix.net.sockets import ListeningPort
from loopixmix.observing.metrics import PublishedMetrics
from loopixmix.observing.metrics_page import MetricsEndpoint
from loopixmix.observing.observers import Snapshot

ADDRESS = PeerAddress("127.0.0.1", 9100)


class OnePort:
    """Sockets that remember who listens."""

    def __init__(self, *, busy: bool = False) -> None:
        self.busy = busy
        self.factory: Site | None = None

    def dial(self, address: PeerAddress, factory: IProtocolFactory, *, timeout_s: float) -> Deferred[object]:
        raise NotImplementedError

    def listen(self, host: str, port: int, factory: Site) -> ListeningPort:
        if self.busy:
            raise ListenError(f"cannot listen on {host}:{port}: in use")
        self.factory = factory
        return self

    def getHost(self) -> object:
        return IPv4Address("TCP", "127.0.0.1", 9100)

    def stopListening(self) -> None:
        self.factory = None

    def get(self, path: bytes) -> bytes:
        assert self.factory is not None
        request = DummyRequest([path])
        page = getChildForRequest(self.factory.wrappedFactory.resource, request).render(request)
        return page if isinstance(page, bytes) else b"".join(request.written)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    kept: list[str] = []

    def keep(event: LogEvent) -> None:
        kept.append(eventAsText(event))

    globalLogPublisher.addObserver(keep)
    yield kept
    globalLogPublisher.removeObserver(keep)


def make_endpoint(sockets: OnePort, clock: Clock, counts: list[int]) -> MetricsEndpoint:
    return MetricsEndpoint(
        ADDRESS,
        published=PublishedMetrics(rng=random.Random(1)),
        look=lambda: (Snapshot(packets_in=counts[0]), True),
        sockets=sockets,
        clock=clock,
    )


def test_figures_are_renewed_once_a_minute(warnings: list[str]) -> None:
    sockets, clock, counts = OnePort(), Clock(), [1000]
    endpoint = make_endpoint(sockets, clock, counts)
    endpoint.start()
    assert any("a packet changes what is published with probability up to 3/100" in warning for warning in warnings)
    assert b"loopixmix_packets_in_total 1000.0" in sockets.get(b"metrics")
    counts[0] = 3000
    clock.advance(59.0)
    assert b"loopixmix_packets_in_total 1000.0" in sockets.get(b"metrics")
    clock.advance(1.0)
    assert b"loopixmix_packets_in_total 3000.0" in sockets.get(b"metrics")
    assert b"404" in sockets.get(b"status")
    assert Deferred.fromCoroutine(endpoint.stop()).called
    assert sockets.factory is None
    assert clock.getDelayedCalls() == []


def test_a_port_in_use_is_told() -> None:
    clock = Clock()
    with pytest.raises(ListenError, match="in use"):
        make_endpoint(OnePort(busy=True), clock, [0]).start()
    assert clock.getDelayedCalls() == []
