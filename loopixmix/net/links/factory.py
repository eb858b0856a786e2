"""Puts TLS under links, as Twisted's sockets ask for protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from loopixmix.net.links.context import PinnedConnections
from loopixmix.net.links.link import Link
from loopixmix.seams import Clock


class Links(Factory[TLSMemoryBIOProtocol]):
    """Called so because Twisted's log lines name connections by the class of their factory."""

    noisy = False


def link_factory(
    connections: PinnedConnections,
    make_link: Callable[[IAddress | None], Link | None],
    *,
    is_client: bool,
    clock: Clock,
) -> IProtocolFactory:
    """Return what turns TCP connections into links: `connections` begins TLS, `make_link` makes the protocol on top."""
    return cast("IProtocolFactory", _LinkFactory(connections, make_link, is_client, clock))


class _LinkFactory(TLSMemoryBIOFactory):
    def __init__(
        self,
        connections: PinnedConnections,
        make_link: Callable[[IAddress | None], Link | None],
        is_client: bool,
        clock: Clock,
    ) -> None:
        creator = cast("IOpenSSLClientConnectionCreator", connections)
        super().__init__(creator, is_client, cast("IProtocolFactory", Links()), cast("IReactorTime", clock))
        self._make_link = make_link

    def buildProtocol(  # type: ignore[override]  # noqa: N802 (Twisted's name; None ends the connection)
        self, addr: IAddress | None
    ) -> TLSMemoryBIOProtocol | None:
        link = self._make_link(addr)
        # The plain TLS protocol, not Twisted's default: that gathers small writes for one more reactor turn, and links
        # have gathered theirs already.
        return None if link is None else TLSMemoryBIOProtocol(self, link)  # type: ignore[no-untyped-call]


def one_link(link: Link) -> Callable[[IAddress | None], Link | None]:
    """Return a function that gives `link` to the first connection and None to others (a name with two addresses)."""
    unused = [link]
    return lambda _: unused.pop() if unused else None
