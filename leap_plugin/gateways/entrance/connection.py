"""One connection of another mail server: SMTP (RFC 5321) with PIPELINING, SIZE, 8BITMIME, SMTPUTF8 and STARTTLS.

Written here, because Twisted's `SMTP` takes a bare LF for the end of a line: a server in front that does not would let
one mail smuggle another one in. Here lines end in CRLF alone, and a mail in CRLF.CRLF alone.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IOpenSSLContextFactory, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from zope.interface import implementer

from leap_plugin.bridge.smtp.commands import Ehlo, MailFrom, Rcpt, Simple, SmtpCommandError, parse_smtp
from leap_plugin.gateways.abuse.limits import peer_key
from leap_plugin.gateways.entrance.authentication import UNKNOWN, SmtpOrigin
from leap_plugin.gateways.entrance.forwarding import ATTRIBUTES, read_xforward
from leap_plugin.gateways.entrance.recipients import EntranceRefusedError, KnownRecipient
from leap_plugin.gateways.entrance.taking import MailEntrance, OutsideArrival
from leap_plugin.mail.addresses import AddressError, read_address
from leap_plugin.mail.recipients import MOST_RECIPIENTS
from loopixmix.seams import Clock, DelayedCall

IDLE_S = 300.0
LONGEST_LIFE_S = 3600.0
"""So long a connection lasts: a peer that says a little ever again would hold one of the few places for ever."""
STALLED_S = 60.0
"""So long the last words may take to leave; then the connection is cut."""
LONGEST_LINE = 2000
"""RFC 5321 asks for 512, and its extensions for more: a path in UTF-8 with all parameters fits."""
MOST_FAULTS = 20
"""So many commands may be refused on one connection: more is a search for names."""
MOST_AHEAD_BYTES = 256 * 1024
"""So much may come while an answer is worked out; the peer is made to wait beyond that."""
END = b"\r\n.\r\n"
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

log = Logger()


@dataclass(frozen=True)
class SmtpSettings:
    """`max_mail_bytes`: the longest mail. `trusted`: peers that may use XFORWARD. `tls`: for STARTTLS, if there is."""

    max_mail_bytes: int
    trusted: frozenset[str] = frozenset()
    tls: IOpenSSLContextFactory | None = None


@dataclass
class _Transaction:
    mail_from: str | None = None
    recipients: list[KnownRecipient] = field(default_factory=list)


@implementer(IPushProducer)
class SmtpConnection(Protocol, TimeoutMixin):
    """Speaks with one peer."""

    transport: Any

    def __init__(self, entrance: MailEntrance, settings: SmtpSettings, clock: Clock) -> None:
        """`entrance`: is asked, and given mails."""
        self.callLater: Any = clock.callLater
        self._entrance = entrance
        self._settings = settings
        self._buffer = bytearray()
        self._data: bytearray | None = None
        self._is_too_long = False
        self._busy = False
        self._is_held = False
        self._pumping = False
        self._is_ended = False
        self._is_secure = False
        self._faults = 0
        self._helo = ""
        self._peer = ""
        self._origin: SmtpOrigin | None = None
        self._life: DelayedCall | None = None
        self._transaction = _Transaction()

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """Greet."""
        peer = self.transport.getPeer()
        self._peer = str(getattr(peer, "host", UNKNOWN))
        self.setTimeout(IDLE_S)
        self._life = self.callLater(LONGEST_LIFE_S, self._outlived)
        self.transport.registerProducer(self, True)
        self._say(220, f"{self._entrance.domain} ESMTP")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take bytes."""
        if self._is_ended:
            return
        self.resetTimeout()
        self._buffer += data
        self._pump()
        if (self._busy or self._is_held) and len(self._buffer) > MOST_AHEAD_BYTES:
            self.transport.pauseProducing()

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Answer no more commands for now: the peer takes no answers, and they would fill the memory."""
        self._is_held = True

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Answer again."""
        self._is_held = False
        self._go_on()

    def stopProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Answer nothing any more: `connectionLost` comes."""

    def timeoutConnection(self) -> None:  # noqa: N802 (Twisted's name)
        """End a connection on which nothing comes, and cut one that does not take its last words."""
        if self._is_ended:
            self.transport.abortConnection()
            return
        if self._busy:
            self.setTimeout(IDLE_S)
            return
        self._end(421, "4.4.2 nothing came for too long")

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 (Twisted's names)
        """Forget what was not taken yet."""
        self._is_ended = True
        self._stop_timers()
        cast(EntranceFactory, self.factory).gone(self)

    def _stop_timers(self) -> None:
        self.setTimeout(None)
        if self._life is not None and self._life.active():
            self._life.cancel()

    def _outlived(self) -> None:
        if self._busy:
            # The peer waits for the answer to a whole mail: without it, it would send the mail again.
            self._life = self.callLater(STALLED_S, self._outlived)
            return
        self._end(421, "4.4.2 this connection has lasted long enough")

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being worked out, for which the peer waits."""
        return self._busy

    def stop(self) -> None:
        """End at once; a mail that is being taken is taken all the same, and may come again."""
        self._end(421, "4.3.2 this server stops")
        self._stop_timers()
        self.transport.abortConnection()

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._busy and not self._is_held and not self._is_ended and self._step():
                pass
        finally:
            self._pumping = False

    def _step(self) -> bool:
        """Take the next thing that is whole; false if there is none."""
        if self._data is not None:
            return self._take_data(self._data)
        end = self._buffer.find(b"\r\n")
        if end < 0 or end > LONGEST_LINE:
            if len(self._buffer) > LONGEST_LINE:
                self._end(500, "5.5.2 that line is too long")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        try:
            self._obey(line)
        except EntranceRefusedError as refusal:
            self._refuse(refusal)
        except SmtpCommandError as error:
            self._refuse(EntranceRefusedError(error.reply.code, error.reply.status, str(error)))
        return True

    def _obey(self, line: bytes) -> None:
        if _CONTROL.search(line):
            raise EntranceRefusedError(500, "5.5.2", "a command ends in CRLF, and has no control characters")
        if self._peer in self._settings.trusted and line[:9].upper() == b"XFORWARD ":
            self._forward(line[9:].decode("ascii", "replace"))
            return
        match parse_smtp(line):
            case Ehlo(extended):
                self._greet(line.split(b" ", 1)[1].strip().decode("ascii", "replace"), extended=extended)
            case MailFrom() as command:
                self._mail(command)
            case Rcpt(to):
                self._rcpt(to.address)
            case Simple("DATA"):
                self._begin_data()
            case Simple("RSET"):
                self._transaction = _Transaction()
                self._say(250, "2.0.0 forgotten")
            case Simple("NOOP"):
                self._say(250, "2.0.0 yes")
            case Simple("VRFY"):
                self._say(252, "2.5.0 send a mail and see")
            case Simple("QUIT"):
                self._end(221, "2.0.0 goodbye")
            case Simple("STARTTLS") if self._settings.tls is not None and not self._is_secure:
                self._start_tls(self._settings.tls)
            case _:
                raise EntranceRefusedError(502, "5.5.1", "there is no such command here")

    def _greet(self, helo: str, *, extended: bool) -> None:
        self._helo = helo.split(" ")[0]
        self._origin = None
        self._transaction = _Transaction()
        if not extended:
            self._say(250, self._entrance.domain)
            return
        lines = [self._entrance.domain, "PIPELINING", f"SIZE {self._settings.max_mail_bytes}", "8BITMIME"]
        lines += ["SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self._settings.tls is not None and not self._is_secure:
            lines.append("STARTTLS")
        if self._peer in self._settings.trusted:
            lines.append(f"XFORWARD {ATTRIBUTES}")
        for line in lines[:-1]:
            self._write(f"250-{line}")
        self._say(250, lines[-1])

    def _start_tls(self, tls: IOpenSSLContextFactory) -> None:
        # What came in clear behind the command must not count as said under TLS (CVE-2011-0411).
        if self._buffer:
            self._end(501, "5.5.1 nothing comes after STARTTLS")
            return
        self._say(220, "2.0.0 go ahead")
        self.transport.startTLS(tls)
        self._is_secure = True
        self._helo, self._transaction = "", _Transaction()

    def _forward(self, rest: str) -> None:
        told = read_xforward(rest)
        before = self._sender_origin("")
        address = told.get("ADDR", "").removeprefix("IPV6:") if "ADDR" in told else before.peer
        peer = address if peer_key(address) != UNKNOWN else UNKNOWN
        self._origin = replace(before, peer=peer, helo=told.get("HELO", before.helo) or UNKNOWN)
        self._say(250, "2.0.0 noted")

    def _sender_origin(self, mail_from: str) -> SmtpOrigin:
        origin = SmtpOrigin(self._peer, self._helo or UNKNOWN, "") if self._origin is None else self._origin
        return replace(origin, mail_from=mail_from)

    def _mail(self, told: MailFrom) -> None:
        if not self._helo:
            raise EntranceRefusedError(503, "5.5.1", "say EHLO first")
        if self._transaction.mail_from is not None:
            raise EntranceRefusedError(503, "5.5.1", "there is a sender already")
        try:
            if told.sender:
                read_address(told.sender, frozenset())
        except AddressError as error:
            raise EntranceRefusedError(553, "5.1.7", "the sender is no mail address") from error
        if told.size_bytes is not None and told.size_bytes > self._settings.max_mail_bytes:
            raise self._too_long()
        # A mail server of our own in front has limits of its own, unless it says for whom it speaks.
        is_counted = self._origin is not None or self._peer not in self._settings.trusted
        self._entrance.check_sender(self._sender_origin(told.sender).peer if is_counted else None)
        self._transaction = _Transaction(told.sender)
        self._say(250, "2.1.0 go on")

    def _rcpt(self, address: str) -> None:
        transaction = self._transaction
        if transaction.mail_from is None:
            raise EntranceRefusedError(503, "5.5.1", "say MAIL first")
        # A report of a failure goes to the one who sent the mail.
        most = MOST_RECIPIENTS if transaction.mail_from else 1
        if len(transaction.recipients) >= most:
            raise EntranceRefusedError(452, "4.5.3", f"at most {most} at one time")

        async def find() -> None:
            found = await self._entrance.check_recipient(address, transaction.recipients)
            if found not in transaction.recipients:
                transaction.recipients.append(found)
            self._say(250, "2.1.5 known")

        self._do(find())

    def _begin_data(self) -> None:
        if not self._transaction.recipients:
            raise EntranceRefusedError(503, "5.5.1", "there is no recipient")
        # A line end in front, so that a mail without a single line ends like all others.
        self._data, self._is_too_long = bytearray(b"\r\n"), False
        self._say(354, "go on, and end with a full stop on a line by itself")

    def _take_data(self, data: bytearray) -> bool:
        begin = max(0, len(data) - len(END) + 1)
        data += self._buffer
        self._buffer.clear()
        end = data.find(END, begin)
        if end < 0:
            if len(data) > self._settings.max_mail_bytes + len(END):
                # Read past to its end: the peer reads our answer only then.
                self._is_too_long = True
                del data[: -len(END)]
            return False
        self._buffer += data[end + len(END) :]
        mail = bytes(data[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
        transaction, self._transaction, self._data = self._transaction, _Transaction(), None
        if self._is_too_long or len(mail) > self._settings.max_mail_bytes:
            self._refuse(self._too_long())
            return True
        origin = self._sender_origin(transaction.mail_from or "")
        # XFORWARD tells of one mail.
        self._origin = None

        async def take() -> None:
            await self._entrance.take(OutsideArrival(origin, tuple(transaction.recipients), mail))
            self._say(250, "2.6.0 sealed to its recipients")

        self._do(take())
        return True

    def _do(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do something that may take a while; what comes meanwhile waits."""
        self._busy = True
        doing = Deferred.fromCoroutine(work)
        doing.addErrback(self._failed)
        doing.addBoth(self._done)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, EntranceRefusedError):
            self._refuse(failure.value)
            return
        log.failure("a mail from outside could not be taken", failure)
        self._refuse(EntranceRefusedError(451, "4.3.0", "something failed here: try again later"))

    def _done(self, _: object) -> None:
        self._busy = False
        self._go_on()

    def _go_on(self) -> None:
        if not self._is_ended:
            self.transport.resumeProducing()
        self._pump()

    def _refuse(self, refusal: EntranceRefusedError) -> None:
        self._faults += 1
        if self._faults > MOST_FAULTS:
            self._end(421, "4.7.0 too many faults")
            return
        self._say(refusal.code, f"{refusal.status} {refusal}")

    def _too_long(self) -> EntranceRefusedError:
        return EntranceRefusedError(552, "5.3.4", f"a mail has at most {self._settings.max_mail_bytes} bytes here")

    def _say(self, code: int, text: str) -> None:
        self._write(f"{code} {text}")

    def _write(self, line: str) -> None:
        if not self._is_ended:
            self.transport.write(f"{line}\r\n".encode("ascii", "replace"))

    def _end(self, code: int, text: str) -> None:
        if self._is_ended:
            return
        self._say(code, text)
        self._is_ended = True
        # A peer that takes nothing more would hold its connection, and one of the few places, for ever.
        self.setTimeout(STALLED_S)
        # With a producer the transport would wait for that to end.
        self.transport.unregisterProducer()
        self.transport.loseConnection()


class EntranceFactory(Factory):
    """Makes connections, not too many in all and from one peer."""

    noisy = False

    def __init__(
        self, entrance: MailEntrance, settings: SmtpSettings, clock: Clock, *, most: int = 100, most_per_peer: int = 20
    ) -> None:
        """`most`, `most_per_peer`: connections at one time; a further one is closed at once."""
        self._make: Callable[[], SmtpConnection] = lambda: SmtpConnection(entrance, settings, clock)
        self._trusted = settings.trusted
        self._most = most
        self._most_per_peer = most_per_peer
        self._open: dict[SmtpConnection, str] = {}

    def buildProtocol(self, addr: IAddress | None) -> SmtpConnection | None:  # noqa: N802 (Twisted's name)
        """Take a connection, or none."""
        host = str(getattr(addr, "host", UNKNOWN))
        peer = peer_key(host)
        # A mail server of our own in front stands for all of its peers.
        is_many = host not in self._trusted and list(self._open.values()).count(peer) >= self._most_per_peer
        if len(self._open) >= self._most or is_many:
            return None
        connection = self._make()
        connection.factory = self
        self._open[connection] = peer
        return connection

    def gone(self, connection: SmtpConnection) -> None:
        """Note that a connection has ended."""
        self._open.pop(connection, None)

    def stop(self) -> None:
        """End all connections."""
        for connection in tuple(self._open):
            connection.stop()
