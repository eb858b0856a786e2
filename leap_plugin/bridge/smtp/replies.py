"""Replies of an SMTP server (RFC 5321, 4.2), with the enhanced status codes of RFC 2034 and RFC 3463."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_TEXT = 400
"""Characters of the text in a line of a reply; the whole line has at most 512 octets (RFC 5321, 4.5.3.1.5)."""
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True)
class SmtpReply:
    """One reply. `status`: the enhanced status code, empty for greetings, EHLO and intermediate replies."""

    code: int
    status: str
    text: str

    def encode(self) -> bytes:
        """Return the reply as a line."""
        return _line(self.code, " ", " ".join(filter(None, (self.status, self.text))))


def refusal(code: int, status: str, text: str) -> SmtpReply:
    """Return a reply for an error that says its own code; one that does not fit SMTP becomes 451 or 550."""
    if not 400 <= code <= 599:
        code = 451
    if not _ENHANCED.fullmatch(status) or status[0] != str(code)[0]:
        status = f"{code // 100}.0.0"
    return SmtpReply(code, status, text)


def greeting(texts: Sequence[str]) -> bytes:
    """Return the reply to EHLO: one line for each text (RFC 5321, 4.1.1.1)."""
    *others, last = texts
    return b"".join(_line(250, "-", text) for text in others) + _line(250, " ", last)


def _line(code: int, separator: str, text: str) -> bytes:
    # Texts quote what others gave, such as an address: no line end and no control character of theirs gets out.
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)[:MOST_TEXT]
    return f"{code}{separator}{plain}\r\n".encode("ascii")
