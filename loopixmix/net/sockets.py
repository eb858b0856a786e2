"""TCP, as links see it: dial an address, listen on one."""

from __future__ import annotations

import socket
from typing import Protocol, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocol, IProtocolFactory

from loopixmix.errors import ListenError
from loopixmix.net.address import PeerAddress

_UNANSWERED_MS = 60_000
BACKLOG = 1024
"""Connections that wait to be taken. Twisted's 50 are full after a moment of a flood, and each further one waits for
seconds until it is tried again.
"""


class ListeningPort(Protocol):
    """A port that is listened on."""

    def getHost(self) -> object:  # noqa: N802 (Twisted's name)
        """Return the address, with the port number that was really taken."""

    def stopListening(self) -> Deferred[None] | None:  # noqa: N802 (Twisted's name)
        """Close the port."""


class Sockets(Protocol):
    """Makes connections; `TcpSockets` in production."""

    def dial(self, address: PeerAddress, factory: IProtocolFactory, *, timeout_s: float) -> Deferred[IProtocol]:
        """Connect a protocol of `factory`; cancelling the Deferred gives up."""

    def listen(self, host: str, port: int, factory: IProtocolFactory) -> ListeningPort:
        """Give every connection to a protocol of `factory`; raise `ListenError` if that cannot be."""


class TcpReactor(Protocol):
    """The part of Twisted's reactor that sockets need."""

    def listenTCP(  # noqa: N802 (Twisted's name)
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> ListeningPort:
        """Listen for TCP connections."""


class TcpSockets:
    """Real TCP connections."""

    def __init__(self, reactor: TcpReactor) -> None:
        """`reactor`: makes the connections."""
        self._reactor = reactor

    def dial(self, address: PeerAddress, factory: IProtocolFactory, *, timeout_s: float) -> Deferred[IProtocol]:
        """Connect to a literal address at once, or to whichever address of a host name answers first."""
        kind: type[TCP4ClientEndpoint | TCP6ClientEndpoint | HostnameEndpoint]
        if isIPAddress(address.host):
            kind = TCP4ClientEndpoint
        elif isIPv6Address(address.host):
            kind = TCP6ClientEndpoint
        else:
            kind = HostnameEndpoint
        return cast("Deferred[IProtocol]", kind(self._reactor, address.host, address.port, timeout_s).connect(factory))

    def listen(self, host: str, port: int, factory: IProtocolFactory) -> ListeningPort:
        """Listen on one address; port 0 takes any free port."""
        address = PeerAddress(host, port)
        if not 0 <= port < 2**16:
            raise ListenError(f"cannot listen on {address}: a port is a number from 0 to 65535")
        if not host.isascii() or not host.isprintable():
            raise ListenError(f"cannot listen on {host!a}:{port}: not a host name")
        try:
            return self._reactor.listenTCP(port, factory, backlog=BACKLOG, interface=host)
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
            raise ListenError(f"cannot listen on {address}: {reason}") from error


def bound_send_buffer(handle: object, send_buffer_bytes: int) -> None:
    """Let the kernel hold no more than this for a peer that does not read; otherwise it may become megabytes."""
    if isinstance(handle, socket.socket):
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)


def tune(handle: object) -> None:
    """Set a TCP socket up for frames: nothing is held back, and a peer that vanished is noticed within a minute."""
    if not isinstance(handle, socket.socket):
        return
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNANSWERED_MS)
    if hasattr(socket, "TCP_KEEPIDLE"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _UNANSWERED_MS // 1000)
