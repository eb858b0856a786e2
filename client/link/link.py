"""The client's link to its provider: TLS links that begin once the network document tells the size of a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred, gatherResults

from loopixmix.directory import NodeEntry
from loopixmix.net.address import PeerAddress
from loopixmix.net.network import FramesReceived
from loopixmix.seams import Identity
from loopixmix.wire import FrameFormat


class Links(Protocol):
    """Links of one frame size; `loopixmix.net.links.tls.TlsNetwork` in production."""

    def start(self, received: FramesReceived) -> None:
        """Begin to receive."""

    def send(self, peer: Identity, frame: bytes) -> bool:
        """Queue a frame."""

    def set_peers(self, peers: Mapping[Identity, PeerAddress]) -> None:
        """Keep links to these peers."""

    def is_open(self, peer: Identity) -> bool:
        """Tell whether a frame would go out now."""

    def problem(self, peer: Identity) -> str | None:
        """Say why there is no link."""

    def let_read(self, peer: Identity, reads: bool) -> None:
        """Read from a link, or let it rest."""

    def stop(self) -> Deferred[None]:
        """Close everything."""


MakeLinks: TypeAlias = Callable[[FrameFormat], Links]


class ClientLink:
    """Implements the network seam and `client.link.session.ProviderLink`: one peer, which we dial."""

    def __init__(self, make_links: MakeLinks) -> None:
        """Begin without a document: until then nothing can be sent."""
        self._make_links = make_links
        self._received: FramesReceived | None = None
        self._provider: NodeEntry | None = None
        self._format: FrameFormat | None = None
        self._links: Links | None = None
        self._stopping: list[Deferred[None]] = []

    def adopt(self, frames: FrameFormat) -> None:
        """Carry these frames from now on; called before anything is sent in them."""
        if frames == self._format:
            return
        # A link carries frames of one size, so new sizes need new links. The old ones may finish what they have.
        if self._links is not None:
            self._stopping.append(self._links.stop())
        self._format = frames
        self._links = self._make_links(frames)
        if self._received is not None:
            self._links.start(self._received)
        self._dial()

    def start(self, received: FramesReceived) -> None:
        """Give what arrives to `received`."""
        self._received = received
        if self._links is not None:
            self._links.start(received)

    def send(self, peer: Identity, frame: bytes) -> bool:
        """Queue one frame for the provider; false if there is no link."""
        return self._links is not None and self._links.send(peer, frame)

    def connect(self, provider: NodeEntry) -> None:
        """Keep a link to this provider from now on, and to no other."""
        self._provider = provider
        self._dial()

    def is_open(self, provider: Identity) -> bool:
        """Tell whether a frame for the provider would go out now."""
        return self._links is not None and self._links.is_open(provider)

    def problem(self, provider: Identity) -> str | None:
        """Say in one line why there is no link; None if there is nothing to say."""
        return None if self._links is None else self._links.problem(provider)

    def let_read(self, provider: Identity, reads: bool) -> None:
        """Read what comes from the provider, or let it wait there; a new link is read."""
        if self._links is not None:
            self._links.let_read(provider, reads)

    def stop(self) -> Deferred[list[None]]:
        """Close everything; no delayed call is left when the result fires."""
        links, self._links = self._links, None
        if links is not None:
            self._stopping.append(links.stop())
        return gatherResults(self._stopping)

    def _dial(self) -> None:
        if self._links is not None and self._provider is not None:
            provider = self._provider
            self._links.set_peers({provider.id: PeerAddress(provider.host, provider.port)})
