"""One mail program that reads mail: an IMAP session on a socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from leap_plugin.bridge.imap.session.session import ImapSession
from leap_plugin.bridge.wire import Wire
from loopixmix.seams import Clock, DelayedCall

SLICE_BYTES = 131_072
SLICE_S = 0.05
"""A session works so long, or says so much, before another one may: a long answer delays nobody's short one."""
MOST_UNREAD_BYTES = 65_536
"""Of what the client has sent and the session has not taken; afterwards the socket is not read."""

_log = Logger()


class ConnectionKeeper(Interface):
    """What a connection needs of those who keep all of them."""

    clock: Clock

    def in_thread(self, work: Callable[[], tuple[bytes, bool]], /) -> Deferred[tuple[bytes, bool]]:
        """Do work beside the reactor."""

    def call_from_thread(self, call: Callable[[], object], /) -> object:
        """Call something on the reactor, from any thread."""

    def start_tls(self, wire: Wire, /) -> None:
        """Begin TLS on a connection."""

    def password_was(self, *, right: bool) -> float:
        """Note a password; return how many seconds its answer waits."""

    def logged_in(self, connection: ImapConnection, /) -> None:
        """Hear that a connection belongs to a user from now on."""

    def closed(self, connection: ImapConnection, /) -> None:
        """Hear that a connection is no more."""


@dataclass(frozen=True)
class TimeLimits:
    """How long a connection may do what. All in seconds."""

    idle_s: float = 1_800.0
    """Without a word from the client: RFC 3501 section 5.4 demands this much."""
    log_in_s: float = 90.0
    """From the beginning until somebody has logged in."""
    stalled_s: float = 180.0
    """While the client does not take what it is sent."""


@implementer(IPushProducer)
class ImapConnection(Protocol):
    """Gives a session what its client says, and the client what the session says.

    The session works in threads, a slice at a time: it is never in two of them at once, and nothing else of it is
    touched meanwhile.
    """

    transport: Wire  # type: ignore[assignment]  # what it is, as a type checker can read it

    def __init__(self, session: ImapSession, keeper: ConnectionKeeper, limits: TimeLimits | None = None) -> None:
        """`session`: new. `keeper`: of all connections."""
        self._session = session
        self._keeper = keeper
        self._limits = limits or TimeLimits()
        self._unread = bytearray()
        self._said: Iterator[bytes] | None = session.output()
        self._is_working = False
        self._is_pausing = False
        self._is_held = False
        self._is_rung = False
        self._is_ending = False
        self._is_over = False
        self._is_lost = False
        self._wrong_passwords = 0
        self._stop_listening: Callable[[], None] | None = None
        self._timer: DelayedCall | None = None
        self._opened_s = keeper.clock.seconds()

    # -- What Twisted calls.

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """Greet."""
        self.transport.registerProducer(self, True)
        self._go_on()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take bytes."""
        if self._is_over:
            return
        self._unread += data
        if len(self._unread) > MOST_UNREAD_BYTES:
            self.transport.pauseProducing()
        self._go_on()

    def pauseProducing(self) -> None:  # noqa: N802
        """Write no more for now: the client takes nothing."""
        self._is_held = True
        self._watch()

    def resumeProducing(self) -> None:  # noqa: N802
        """Write on."""
        self._is_held = False
        self._go_on()

    def stopProducing(self) -> None:  # noqa: N802
        """Write nothing any more: `connectionLost` comes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802
        """Let go of everything."""
        self._is_over = self._is_lost = True
        self._said = None
        self._unread.clear()
        if self._stop_listening is not None:
            self._stop_listening()
        if not self._is_pausing:
            self._stop_timer()
        # Its place stays taken until the work has ended and the answer is due: who hangs up and comes again guesses
        # passwords no faster, and keeps no more threads busy.
        if not self._is_working or self._is_ending:
            self._leave()

    # -- What the keeper calls.

    def end(self) -> None:
        """Close the connection, after the answer that is being made."""
        self._is_ending = True
        if self._is_lost:
            self._leave()
        elif not self._is_over and not self._is_working:
            # In the middle of an answer, a BYE would be taken for a part of it.
            self._close("" if self._said is not None else "the bridge goes off")

    def abort(self) -> None:
        """Close the connection at once."""
        self.transport.abortConnection()

    # -- Work.

    def _go_on(self) -> None:
        if self._is_over or self._is_working or self._is_held:
            return
        if self._said is None:
            self._said = self._next_said()
        if self._said is None:
            self.transport.resumeProducing()
            self._watch()
            return
        self._is_working = True
        self._watch()
        said = self._said
        self._keeper.in_thread(lambda: _slice(said)).addCallbacks(self._took, self._failed)

    def _next_said(self) -> Iterator[bytes] | None:
        if self._unread:
            data = bytes(self._unread)
            self._unread.clear()
            self._session.receive(data)
            return self._session.output()
        if self._is_rung:
            self._is_rung = False
            return self._session.news() if self._session.idles else None
        return None

    def _took(self, result: tuple[bytes, bool]) -> None:
        data, is_all = result
        self._is_working = False
        if is_all:
            self._said = None
        if not self._is_over:
            self._note_login()
        pause_s = self._pause_s()
        if pause_s and not (self._is_over and self._is_ending):
            # Nothing is read or said meanwhile, as if the work took so long.
            self._is_working = self._is_pausing = True
            self._stop_timer()
            self._timer = self._keeper.clock.callLater(pause_s, self._say, data)
        else:
            self._say(data)

    def _say(self, data: bytes) -> None:
        self._is_working = self._is_pausing = False
        if self._is_over:
            return self._leave()
        if data:
            self.transport.write(data)
        if self._session.ended and self._said is None:
            self._close()
        elif self._is_ending:
            self.end()
        else:
            if self._session.starts_tls and self._said is None:
                self._unread.clear()
                self._keeper.start_tls(self.transport)
                self._session.secured()
            self._go_on()
        return None

    def _failed(self, failure: Failure) -> None:
        # Only the kind: a message might quote a mail.
        _log.error("an IMAP session failed: {kind}", kind=failure.type.__name__ if failure.type else "unknown")
        self._is_working = False
        if self._is_over:
            self._leave()
        else:
            self._close("the bridge failed; its log says more")

    def _leave(self) -> None:
        self._stop_timer()
        self._session.lost()
        self._keeper.closed(self)

    def _note_login(self) -> None:
        mailboxes = self._session.mailboxes
        if mailboxes is not None and self._stop_listening is None:
            self._stop_listening = mailboxes.listen(self._ring)
            self._keeper.password_was(right=True)
            self._keeper.logged_in(self)

    def _pause_s(self) -> float:
        before, self._wrong_passwords = self._wrong_passwords, self._session.wrong_passwords
        return self._keeper.password_was(right=False) if self._wrong_passwords > before else 0.0

    def _ring(self) -> None:
        # In any thread. Several changes before the session looks are one news.
        if not self._is_rung:
            self._is_rung = True
            self._keeper.call_from_thread(self._go_on)

    # -- Time.

    def _watch(self) -> None:
        """Wait for what is to come next, but not for ever."""
        self._stop_timer()
        if self._is_over:
            return
        if self._is_held:
            self._timer = self._keeper.clock.callLater(self._limits.stalled_s, self.abort)
        elif not self._is_working:
            left_s = self._limits.idle_s
            if self._session.mailboxes is None:
                left_s = max(0.0, self._opened_s + self._limits.log_in_s - self._keeper.clock.seconds())
            self._timer = self._keeper.clock.callLater(left_s, self._close, "the bridge has waited long enough")

    def _close(self, last_words: str = "") -> None:
        self._is_over = True
        self._said = None
        self._stop_timer()
        if last_words:
            self.transport.write(b"* BYE " + last_words.encode("ascii") + b"\r\n")
        # With a producer the transport would wait for that to end.
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        # A client that does not take what was written would hold the connection for ever.
        self._timer = self._keeper.clock.callLater(self._limits.stalled_s, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def _slice(said: Iterator[bytes]) -> tuple[bytes, bool]:
    """Return the next piece of an answer, and whether that was all. In a thread."""
    pieces: list[bytes] = []
    size = 0
    until_s = time.monotonic() + SLICE_S
    for piece in said:
        pieces.append(piece)
        size += len(piece)
        if size >= SLICE_BYTES or time.monotonic() >= until_s:
            return b"".join(pieces), False
    return b"".join(pieces), True
