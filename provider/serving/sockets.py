"""The Unix socket between a provider and the program of a service: who may open it, and who is at the other end."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

from loopixmix.errors import ConfigError, ListenError, MisuseError
from loopixmix.net.sockets import ListeningPort

OWNER_ONLY = 0o600
OWNER_AND_GROUP = 0o660
MAX_PATH_BYTES = 107
"""Linux has no room for a longer path in the address of a Unix socket (unix(7))."""

_CREDENTIALS = struct.Struct("3i")


class UnixReactor(Protocol):
    """The part of Twisted's reactor that listens on Unix sockets."""

    def listenUNIX(  # noqa: N802 (Twisted's name)
        self, address: str, factory: IProtocolFactory, *, mode: int
    ) -> ListeningPort:
        """Listen at a path."""


class _ServerEndpoint(Protocol):
    def listen(self, factory: IProtocolFactory) -> Deferred[ListeningPort]: ...


class _HasHandle(Protocol):
    def getHandle(self) -> socket.socket: ...  # noqa: N802 (Twisted's name)


@dataclass(frozen=True)
class SocketPlace:
    """Where a program listens, and for whom.

    `user`: the name or number of the only user who may be at the other end; empty for our own. `group`: its members may
    open the socket, which is then 0660; empty for nobody but us, and 0600.
    """

    path: Path
    user: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        if len(os.fsencode(self.path)) > MAX_PATH_BYTES:
            raise ConfigError(f"{self.path}: the path of a socket has at most {MAX_PATH_BYTES} bytes")

    @property
    def user_id(self) -> int:
        """The number of the user who may be at the other end. Raises `ConfigError` if there is none of that name."""
        return _user_id(self.user)


def check_room(root: Path, socket: Path) -> None:
    """Raise `MisuseError` if the path of a Unix socket, which is below the folder `root`, would be too long."""
    root_bytes = len(os.fsencode(root))
    most = MAX_PATH_BYTES - (len(os.fsencode(socket)) - root_bytes)
    if root_bytes > most:
        raise MisuseError(
            f"{root}: the path of this folder may have at most {most} bytes, and has {root_bytes}: a Unix socket in it "
            f"has at most {MAX_PATH_BYTES}"
        )


def peer_user_id(transport: object) -> int:
    """Return the user who opened or offered the other end of a Unix socket, as the kernel says (SO_PEERCRED)."""
    handle = cast(_HasHandle, transport).getHandle()
    credentials = handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user_id, _ = _CREDENTIALS.unpack(credentials)
    return int(user_id)


def user_name(user_id: int) -> str:
    """Return the name of a user, for messages; the number if there is no name."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def listen(place: SocketPlace, factory: IProtocolFactory, *, reactor: UnixReactor) -> ListeningPort:
    """Listen at `place`, or on the socket that systemd holds for us; raise `ListenError` or `ConfigError`."""
    held = _held_by_systemd(reactor)
    if held is not None:
        return _HeldPort(_result_of(held.listen(factory)))
    group_id = _group_id(place.group)
    _clear(place.path)
    try:
        # Nobody but us until the group is set: Twisted sets the mode before the first connection can be made.
        port = reactor.listenUNIX(os.fspath(place.path), factory, mode=OWNER_ONLY)
        if group_id is not None:
            os.chown(place.path, -1, group_id)
            place.path.chmod(OWNER_AND_GROUP)
    except (CannotListenError, OSError) as error:
        cause = error.socketError if isinstance(error, CannotListenError) else error
        raise ListenError(f"{place.path}: cannot listen there: {getattr(cause, 'strerror', None) or cause}") from error
    return port


class _HeldPort:
    """A socket that is systemd's."""

    def __init__(self, port: ListeningPort) -> None:
        self._port = port

    def getHost(self) -> object:  # noqa: N802 (Twisted's name)
        return self._port.getHost()

    def stopListening(self) -> None:  # noqa: N802 (Twisted's name)
        # Twisted's own way would remove the path, at which the next program of the service is to be found.
        cast(_Reading, self._port).stopReading()


class _Reading(Protocol):
    def stopReading(self) -> None: ...  # noqa: N802 (Twisted's name)


def _held_by_systemd(reactor: UnixReactor) -> _ServerEndpoint | None:
    """Return what listens on the socket that systemd holds for this process (sd_listen_fds(3)), if it does."""
    # By Twisted, which takes systemd's word out of the environment when its endpoints are imported.
    parse = cast("Callable[[object, str], _ServerEndpoint]", serverFromString)
    try:
        held = parse(reactor, "systemd:domain=UNIX:index=0")
    except IndexError:
        return None
    with contextlib.suppress(IndexError):
        parse(reactor, "systemd:domain=UNIX:index=1")
        raise ListenError("systemd holds several sockets for this program, and it serves one")
    return held


def _result_of(listening: Deferred[ListeningPort]) -> ListeningPort:
    """Return the port of an endpoint that adopts a socket, which it does at once."""
    ports: list[ListeningPort] = []
    failures: list[Failure] = []
    listening.addCallbacks(ports.append, failures.append)
    for failure in failures:
        raise ListenError(f"the socket that systemd holds cannot be used: {failure.value}")
    return ports[0]


def _clear(path: Path) -> None:
    """Remove the socket of a program that was killed; raise `ListenError` if it is in use, or is no socket."""
    # Looked for here because Twisted leaves a socket open when it cannot be bound.
    if not path.parent.is_dir():
        raise ListenError(f"{path}: there is no such directory")
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ListenError(f"{path}: is there already, and is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(os.fspath(path))
            except ConnectionRefusedError:
                path.unlink()
                return
            except OSError as error:
                raise ListenError(f"{path}: cannot be used: {error.strerror}") from error
        raise ListenError(f"{path}: another program listens there")


def _user_id(user: str) -> int:
    if not user:
        return os.getuid()
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ConfigError(f'there is no user "{user}" on this machine') from None


def _group_id(group: str) -> int | None:
    if not group:
        return None
    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(f'there is no group "{group}" on this machine') from None
