"""One connection of a mail program that submits mail: bytes in, bytes and questions out, and no socket anywhere.

A question is what the session cannot know by itself: whether a password is right, whether a recipient can be reached,
whether a mail is durably stored. While one is open, nothing more is read, so that replies keep the order of their
commands (PIPELINING, RFC 2920).
"""

from __future__ import annotations

import base64
import binascii
import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from leap_plugin.bridge.receiving_room import ReceivingRoom, RoomShare
from leap_plugin.bridge.smtp.commands import (
    Auth,
    Ehlo,
    MailFrom,
    Rcpt,
    Simple,
    SmtpCommand,
    SmtpCommandError,
    parse_smtp,
)
from leap_plugin.bridge.smtp.lines import BadLine, BadMail, Mail, SmtpLine, SmtpReader
from leap_plugin.bridge.smtp.replies import SmtpReply, greeting
from leap_plugin.mail.recipients import MOST_RECIPIENTS
from leap_plugin.mail.submitting import Announcement, RcptTo, SubmittedMail

HOST = "bridge.mix.invalid"
LINE_BYTES = 12_288
"""AUTH may need that much (RFC 4954, 4); MAIL and RCPT with all their parameters need less."""
MOST_BAD = 20
"""Commands that are none, one after the other, before the connection ends."""
MOST_WRONG_PASSWORDS = 3
SIZE_SLACK_BYTES = 65_536
"""A mail may be so much longer than MAIL said, and a quarter of it: mail programs estimate (RFC 1870, 6.1)."""
# A page in a browser can make it send HTTP to any port of this machine.
_OF_HTTP = re.compile(rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|CONNECT|TRACE|PATCH) |[A-Za-z-]+:", re.IGNORECASE)


class Secrecy(enum.Enum):
    """How a connection is secured."""

    PLAIN = "plain"
    """Not at all, as is due on loopback: passwords are taken."""
    STARTTLS = "starttls"
    """By TLS, for which the mail program asks first; before that no password is taken."""
    TLS = "tls"
    """By TLS."""


@dataclass(frozen=True)
class LogIn:
    """Is the password of this user right? Answered by `logged_in`."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class CheckRcpt:
    """Would a mail of this size to this address be taken? Answered by `rcpt_checked`."""

    address: str
    size_bytes: int | None


@dataclass(frozen=True)
class Submit:
    """Is the mail durably stored? Answered by `submitted`."""

    mail: SubmittedMail


@dataclass(frozen=True)
class StartTls:
    """The reply to STARTTLS, after which TLS begins. Answered by `secured`."""

    reply: bytes


Question: TypeAlias = LogIn | CheckRcpt | Submit | StartTls


class _Reading(enum.Enum):
    COMMAND = "a command"
    LOGIN_PLAIN = "the response of AUTH PLAIN"
    LOGIN_USER = "the user of AUTH LOGIN"
    LOGIN_PASSWORD = "the password of AUTH LOGIN"  # noqa: S105 (it is none)
    MAIL = "a mail"


@dataclass
class _Transaction:
    sender: MailFrom
    most_bytes: int
    recipients: list[RcptTo] = field(default_factory=list)


class SmtpSession:
    """Answers one mail program.

    `receive` takes bytes. After it, at the beginning, and after each answer, whoever holds the connection calls `step`
    until it returns None. No input raises an error; when `ended` is true the connection is to be closed.
    """

    def __init__(
        self, announce: Callable[[], Announcement], secrecy: Secrecy, room: ReceivingRoom | None = None
    ) -> None:
        """`announce`: tells what is announced now, of the user who has logged in, if one has.

        `room`: for mails that are being received, shared with other sessions.
        """
        self._announce = announce
        self._room = room or ReceivingRoom()
        self._share: RoomShare | None = None
        self._secrecy = secrecy
        self._reader = SmtpReader(LINE_BYTES)
        self._reading = _Reading.COMMAND
        self._outbox = [SmtpReply(220, "", f"{HOST} ESMTP LoopixMix").encode()]
        self._question: Question | None = None
        self._is_greeted = False
        self._own_address: str | None = None
        self._login_user = ""
        self._transaction: _Transaction | None = None
        self._asked_rcpt: RcptTo | None = None
        self._bad = 0
        self._wrong_passwords = 0
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will be read or said, once `step` returns None."""
        return self._ended

    @property
    def is_logged_in(self) -> bool:
        """Whether a user has logged in."""
        return self._own_address is not None

    @property
    def is_asking(self) -> bool:
        """Whether a question is open, and nothing is read."""
        return self._question is not None

    def receive(self, data: bytes) -> None:
        """Take bytes from the mail program."""
        if not self._ended:
            self._reader.feed(data)

    def step(self) -> bytes | Question | None:
        """Return what is to be sent, a question, or None if more input or an answer is needed."""
        while True:
            if self._outbox:
                return self._outbox.pop(0)
            if self._ended or self._question is not None:
                return None
            if self._reading is _Reading.MAIL:
                mail = self._reader.next_mail()
                if mail is None:
                    return None
                self._mail_came(mail)
            else:
                line = self._reader.next_line()
                if line is None:
                    return None
                self._line_came(line)
            if self._question is not None:
                return self._question

    def logged_in(self, own_address: str | SmtpReply | None) -> None:
        """Answer `LogIn`: the address of the user, None if user or password is wrong, a reply if that is not known."""
        self._question = None
        if isinstance(own_address, SmtpReply):
            return self._say(own_address)
        if own_address is not None:
            self._own_address = own_address
            return self._say(SmtpReply(235, "2.7.0", "welcome"))
        self._wrong_passwords += 1
        self._say(SmtpReply(535, "5.7.8", "the user or the password is wrong: loopixmix mail setup DIR shows them"))
        if self._wrong_passwords >= MOST_WRONG_PASSWORDS:
            self._bye("too many wrong passwords")
        return None

    def rcpt_checked(self, refused: SmtpReply | None) -> None:
        """Answer `CheckRcpt`: None if the recipient is taken, otherwise the reply."""
        self._question = None
        asked, self._asked_rcpt = self._asked_rcpt, None
        if refused is None and asked is not None and self._transaction is not None:
            self._transaction.recipients.append(asked)
            refused = SmtpReply(250, "2.1.5", "the recipient is taken")
        self._say(refused or SmtpReply(451, "4.3.0", "the transaction has ended"))

    def submitted(self, outcome: str | SmtpReply) -> None:
        """Answer `Submit`: the id of the mail in the queue, or the reply that refuses it."""
        self._question = None
        self._transaction = None
        self._give_room_back()
        self._say(outcome if isinstance(outcome, SmtpReply) else SmtpReply(250, "2.6.0", f"queued as {outcome}"))

    def lost(self) -> None:
        """The connection is gone. A mail that is being submitted keeps its room until that is answered."""
        if not isinstance(self._question, Submit):
            self._give_room_back()

    def secured(self) -> None:
        """Answer `StartTls`: TLS has begun, and all that was said before counts no more (RFC 3207, 4.2)."""
        self._question = None
        self._secrecy = Secrecy.TLS
        self._is_greeted, self._transaction = False, None
        self._reader.forget()

    # -- Input.

    def _line_came(self, line: SmtpLine | BadLine) -> None:
        if isinstance(line, BadLine):
            self._reading = _Reading.COMMAND
            self._refuse(SmtpReply(500, "5.5.2", line.reason))
            if line.fatal:
                self._bye("what follows cannot be read")
        elif self._reading is not _Reading.COMMAND:
            self._response_came(line.text)
        elif _OF_HTTP.match(line.text) and not self.is_logged_in:
            self._bye("this is no web server")
        else:
            self._command_came(line.text)

    def _command_came(self, line: bytes) -> None:
        try:
            command = parse_smtp(line)
            self._perform(command)
        except SmtpCommandError as error:
            self._refuse(error.reply)
        else:
            self._bad = 0

    def _perform(self, command: SmtpCommand) -> None:
        match command:
            case Ehlo(extended):
                self._hello(extended=extended)
            case Auth():
                self._auth(command)
            case MailFrom():
                self._mail_from(command)
            case Rcpt(to):
                self._rcpt(to)
            case Simple("DATA"):
                self._data()
            case Simple("STARTTLS"):
                self._starttls()
            case Simple("RSET"):
                self._transaction = None
                self._say(SmtpReply(250, "2.0.0", "begun anew"))
            case Simple("NOOP"):
                self._say(SmtpReply(250, "2.0.0", "nothing done"))
            case Simple("VRFY"):
                self._say(SmtpReply(252, "2.5.0", "RCPT tells whether an address can be reached"))
            case Simple("HELP"):
                self._say(SmtpReply(214, "2.0.0", "log in, then give MAIL, RCPT and DATA"))
            case Simple("QUIT"):
                self._say(SmtpReply(221, "2.0.0", "until next time"))
                self._ended = True

    # -- The commands.

    def _hello(self, *, extended: bool) -> None:
        self._is_greeted, self._transaction = True, None
        if not extended:
            return self._say(SmtpReply(250, "", HOST))
        told = self._announce()
        texts = [f"{HOST} {told.text}", f"SIZE {told.size_bytes}", "8BITMIME", "SMTPUTF8", "PIPELINING"]
        texts += ["ENHANCEDSTATUSCODES", "DSN"]
        # After the log-in AUTH would only be refused.
        if self._secrecy is Secrecy.STARTTLS:
            texts.append("STARTTLS")
        elif not self.is_logged_in:
            texts.append("AUTH PLAIN LOGIN")
        self._outbox.append(greeting(texts))
        return None

    def _starttls(self) -> None:
        if self._secrecy is not Secrecy.STARTTLS:
            text = "TLS is there already" if self._secrecy is Secrecy.TLS else "this port has no TLS"
            raise SmtpCommandError(503, "5.5.1", text)
        # It would be taken for a part of what follows under TLS, and could come from somebody else.
        if not self._reader.is_empty:
            return self._bye("nothing may follow STARTTLS before its reply")
        self._question = StartTls(SmtpReply(220, "2.0.0", "begin TLS").encode())
        return None

    def _auth(self, auth: Auth) -> None:
        self._check_greeted()
        if self.is_logged_in or self._transaction is not None:
            raise SmtpCommandError(503, "5.5.1", "you have logged in already")
        if self._secrecy is Secrecy.STARTTLS:
            raise SmtpCommandError(538, "5.7.11", "STARTTLS must come before AUTH")
        match auth:
            case Auth("PLAIN", None):
                self._go_on(_Reading.LOGIN_PLAIN, b"")
            case Auth("LOGIN", None):
                self._go_on(_Reading.LOGIN_USER, b"Username:")
            case Auth("PLAIN", bytes() as initial):
                self._reading = _Reading.LOGIN_PLAIN
                self._response_came(initial)
            case Auth("LOGIN", bytes() as initial):
                self._reading = _Reading.LOGIN_USER
                self._response_came(initial)
            case _:
                raise SmtpCommandError(504, "5.5.4", "the mechanisms are PLAIN and LOGIN")

    def _response_came(self, line: bytes) -> None:
        reading, self._reading = self._reading, _Reading.COMMAND
        if line == b"*":
            return self._refuse(SmtpReply(501, "5.7.0", "the log-in was given up"))
        try:
            response = base64.b64decode(line, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return self._refuse(SmtpReply(501, "5.5.2", "the response is not UTF-8 in base64"))
        if reading is _Reading.LOGIN_USER:
            self._login_user = response
            return self._go_on(_Reading.LOGIN_PASSWORD, b"Password:")
        if reading is _Reading.LOGIN_PASSWORD:
            self._question = LogIn(self._login_user, response)
            return None
        authorize, *user_and_password = response.split("\0")
        # Somebody else's mail cannot be sent: whom one acts for, if that is said, is the user (RFC 4616, 2).
        if len(user_and_password) != 2 or authorize not in ("", user_and_password[0]):
            return self._refuse(SmtpReply(501, "5.5.2", "the response of PLAIN is NUL, user, NUL, password"))
        self._question = LogIn(*user_and_password)
        return None

    def _go_on(self, reading: _Reading, prompt: bytes) -> None:
        self._reading = reading
        self._outbox.append(b"334 " + base64.b64encode(prompt) + b"\r\n")

    def _mail_from(self, command: MailFrom) -> None:
        self._check_greeted()
        if self._own_address is None:
            raise SmtpCommandError(530, "5.7.0", "log in first")
        if self._transaction is not None:
            raise SmtpCommandError(503, "5.5.1", "a transaction goes on: RSET ends it")
        # Without a sender, as of a disposition notification, is allowed; as somebody else is not.
        if command.sender and command.sender.lower() != self._own_address.lower():
            raise SmtpCommandError(553, "5.7.1", f"you are {self._own_address}, and send as nobody else")
        most_bytes = self._announce().size_bytes
        if command.size_bytes is not None and command.size_bytes > most_bytes:
            raise SmtpCommandError(552, "5.3.4", _too_long(most_bytes))
        self._transaction = _Transaction(command, most_bytes)
        self._say(SmtpReply(250, "2.1.0", "the sender is taken"))

    def _rcpt(self, to: RcptTo) -> None:
        transaction = self._under_way()
        if len(transaction.recipients) >= MOST_RECIPIENTS:
            raise SmtpCommandError(452, "4.5.3", f"a mail has at most {MOST_RECIPIENTS} recipients")
        if not transaction.sender.utf8 and not to.address.isascii():
            raise SmtpCommandError(553, "5.6.7", "an address beyond ASCII needs SMTPUTF8 in MAIL")
        self._asked_rcpt = to
        self._question = CheckRcpt(to.address, transaction.sender.size_bytes)

    def _data(self) -> None:
        transaction = self._under_way()
        if not transaction.recipients:
            raise SmtpCommandError(554, "5.5.1", "no recipient was taken")
        if transaction.sender.size_bytes is not None:
            said_bytes = transaction.sender.size_bytes * 5 // 4 + SIZE_SLACK_BYTES
            transaction.most_bytes = min(transaction.most_bytes, said_bytes)
        self._share = self._room.take(transaction.most_bytes)
        if self._share is None:
            raise SmtpCommandError(452, "4.3.1", "other long mails are coming in just now: try again in a moment")
        self._reader.begin_mail(transaction.most_bytes)
        self._reading = _Reading.MAIL
        self._say(SmtpReply(354, "", "give the mail; CRLF.CRLF ends it"))

    def _mail_came(self, mail: Mail | BadMail) -> None:
        self._reading = _Reading.COMMAND
        transaction = self._transaction
        if transaction is None:
            return
        if isinstance(mail, Mail):
            self._question = Submit(
                SubmittedMail(
                    sender=transaction.sender.sender,
                    recipients=tuple(transaction.recipients),
                    mail=mail.data,
                    envelope_id=transaction.sender.envelope_id,
                    returns_all=transaction.sender.returns_all,
                )
            )
            return
        self._transaction = None
        self._give_room_back()
        if mail.too_long:
            self._say(SmtpReply(552, "5.3.4", _too_long(transaction.most_bytes)))
        else:
            self._say(SmtpReply(550, "5.5.2", mail.reason))
        if mail.fatal:
            self._bye("what follows cannot be read")

    # -- What they share.

    def _give_room_back(self) -> None:
        if self._share is not None:
            self._share.give_back()
            self._share = None

    def _check_greeted(self) -> None:
        if not self._is_greeted:
            raise SmtpCommandError(503, "5.5.1", "EHLO comes first")

    def _under_way(self) -> _Transaction:
        self._check_greeted()
        if self._own_address is None:
            raise SmtpCommandError(530, "5.7.0", "log in first")
        if self._transaction is None:
            raise SmtpCommandError(503, "5.5.1", "MAIL comes first")
        return self._transaction

    def _say(self, reply: SmtpReply) -> None:
        self._outbox.append(reply.encode())

    def _refuse(self, reply: SmtpReply) -> None:
        self._say(reply)
        self._bad += 1
        if self._bad >= MOST_BAD:
            self._bye("too many commands that are none")

    def _bye(self, reason: str) -> None:
        self._say(SmtpReply(421, "4.7.0", f"{HOST} closes the connection: {reason}"))
        self._ended = True


def _too_long(most_bytes: int) -> str:
    return f"a mail has at most {most_bytes} bytes now, and little more than MAIL said"
