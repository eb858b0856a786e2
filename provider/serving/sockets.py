"""The Unix socket between a provider and the program of a service: who may open it, and who is at the other end."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import socket
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory

from loopixmix.errors import ConfigError, ListenError
from loopixmix.net.sockets import ListeningPort

OWNER_ONLY = 0o600
OWNER_AND_GROUP = 0o660
MAX_PATH_BYTES = 107
"""Linux has no room for a longer path in the address of a Unix socket (unix(7))."""

_CREDENTIALS = struct.Struct("3i")
_ACTIVATED_DESCRIPTOR = 3
"""The first socket that systemd hands over (sd_listen_fds(3))."""


class UnixReactor(Protocol):
    """The part of Twisted's reactor that listens on Unix sockets."""

    def listenUNIX(  # noqa: N802 (Twisted's name)
        self, address: str, factory: IProtocolFactory, *, mode: int
    ) -> ListeningPort:
        """Listen at a path."""

    def adoptStreamPort(  # noqa: N802 (Twisted's names)
        self,
        fileDescriptor: int,  # noqa: N803
        addressFamily: socket.AddressFamily,  # noqa: N803
        factory: IProtocolFactory,
    ) -> ListeningPort:
        """Listen on a copy of a descriptor that listens already."""


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


def listen(
    place: SocketPlace, factory: IProtocolFactory, *, reactor: UnixReactor, environment: Mapping[str, str]
) -> ListeningPort:
    """Listen at `place`, or on the socket that systemd holds for us; raise `ListenError` or `ConfigError`.

    `environment`: tells whether systemd has a socket for this process (sd_listen_fds(3)).
    """
    if environment.get("LISTEN_PID") == str(os.getpid()):
        return _adopt(factory, reactor, environment.get("LISTEN_FDS", ""))
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


def _adopt(factory: IProtocolFactory, reactor: UnixReactor, count: str) -> ListeningPort:
    if count != "1":
        raise ListenError(f"systemd holds {count or 'no'} sockets for this program, and it serves one")
    port = reactor.adoptStreamPort(_ACTIVATED_DESCRIPTOR, socket.AF_UNIX, factory)
    # The reactor has a copy of its own. Ours would stay open when it stops listening.
    os.close(_ACTIVATED_DESCRIPTOR)
    return port


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
