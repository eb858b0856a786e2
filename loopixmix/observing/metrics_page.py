"""The Prometheus endpoint of a node: off unless the operator asks for it, and then with a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from loopixmix.net.address import PeerAddress
from loopixmix.net.sockets import ListeningPort, Sockets
from loopixmix.observing.metrics import COUNTERS_PER_PACKET, PERIOD_S, ROUND_TO, PublishedMetrics
from loopixmix.observing.observers import Snapshot
from loopixmix.process.task import Recurring
from loopixmix.seams import Clock
from loopixmix.web.sites import BoundedFactory, QuietSite

log = Logger()

MAX_CONNECTIONS = 32
"""A collector needs one; more than a few are none."""


class MetricsSite(Resource):
    """The page `/metrics`, and no other."""

    def __init__(self, published: PublishedMetrics) -> None:
        """`published`: the figures to publish."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(published)

    def getChild(self, path: bytes, request: Request) -> IResource:  # noqa: N802 (Twisted's name)
        """Return the page at `path`."""
        return cast(IResource, self) if path == b"metrics" and not request.postpath else notFound()

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 (Twisted's name)
        """Return the figures in Prometheus's text format."""
        request.setHeader(b"content-type", CONTENT_TYPE_LATEST.encode("ascii"))  # type: ignore[no-untyped-call]
        return generate_latest(self._registry)


class MetricsEndpoint:
    """Serves `/metrics` on one address."""

    def __init__(
        self,
        address: PeerAddress,
        *,
        published: PublishedMetrics,
        look: Callable[[], tuple[Snapshot, bool]],
        sockets: Sockets,
        clock: Clock,
    ) -> None:
        """`address`: listened on. `published`: the figures. `look`: returns the newest, and whether all is well."""
        self._address = address
        self._published = published
        self._look = look
        self._sockets = sockets
        self._clock = clock
        self._renewals = Recurring("renewing the metrics", self._renew, clock=clock, again_s=PERIOD_S)
        self._port: ListeningPort | None = None
        self._connections: BoundedFactory | None = None

    def start(self) -> None:
        """Listen; raises `ListenError` if that cannot be."""
        site = QuietSite(cast(IResource, MetricsSite(self._published)), clock=self._clock)
        self._connections = BoundedFactory(site, most=MAX_CONNECTIONS)
        factory = cast(IProtocolFactory, self._connections)
        self._port = self._sockets.listen(self._address.host, self._address.port, factory)
        self._renewals.start()
        log.warn(
            "metrics on http://{address}/metrics tell whoever reads them about traffic: a packet changes what is "
            "published with probability up to {counters}/{round_to}; see docs/operating.md",
            address=str(self._address),
            counters=COUNTERS_PER_PACKET,
            round_to=ROUND_TO,
        )

    async def stop(self) -> None:
        """Stop listening; no call is left."""
        self._renewals.stop()
        port, self._port = self._port, None
        if port is not None:
            await maybeDeferred(port.stopListening)
        if self._connections is not None:
            await self._connections.close()

    def _renew(self) -> float:
        snapshot, healthy = self._look()
        self._published.renew(snapshot, healthy=healthy)
        return PERIOD_S
