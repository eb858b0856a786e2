"""TCP, as links see it: dial an address, listen on one."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Protocol, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocol, IProtocolFactory

from loopixmix.errors import ListenError
from loopixmix.net.address import PeerAddress
from loopixmix.process.files import lock_holder

_UNANSWERED_MS = 60_000
_OF_PORTS = (errno.EADDRINUSE, errno.EACCES)
"""Errors that another port would not have. All others tell that the host is none of this machine."""
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


def check_listening(host: str, port: int, *, keys: tuple[str, str], lock: Path | None = None) -> None:
    """Raise `ListenError` if an address cannot be listened on.

    `keys`: the settings that say host and port. `lock`: of the program: while it is held, a port in use is its own.
    """
    address = PeerAddress(host, port)
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the program's own port will be: otherwise one that was closed a minute ago would count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        if is_taken and lock is not None and lock_holder(lock) is not None:
            return
        hint = "; does this program, or a copy of it, run already?" if is_taken else ""
        key = keys[1] if error.errno in _OF_PORTS else keys[0]
        raise ListenError(f'key "{key}": cannot listen on {address}: {error.strerror}{hint}') from error


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
