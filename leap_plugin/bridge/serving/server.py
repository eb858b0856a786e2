"""All connections of mail programs that read mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from leap_plugin.bridge.imap.grammar.lines import Limits
from leap_plugin.bridge.imap.session.mailboxes import Accounts
from leap_plugin.bridge.imap.session.session import ImapSession
from leap_plugin.bridge.imap.session.states import Privacy
from leap_plugin.bridge.places import WaitingPlaces, host_of
from leap_plugin.bridge.receiving_room import ReceivingRoom
from leap_plugin.bridge.serving.connection import ImapConnection
from leap_plugin.bridge.wire import Wire
from loopixmix.errors import MisuseError
from loopixmix.seams import Clock

MOST_CONNECTIONS = 100
MOST_NOT_LOGGED_IN = 20
"""Whoever has no password takes only these places."""
END_S = 5.0
"""So long the connections may take to close at the end."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""After a wrong password; twice as long after each further one, whoever gives it, until a right one comes."""

Slice: TypeAlias = tuple[bytes, bool]
RunsInThread: TypeAlias = Callable[[Callable[[], Slice]], Deferred[Slice]]
"""Does work beside the reactor: `leap_plugin.bridge.serving.threads.BridgeThreads.run`."""


@dataclass(frozen=True)
class ImapDoor:
    """Where mail programs come in to read.

    `accounts`: who may. `privacy`: what a new connection is; on a port that has TLS from the beginning, `Privacy.TLS`.
    `context`: of TLS, for STARTTLS. `limits`: how much a client may send.
    """

    accounts: Accounts
    privacy: Privacy = Privacy.IN_CLEAR
    context: object | None = None
    limits: Limits = Limits()  # noqa: RUF009 (frozen)


class ImapServer(Factory):
    """All connections of one door."""

    noisy = False

    def __init__(
        self,
        door: ImapDoor,
        *,
        clock: Clock,
        in_thread: RunsInThread,
        call_from_thread: Callable[..., object],
        most_connections: int = MOST_CONNECTIONS,
        room: ReceivingRoom | None = None,
    ) -> None:
        """`clock`: for time-outs. `in_thread`: where sessions work. `call_from_thread`: the reactor's.

        `most_connections`: of all together; `MOST_NOT_LOGGED_IN` of them without a user. `room`: for mails that come.
        """
        self._room = room or ReceivingRoom()
        self.clock = clock
        self.call_from_thread = call_from_thread
        self._door = door
        self._in_thread = in_thread
        self._most_connections = most_connections
        self._connections: set[ImapConnection] = set()
        self._not_logged_in = WaitingPlaces(MOST_NOT_LOGGED_IN)
        self._working: set[Deferred[Slice]] = set()
        self._wrong_passwords = 0
        self._is_stopping = False
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:  # noqa: N802 (Twisted's name)
        """Return the protocol of a new connection."""
        if (
            self._is_stopping
            or len(self._connections) >= self._most_connections
            or not self._not_logged_in.has_one_for(host_of(addr))
        ):
            return _RefusedConnection()
        session = ImapSession(
            self._door.accounts,
            self._door.limits,
            privacy=self._door.privacy,
            room=self._room,
            seconds=time.monotonic,
        )
        connection = ImapConnection(session, self)
        self._connections.add(connection)
        self._not_logged_in.take(connection, host_of(addr))
        return connection

    async def stop(self) -> None:
        """Close all connections, after the answers that are being made; afterwards no work is left."""
        self._is_stopping = True
        for connection in tuple(self._connections):
            connection.end()
        if self._connections:
            self._emptied = Deferred()
            hurry = self.clock.callLater(END_S, self._abort_all)
            await self._emptied
            if hurry.active():
                hurry.cancel()
        await DeferredList(tuple(self._working))

    # -- What connections call.

    def in_thread(self, work: Callable[[], Slice], /) -> Deferred[Slice]:
        """Do work beside the reactor."""
        done: Deferred[Slice] = Deferred()
        working = self._in_thread(work)
        self._working.add(done)
        working.addBoth(self._worked, done)
        return done

    def start_tls(self, wire: Wire, /) -> None:
        """Begin TLS on a connection."""
        if self._door.context is None:
            raise MisuseError("this door has no TLS, but offers it")
        wire.startTLS(self._door.context)

    def password_was(self, *, right: bool) -> float:
        """Note a password; return how many seconds its answer waits.

        Only that to a wrong one does, so that a program that guesses cannot lock the user out.
        """
        self._wrong_passwords = 0 if right else self._wrong_passwords + 1
        return 0.0 if right else min(PAUSE_S * 2.0 ** min(self._wrong_passwords - 1, 10), LONGEST_PAUSE_S)

    def logged_in(self, connection: ImapConnection, /) -> None:
        """Hear that a connection belongs to a user from now on."""
        self._not_logged_in.leave(connection)

    def closed(self, connection: ImapConnection, /) -> None:
        """Hear that a connection is no more."""
        self._connections.discard(connection)
        self._not_logged_in.leave(connection)
        if not self._connections and self._emptied is not None and not self._emptied.called:
            self._emptied.callback(None)

    def _worked(self, result: object, done: Deferred[Slice]) -> None:
        self._working.discard(done)
        done.callback(cast(Slice, result))

    def _abort_all(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()


class _RefusedConnection(Protocol):
    """A connection too many."""

    def connectionMade(self) -> None:  # noqa: N802
        """Say so, and close."""
        transport = cast(Wire, self.transport)
        transport.write(b"* BYE there are as many connections as the bridge takes\r\n")
        transport.loseConnection()
