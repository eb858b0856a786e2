"""The ports of a bridge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import Factory

from leap_plugin.directory.configuration import LOOPBACK, LocalDoor, MailConfig, PrivateDoor
from loopixmix.errors import ListenError
from loopixmix.net.sockets import check_listening


@dataclass(frozen=True)
class MailPort:
    """A port to listen on. `name`: `smtp` or `imap`; `context`: of TLS from the beginning, None without."""

    name: str
    host: str
    port: int
    factory: Factory = field(repr=False)
    context: object | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OpenPort:
    """A port that is listened on."""

    name: str
    host: str
    port: int


def check_ports(config: MailConfig, *, lock: Path) -> None:
    """Raise `ListenError` if a bridge with this configuration could not listen; `lock`: that of the bridge."""
    doors: list[tuple[str, str, LocalDoor | PrivateDoor]] = [(LOOPBACK, "local", config.local)]
    if config.private.address:
        doors.append((config.private.address, "private", config.private))
    for host, table, door in doors:
        for name, port in (("smtp_port", door.smtp_port), ("imap_port", door.imap_port)):
            check_listening(host, port, keys=(f"{table}.address", f"{table}.{name}"), lock=lock)
    if config.leap.serve:
        check_listening(LOOPBACK, config.leap.port, keys=("leap.port", "leap.port"), lock=lock)


class _Listening(Protocol):
    def getHost(self) -> Any: ...  # noqa: N802

    def stopListening(self) -> object: ...  # noqa: N802


class MailPorts:
    """All ports of a bridge: open together, or none."""

    def __init__(self, ports: Sequence[MailPort], reactor: PosixReactorBase) -> None:
        """`reactor`: listens."""
        self._ports = ports
        self._reactor = reactor
        self._listening: list[tuple[MailPort, _Listening]] = []

    def open(self) -> None:
        """Listen; raise `ListenError`, with no port left open, if one cannot be had."""
        try:
            for port in self._ports:
                self._listening.append((port, self._listen(port)))
        except CannotListenError as error:
            self.close()
            reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
            what = f"{error.interface}:{error.port}"
            raise ListenError(f"cannot listen on {what}: {reason}; mail.toml says which ports") from error

    def close(self) -> None:
        """Listen no more."""
        for _, listening in self._listening:
            maybeDeferred(listening.stopListening)
        self._listening = []

    @property
    def opened(self) -> list[OpenPort]:
        """The ports, with the numbers that were really taken."""
        return [OpenPort(port.name, port.host, listening.getHost().port) for port, listening in self._listening]

    def _listen(self, port: MailPort) -> _Listening:
        if port.context is None:
            listening = self._reactor.listenTCP(port.port, port.factory, interface=port.host)  # type: ignore[no-untyped-call]
        else:
            listening = self._reactor.listenSSL(port.port, port.factory, port.context, interface=port.host)  # type: ignore[no-untyped-call]
        return cast(_Listening, listening)
