"""Handing mail to the relay: an ordinary mail server, which does the rest of its way.

The standard library's client in threads: it knows TLS, AUTH, pipelined line ends and SMTPUTF8, which Twisted's does
not. Connections are kept and used again.
"""

from __future__ import annotations

import enum
import smtplib
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Protocol, TypeAlias

import msgspec

from leap_plugin.gateways.store.waiting import OutsideMail
from loopixmix.errors import ConfigError

TIMEOUT_S = 60.0
LONGEST_REASON = 200


class RelayTls(enum.StrEnum):
    """How the connection to the relay is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class RelayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[exit.relay]`. `ca_file`: who may certify it, empty for the system's list. `connections`: at one time."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 25
    tls: RelayTls = RelayTls.NONE
    ca_file: str = ""
    user: str = ""
    password_file: str = ""
    connections: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4

    def __post_init__(self) -> None:
        if self.tls is RelayTls.NONE and not _is_loopback(self.host):
            raise ConfigError(f'tls = "none" is for a relay on this machine, not for {self.host}: use "starttls"')
        if bool(self.user) != bool(self.password_file):
            raise ConfigError("user and password_file of the relay are given together")


@dataclass(frozen=True)
class RelayHasIt:
    """The relay answered that it has the mail."""


@dataclass(frozen=True)
class RelayLater:
    """It could not take it now; `status` as in RFC 3463, `reason` in ASCII."""

    status: str
    reason: str


@dataclass(frozen=True)
class RelayRefused:
    """It will not take it; `status` as in RFC 3463, `reason` in ASCII."""

    status: str
    reason: str


RelayAnswer: TypeAlias = RelayHasIt | RelayLater | RelayRefused


class MailRelay(Protocol):
    """A mail server that takes mail."""

    def hand_over(self, mail: OutsideMail) -> RelayAnswer:
        """Hand over a mail and return what the relay said; called in a thread, several at once."""

    def close(self) -> None:
        """Close the connections that are not in use."""


class SmtpRelay:
    """A relay that is reached by SMTP."""

    def __init__(self, config: RelayConfig, *, ehlo_name: str, password: str = "") -> None:
        """`ehlo_name`: the gateway's name in EHLO; the name of the machine is never told."""
        self._config = config
        self._ehlo_name = ehlo_name
        self._password = password
        self._idle: deque[smtplib.SMTP] = deque(maxlen=config.connections)

    def hand_over(self, mail: OutsideMail) -> RelayAnswer:
        """Hand over a mail and return what the relay said."""
        try:
            return self._try(self._take(), mail)
        except smtplib.SMTPNotSupportedError:
            return RelayRefused("5.6.7", "the relay does not take addresses beyond ASCII")
        except smtplib.SMTPAuthenticationError:
            return RelayLater("4.7.8", "the relay does not know this gateway")
        except (smtplib.SMTPException, OSError, ssl.SSLError):
            return RelayLater("4.4.1", "the relay cannot be reached")

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> smtplib.SMTP:
        while self._idle:
            connection = self._idle.pop()
            # A relay closes a connection that is idle for long. Asked first: if it broke off during a mail, nobody
            # would know whether it has it.
            try:
                if connection.noop()[0] == 250:
                    return connection
            except (smtplib.SMTPException, OSError):
                pass
            connection.close()
        return self._connect()

    def _connect(self) -> smtplib.SMTP:
        config, options = self._config, {"local_hostname": self._ehlo_name, "timeout": TIMEOUT_S}
        make: Callable[..., smtplib.SMTP] = smtplib.SMTP
        if config.tls is RelayTls.IMPLICIT:
            make, options = smtplib.SMTP_SSL, {**options, "context": self._context()}
        connection = make(config.host, config.port, **options)
        try:
            if config.tls is RelayTls.STARTTLS:
                connection.starttls(context=self._context())
            connection.ehlo_or_helo_if_needed()
            if config.user:
                connection.login(config.user, self._password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._config.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _try(self, connection: smtplib.SMTP, mail: OutsideMail) -> RelayAnswer:
        options = ["SMTPUTF8", "BODY=8BITMIME"] if mail.needs_smtputf8 else []
        try:
            if mail.needs_smtputf8 and not connection.has_extn("smtputf8"):
                raise smtplib.SMTPNotSupportedError("SMTPUTF8")
            connection.sendmail(mail.mail_from, [mail.recipient], mail.message, mail_options=options)
        except smtplib.SMTPServerDisconnected:
            connection.close()
            return RelayLater("4.4.2", "the relay broke off")
        except smtplib.SMTPRecipientsRefused as error:
            self._keep(connection)
            return _told(*next(iter(error.recipients.values())))
        except smtplib.SMTPResponseException as error:
            self._keep(connection)
            return _told(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            self._keep(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return RelayHasIt()

    def _keep(self, connection: smtplib.SMTP) -> None:
        if len(self._idle) < self._config.connections:
            self._idle.append(connection)
        else:
            connection.close()


def _told(code: int, text: bytes | str) -> RelayAnswer:
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    shown = "".join(char if " " <= char <= "~" else " " for char in words)[:LONGEST_REASON].strip()
    first = shown.partition(" ")[0]
    kind = "4" if 400 <= code < 500 else "5"
    status = first if len(first.split(".")) == 3 and first.replace(".", "").isdigit() and first[0] == kind else ""
    reason = f"the relay said {code} {shown}".strip()
    return RelayLater(status or "4.0.0", reason) if kind == "4" else RelayRefused(status or "5.0.0", reason)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
