"""From the bytes of a connection to command lines and mails, of bounded length.

Only CRLF.CRLF ends a mail, and only CRLF ends a command. A program that takes LF alone for a line end would see two
mails where another sees one ("SMTP smuggling"). So a mail with a CR or LF that stands alone is refused, and what is
taken is taken byte for byte (RFC 5321, 2.3.8 and 4.5.2).
"""

from __future__ import annotations

from dataclasses import dataclass

END = b"\r\n.\r\n"
SKIPPED_LINE_BYTES = 1_048_576
"""Of a line without an end, before the connection ends."""
SKIPPED_MAIL_BYTES = 512 * 1024 * 1024
"""Of a mail that is too long, before the connection ends."""


@dataclass(frozen=True)
class SmtpLine:
    """A line, without its CRLF."""

    text: bytes


@dataclass(frozen=True)
class BadLine:
    """A line that is none; `fatal` if its end will not be waited for."""

    reason: str
    fatal: bool = False


@dataclass(frozen=True)
class Mail:
    """A whole mail, as its author's program gave it."""

    data: bytes


@dataclass(frozen=True)
class BadMail:
    """A mail that is not taken, which ended; `fatal` if its end will not be waited for."""

    reason: str
    too_long: bool = False
    fatal: bool = False


class SmtpReader:
    """Cuts a stream of bytes into lines and mails; one is taken at a time, for a command decides what comes next."""

    def __init__(self, line_bytes: int) -> None:
        """`line_bytes`: how long a line may be, with its CRLF."""
        self._line_bytes = line_bytes
        self._waiting = bytearray()
        self._scanned = 0
        self._skipped = 0
        self._most_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._waiting

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._waiting += data

    def forget(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._scanned = self._skipped = 0

    def next_line(self) -> SmtpLine | BadLine | None:
        """Return the next line, or None while it is incomplete."""
        end = self._waiting.find(b"\n", self._scanned)
        if end < 0:
            return self._without_end()
        line = bytes(self._waiting[: end + 1])
        del self._waiting[: end + 1]
        skipped, self._scanned, self._skipped = self._skipped, 0, 0
        if skipped or len(line) > self._line_bytes:
            return BadLine(f"the line is too long: {self._line_bytes} octets are allowed")
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            return BadLine("a line ends in CRLF, and has no other CR, LF or NUL")
        return SmtpLine(line[:-2])

    def begin_mail(self, most_bytes: int) -> None:
        """Expect a mail of at most `most_bytes`."""
        self._most_bytes = most_bytes
        self._scanned = self._skipped = 0

    def next_mail(self) -> Mail | BadMail | None:
        """Return the mail, or None while it is incomplete."""
        # A line end stands before the first line already: that of DATA (RFC 5321, 4.1.1.4).
        if not self._skipped and self._waiting.startswith(END[2:]):
            del self._waiting[:3]
            return self._whole(b"")
        end = self._waiting.find(END, self._scanned)
        if end < 0:
            return self._mail_without_end()
        mail = bytes(self._waiting[: end + 2])
        del self._waiting[: end + len(END)]
        skipped, self._scanned, self._skipped = self._skipped, 0, 0
        return self._too_long() if skipped else self._whole(mail)

    def _without_end(self) -> BadLine | None:
        if len(self._waiting) < self._line_bytes and not self._skipped:
            self._scanned = len(self._waiting)
            return None
        self._skipped += len(self._waiting)
        self._waiting.clear()
        self._scanned = 0
        return BadLine("the line has no end", fatal=True) if self._skipped > SKIPPED_LINE_BYTES else None

    def _mail_without_end(self) -> BadMail | None:
        # The end may have begun with the last bytes that are here.
        self._scanned = max(0, len(self._waiting) - len(END) + 1)
        # A dot is doubled in a line of at least one more octet and CRLF: so much longer it may come than it is.
        if len(self._waiting) <= self._most_bytes * 4 // 3 + len(END) and not self._skipped:
            return None
        self._skipped += self._scanned
        del self._waiting[: self._scanned]
        self._scanned = 0
        if self._skipped > SKIPPED_MAIL_BYTES:
            return BadMail("the mail has no end", too_long=True, fatal=True)
        return None

    def _whole(self, stuffed: bytes) -> Mail | BadMail:
        if not stuffed.count(b"\r\n") == stuffed.count(b"\n") == stuffed.count(b"\r"):
            return BadMail("the mail has a CR or an LF that stands alone: every line ends in CRLF")
        # A dot that a line begins with is one too many (RFC 5321, 4.5.2); a line that is only a dot would be the end.
        mail = (stuffed[1:] if stuffed.startswith(b".") else stuffed).replace(b"\r\n.", b"\r\n")
        return self._too_long() if len(mail) > self._most_bytes else Mail(mail)

    def _too_long(self) -> BadMail:
        return BadMail(f"the mail is longer than {self._most_bytes} bytes", too_long=True)
