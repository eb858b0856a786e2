"""Connections of mail programs that submit mail: sockets and time around `leap_plugin.bridge.smtp`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from leap_plugin.bridge.places import WaitingPlaces, host_of
from leap_plugin.bridge.receiving_room import ReceivingRoom
from leap_plugin.bridge.smtp.replies import SmtpReply, refusal
from leap_plugin.bridge.smtp.session import (
    HOST,
    CheckRcpt,
    LogIn,
    Question,
    Secrecy,
    SmtpSession,
    StartTls,
    Submit,
)
from leap_plugin.bridge.users import MailUser, MailUsers
from leap_plugin.bridge.wire import Wire
from leap_plugin.mail.submitting import Announcement, SubmissionRefusedError, Submissions
from loopixmix.errors import LoopixmixError, MisuseError, StoreError, UnavailableError
from loopixmix.seams import Clock, DelayedCall

IDLE_S = 300.0
"""How long a mail program may say nothing (RFC 5321, 4.5.3.2.7)."""
STALLED_S = 180.0
"""How long a mail program may take nothing of what it is sent."""
MOST_HELD_BYTES = 65_536
"""So much is read ahead of a mail program that takes nothing of what it is sent."""
LOG_IN_WITHIN_S = 120.0
"""How long a connection may stay without a log-in."""
CHECK_WITHIN_S = 75.0
"""A recipient is looked up for 60 s; whatever goes wrong, the reply comes by then."""
MOST_CONNECTIONS = 40
MOST_NOT_LOGGED_IN = 20
"""Whoever has no password takes only these places."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""After a wrong password; twice as long after each further one, whoever gives it, until a right one comes."""

_log = Logger()


InThread: TypeAlias = Callable[[Callable[[], MailUser | None]], Awaitable[MailUser | None]]
"""Does blocking work beside the reactor, and gives its result."""


@dataclass(frozen=True)
class SubmissionDoor:
    """Where mail programs come in. `users`: who may; `context`: of TLS, None for a port without."""

    users: MailUsers
    secrecy: Secrecy
    context: object | None = None


class SubmissionServer(Factory):
    """All connections of one door."""

    noisy = False

    def __init__(
        self, door: SubmissionDoor, *, clock: Clock, in_thread: InThread, room: ReceivingRoom | None = None
    ) -> None:
        """`clock`: for time-outs. `in_thread`: where passwords are checked. `room`: for mails that come in."""
        self.door = door
        self.room = room or ReceivingRoom()
        self.clock = clock
        self.in_thread = in_thread
        self._wrong_passwords = 0
        self._connections: set[SubmissionConnection] = set()
        self._not_logged_in = WaitingPlaces(MOST_NOT_LOGGED_IN)
        self._submitting: set[Deferred[None]] = set()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:  # noqa: N802 (Twisted's name)
        """Return the protocol of a new connection."""
        if len(self._connections) >= MOST_CONNECTIONS or not self._not_logged_in.has_one_for(host_of(addr)):
            return _Crowded()
        connection = SubmissionConnection(self)
        self._not_logged_in.take(connection, host_of(addr))
        return connection

    def opened(self, connection: SubmissionConnection) -> None:
        """Count a connection."""
        self._connections.add(connection)

    def logged_in(self, connection: SubmissionConnection) -> None:
        """Hear that a connection belongs to a user from now on."""
        self._not_logged_in.leave(connection)

    def closed(self, connection: SubmissionConnection) -> None:
        """Count it no more."""
        self._connections.discard(connection)
        self._not_logged_in.leave(connection)

    def password_was(self, *, right: bool) -> float:
        """Note a password; return how many seconds its reply is to wait.

        Only the reply to a wrong one waits, so that a program that guesses cannot lock the user out.
        """
        self._wrong_passwords = 0 if right else self._wrong_passwords + 1
        return 0.0 if right else min(PAUSE_S * 2.0 ** min(self._wrong_passwords - 1, 10), LONGEST_PAUSE_S)

    def keep(self, submitting: Deferred[None]) -> None:
        """Wait at the end for a mail that is being stored."""
        self._submitting.add(submitting)
        submitting.addBoth(lambda _: self._submitting.discard(submitting))

    async def stop(self) -> None:
        """Close all connections, after the mails that are being stored."""
        for connection in tuple(self._connections):
            connection.end()
        await DeferredList(tuple(self._submitting))


@implementer(IPushProducer)
class SubmissionConnection(Protocol):
    """One mail program."""

    transport: Wire  # type: ignore[assignment]  # what it is, as a type checker can read it

    def __init__(self, server: SubmissionServer) -> None:
        """`server`: all that the connections share."""
        self._server = server
        self._user: MailUser | None = None
        self._session = SmtpSession(self._announce, server.door.secrecy, server.room)
        self._timer: DelayedCall | None = None
        self._answering: Deferred[None] | None = None
        self._is_going_on = False
        self._is_held = False
        self._held_bytes = 0
        self._is_logging_in = False
        self._is_submitting = False
        self._is_ending = False
        self._is_over = False
        self._is_lost = False
        self._opened_s = server.clock.seconds()

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """Greet."""
        self._server.opened(self)
        self.transport.registerProducer(self, True)
        self._go_on()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take bytes."""
        if self._is_over:
            return
        self._session.receive(data)
        if self._is_held:
            # Not paused at once: a TLS handshake, too, holds what is written until it has read more.
            self._held_bytes += len(data)
            if self._held_bytes > MOST_HELD_BYTES:
                self.transport.pauseProducing()
            return
        self._go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802
        """Give up what only this connection waits for."""
        self._is_over = self._is_lost = True
        self._stop_timer()
        self._session.lost()
        if self._is_logging_in and not self._is_ending:
            # Its place stays taken until the reply is due: who hangs up and comes again guesses no faster, and keeps
            # no more threads busy.
            return
        self._server.closed(self)
        if self._answering is not None:
            self._answering.cancel()

    def pauseProducing(self) -> None:  # noqa: N802
        """Write no more for now, and so carry out no more commands: the mail program takes no replies."""
        self._is_held = True
        if not self._is_going_on and not self._is_over:
            self._wait()

    def resumeProducing(self) -> None:  # noqa: N802
        """Write on."""
        self._is_held = False
        self._held_bytes = 0
        self._go_on()

    def stopProducing(self) -> None:  # noqa: N802
        """Write nothing any more: `connectionLost` comes."""

    def end(self) -> None:
        """Close the connection as soon as its mail, if one is being stored, is stored and answered."""
        self._is_ending = True
        if self._is_lost and self._answering is not None:
            self._answering.cancel()
        elif not self._is_submitting and not self._is_over:
            self._close(f"421 4.3.2 {HOST} is going off\r\n".encode())

    def _announce(self) -> Announcement:
        return self._server.door.users.announcement() if self._user is None else self._user.submissions.announcement()

    def _go_on(self) -> None:
        # An answer that is there at once comes back here from within the loop: it is the loop's next step.
        if self._is_going_on:
            return
        self._is_going_on = True
        while not self._is_over and not self._is_held and (said := self._session.step()) is not None:
            if isinstance(said, bytes):
                self.transport.write(said)
            else:
                self._ask(said)
        self._is_going_on = False
        if self._is_over:
            return
        if self._session.ended and not self._is_held:
            self._close()
        elif self._is_ending and not self._is_submitting:
            self.end()
        else:
            self._wait()

    def _wait(self) -> None:
        """Read on only when nothing is open: whoever sends more meanwhile fills their own memory, not ours."""
        self._stop_timer()
        if self._is_held:
            self._timer = self._server.clock.callLater(STALLED_S, self.transport.abortConnection)
            return None
        if self._session.is_asking:
            return self.transport.pauseProducing()
        self.transport.resumeProducing()
        left_s = IDLE_S
        if not self._session.is_logged_in:
            left_s = min(left_s, max(0.0, self._opened_s + LOG_IN_WITHIN_S - self._server.clock.seconds()))
        self._timer = self._server.clock.callLater(left_s, self._timed_out)
        return None

    def _timed_out(self) -> None:
        self._timer = None
        self._close(f"421 4.4.2 {HOST} has waited long enough\r\n".encode())

    def _close(self, last_words: bytes = b"") -> None:
        self._is_over = True
        self._stop_timer()
        if last_words:
            self.transport.write(last_words)
        # With a producer the transport would wait for that to end.
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        # A mail program that does not take what was written would hold the connection for ever.
        self._timer = self._server.clock.callLater(IDLE_S, self.transport.abortConnection)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    # -- Questions.

    def _ask(self, question: Question) -> None:
        match question:
            case LogIn():
                self._begin(self._log_in(question))
            case CheckRcpt():
                self._begin(self._check(question))
            case Submit():
                # Not given up with the connection: what is half stored becomes stored.
                self._server.keep(Deferred.fromCoroutine(self._submit(question)))
            case StartTls(reply):
                self.transport.write(reply)
                self.transport.startTLS(self._server.door.context)
                self._session.secured()

    def _begin(self, answer: Coroutine[Any, Any, None]) -> None:
        self._answering = Deferred.fromCoroutine(answer)
        self._answering.addErrback(_given_up)

    async def _log_in(self, asked: LogIn) -> None:
        self._is_logging_in = True
        try:
            user = await self._user_of(asked)
        except CancelledError:
            raise
        except Exception as error:
            # Whatever it is, the mail program gets a reply, and is not left to wait for ever.
            reason = str(error) if isinstance(error, LoopixmixError) else type(error).__name__
            _log.error("passwords cannot be checked: {reason}", reason=reason)
            self._session.logged_in(SmtpReply(454, "4.7.0", "passwords cannot be checked now"))
        else:
            self._user = user
            if user is not None:
                self._server.logged_in(self)
            self._session.logged_in(None if user is None else user.address)
        finally:
            self._is_logging_in = False
            if self._is_lost:
                self._server.closed(self)
        self._go_on()

    async def _user_of(self, asked: LogIn) -> MailUser | None:
        server = self._server
        user = await server.in_thread(lambda: server.door.users.log_in(asked.user, asked.password))
        pause_s = server.password_was(right=user is not None)
        if pause_s:
            await deferLater(cast(IReactorTime, server.clock), pause_s, lambda: None)
        return user

    async def _check(self, asked: CheckRcpt) -> None:
        refused: SmtpReply | None = None
        try:
            checking = Deferred.fromCoroutine(self._submissions.check_recipient(asked.address, asked.size_bytes))
            await checking.addTimeout(CHECK_WITHIN_S, cast(IReactorTime, self._server.clock))
        except CancelledError:
            raise
        except Exception as error:
            refused = _reply_to(error)
        self._session.rcpt_checked(refused)
        self._go_on()

    async def _submit(self, asked: Submit) -> None:
        self._is_submitting = True
        outcome: str | SmtpReply
        try:
            outcome = await self._submissions.submit(asked.mail)
        except Exception as error:
            outcome = _reply_to(error)
        self._is_submitting = False
        self._session.submitted(outcome)
        self._go_on()

    @property
    def _submissions(self) -> Submissions:
        if self._user is None:
            raise MisuseError("nobody has logged in")
        return self._user.submissions


def _given_up(failure: Failure) -> None:
    """Take note that nobody waits for the answer any more."""
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]


class _Crowded(Protocol):
    """A connection too many."""

    def connectionMade(self) -> None:  # noqa: N802
        """Say so, and close."""
        transport = cast(Wire, self.transport)
        transport.write(f"421 4.7.0 {HOST} has as many connections as it takes\r\n".encode())
        transport.loseConnection()


def _reply_to(error: Exception) -> SmtpReply:
    """Return the reply for what went wrong; the log learns the kind only, for a message may name a recipient."""
    match error:
        case SubmissionRefusedError():
            return refusal(error.code, error.status, str(error))
        case StoreError():
            _log.error("a mail could not be stored: {reason}", reason=str(error))
            return SmtpReply(451, "4.3.0", "the mail cannot be stored now")
        case MisuseError():
            return SmtpReply(550, "5.1.0", str(error))
        case UnavailableError():
            return SmtpReply(451, "4.4.0", str(error))
        case TimeoutError():
            return SmtpReply(451, "4.4.7", "the recipient could not be looked up in time")
        case _:
            _log.error("a submission failed: {kind}", kind=type(error).__name__)
            return SmtpReply(451, "4.3.0", "the bridge failed; its log says more")
