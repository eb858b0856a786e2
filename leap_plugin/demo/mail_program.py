"""A mail program as small as one can be: Python's own SMTP and IMAP clients, which know nothing of this bridge."""

from __future__ import annotations

import imaplib
import re
import smtplib
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from loopixmix.errors import PeerError, UnavailableError

PATIENCE_S = 60.0
SUBMITTING_S = 300.0
"""For so long an answer is waited for (RFC 5321, 4.5.3.2.3): an address may be looked up through the network."""
# A FETCH of one mail of 36 MB is one literal.
imaplib._MAXLINE = max(imaplib._MAXLINE, 10_000_000)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class MailProgram:
    """The mail program of one account. `smtp_port`, `imap_port`: on this machine, without TLS."""

    login: str
    password: str = field(repr=False)
    smtp_port: int
    imap_port: int
    host: str = "127.0.0.1"

    def announced(self) -> str:
        """Return what the server says to EHLO."""
        with smtplib.SMTP(self.host, self.smtp_port, timeout=SUBMITTING_S) as connection:
            return connection.ehlo()[1].decode("utf-8", "replace")

    def send(self, mail: bytes, recipients: Sequence[str]) -> None:
        """Hand a mail over; returns once the server has taken it. Raises `PeerError` if it is refused."""
        try:
            with smtplib.SMTP(self.host, self.smtp_port, timeout=SUBMITTING_S) as connection:
                connection.ehlo()
                connection.login(self.login, self.password)
                connection.sendmail(self.login, list(recipients), mail, _options(mail))
        except smtplib.SMTPServerDisconnected as error:
            raise UnavailableError(f"the bridge ended the connection: {error}") from error
        except smtplib.SMTPException as error:
            raise PeerError(f"the mail was refused: {error}") from error
        except OSError as error:
            raise UnavailableError(f"the bridge does not answer: {error}") from error

    def mails(self, folder: str = "INBOX") -> dict[int, bytes]:
        """Return all mails in a folder by UID, byte for byte."""
        with self._opened(folder) as connection:
            return self._fetch(connection, 1)

    def mails_after(self, uid: int, folder: str = "INBOX") -> dict[int, bytes]:
        """Return the mails with a higher UID than `uid`."""
        with self._opened(folder) as connection:
            return self._fetch(connection, uid + 1)

    def new_mail(self, *, after: int = 0, within_s: float = PATIENCE_S) -> tuple[int, bytes]:
        """Return UID and bytes of the first mail in INBOX with a higher UID; waits for it by IDLE (RFC 2177).

        Raises `UnavailableError` if none comes.
        """
        deadline_s = time.monotonic() + within_s
        with self._opened("INBOX") as connection:
            while True:
                found = self._fetch(connection, after + 1)
                if found:
                    return min(found.items())
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or not _idle(connection, left_s):
                    raise UnavailableError(f"no mail came within {within_s:g} s")

    @contextmanager
    def _opened(self, folder: str) -> Iterator[imaplib.IMAP4]:
        try:
            with imaplib.IMAP4(self.host, self.imap_port, timeout=PATIENCE_S) as connection:
                connection.login(self.login, self.password)
                answer, _ = connection.select(f'"{folder}"', readonly=True)
                if answer != "OK":
                    raise PeerError(f"the folder {folder} cannot be opened")
                yield connection
        except imaplib.IMAP4.error as error:
            raise PeerError(f"the bridge refused: {error}") from error
        except OSError as error:
            raise UnavailableError(f"the bridge does not answer: {error}") from error

    def _fetch(self, connection: imaplib.IMAP4, first: int) -> dict[int, bytes]:
        _, answers = connection.uid("FETCH", f"{first}:*", "(UID BODY.PEEK[])")
        found: dict[int, bytes] = {}
        for answer in answers:
            if isinstance(answer, tuple):
                uid = re.search(rb"UID (\d+)", answer[0])
                if uid is not None:
                    found[int(uid[1])] = answer[1]
        # `7:*` is the last mail if there is none from 7 on (RFC 3501, 6.4.8).
        return {uid: mail for uid, mail in found.items() if uid >= first}


def _options(mail: bytes) -> list[str]:
    options = [] if mail.isascii() else ["BODY=8BITMIME"]
    return options if mail.partition(b"\r\n\r\n")[0].isascii() else [*options, "SMTPUTF8"]


def _idle(connection: imaplib.IMAP4, within_s: float) -> bool:
    """Wait until the server tells of something new; return False if it does not in time."""
    connection.send(b"IDLE1 IDLE\r\n")
    connection.sock.settimeout(within_s)
    is_new = False
    try:
        while not is_new:
            line = connection.readline()
            if not line:
                raise UnavailableError("the bridge ended the connection")
            is_new = line.rstrip().endswith((b"EXISTS", b"RECENT"))
    except TimeoutError:
        return False
    finally:
        connection.sock.settimeout(PATIENCE_S)
    connection.send(b"DONE\r\n")
    while not connection.readline().startswith(b"IDLE1 "):
        pass
    return True


def free_ports(count: int) -> list[int]:
    """Return ports on this machine that nobody listens on now."""
    opened = [socket.socket() for _ in range(count)]
    try:
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in opened]
    finally:
        for one in opened:
            one.close()
