"""A mail taken apart, strictly: what breaks the rules of MIME is refused, never repaired.

The standard library's parser guesses where a mail is malformed, and other programs guess otherwise. In the anonymous
form a guess could send something else than the author was shown.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from email.errors import MessageError, NonASCIILocalPartDefect, ObsoleteHeaderDefect
from email.message import Message
from email.parser import BytesParser
from email.policy import EmailPolicy
from typing import Any

from leap_plugin.mail.envelope import MAX_MAIL_BYTES, MailTooLongError
from leap_plugin.mail.plaintext import codec_of
from loopixmix.errors import MisuseError

MOST_PARTS = 200
DEEPEST = 20
"""Multiparts in multiparts."""
MOST_HEADERS = 500
LONGEST_HEADER, LONGEST_PARAMETERS = 16_384, 4_096
"""Characters in a header line that is taken apart, and in one with parameters: the library's time is their square."""

_POLICY = EmailPolicy(raise_on_defect=True, utf8=True)
# What older mails may be, and what RFC 6532 allows.
_ALLOWED_DEFECTS = (ObsoleteHeaderDefect, NonASCIILocalPartDefect)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# RFC 2047; the star before a language is of RFC 2231.
_ENCODED_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([^?\s]+)\?([^?\s]*)\?=")
_BAD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_ONCE = frozenset(
    ("from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version")
) | {"content-type", "content-transfer-encoding", "content-disposition"}


class MalformedMailError(MisuseError):
    """The mail breaks the rules of MIME, so that its anonymous form would be a guess."""


class MailPart:
    """A mail or a part of one: its header lines, and either further parts or bytes."""

    def __init__(self, message: Message, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise MalformedMailError(f"the mail has parts in parts deeper than {DEEPEST}")
        self._headers = _headers_of(message)
        content = self.structured("Content-Type")
        self.content_type: str = "text/plain" if content is None else content.content_type
        self.parameters: Mapping[str, str] = (
            {} if content is None else {k.lower(): v for k, v in content.params.items()}
        )
        inner = [part for part in message.get_payload() if isinstance(part, Message)] if message.is_multipart() else []
        if self.content_type.startswith("multipart/") != (bool(inner) and not self.content_type.startswith("message/")):
            raise MalformedMailError(f"a part of the mail is no {self.content_type[:60]!a}, although it says so")
        self.parts: tuple[MailPart, ...] = tuple(MailPart(part, depth + 1) for part in inner)
        self._encoding = (self.header("Content-Transfer-Encoding") or "7bit").strip().lower()
        self._raw = b"" if self.parts else _raw_content(message, self._encoding)

    def header(self, name: str) -> str | None:
        """Return the text of a header line, unfolded and not decoded; None if there is none."""
        return self._headers.get(name.lower())

    def structured(self, name: str) -> Any | None:
        """Return a header as the standard library reads it; None if there is none."""
        text = self.header(name)
        if text is None:
            return None
        if len(text) > (LONGEST_PARAMETERS if name.lower().startswith("content-") else LONGEST_HEADER):
            raise MalformedMailError(f"the header line {name} is too long")
        _check_encoded_words(name, text)
        try:
            value = _POLICY.header_factory(name, text)
            defects = [defect for defect in value.defects if not isinstance(defect, _ALLOWED_DEFECTS)]
        # Its parser of headers raises whatever an index out of range raises, on input that it does not know.
        except (MessageError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
            raise MalformedMailError(f"the header line {name} cannot be read") from error
        if defects or _CONTROL.search(str(value)) or "\ufffd" in str(value):
            raise MalformedMailError(f"the header line {name} breaks the rules of its form")
        return value

    def walk(self) -> Iterator[MailPart]:
        """Yield this part and all in it, outermost first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def content(self) -> bytes:
        """Return the decoded bytes of a part that has no further ones; line ends of texts are CRLF."""
        raw = self._raw.replace(b"\n", b"\r\n")
        match self._encoding:
            case "7bit" | "8bit" | "binary":
                return raw
            case "base64":
                try:
                    return b64decode(re.sub(rb"[ \t\r\n]", b"", raw), validate=True)
                except binascii.Error as error:
                    raise MalformedMailError("a part of the mail is no base64, although it says so") from error
        if _BAD_QUOTED.search(raw):
            raise MalformedMailError("a part of the mail is not quoted-printable, although it says so")
        return binascii.a2b_qp(raw)

    def text(self) -> str:
        """Return the text of a part, by the charset that it names; its line ends are LF."""
        charset = self.parameters.get("charset", "us-ascii")
        try:
            text = self.content().decode(codec_of(charset))
        except (LookupError, ValueError) as error:
            raise MalformedMailError(f"a text is not in the charset {charset[:40]!a} that it names") from error
        return text.replace("\r\n", "\n")


def parse_mail(mail: bytes) -> MailPart:
    """Take a mail apart; its line ends are CRLF, or LF alone.

    Raises `MalformedMailError`, `MailTooLongError`.
    """
    if len(mail) > MAX_MAIL_BYTES:
        raise MailTooLongError(f"the mail has {len(mail):,} bytes; at most {MAX_MAIL_BYTES:,} are allowed")
    text = mail.replace(b"\r\n", b"\n")
    if b"\r" in text or b"\0" in text:
        raise MalformedMailError("the mail has a carriage return that ends no line, or a zero byte")
    try:
        message = BytesParser(policy=_POLICY).parsebytes(text)
        count = sum(1 for _ in message.walk())
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise MalformedMailError(f"the mail breaks the rules of MIME: {_named(error)}") from error
    if count > MOST_PARTS:
        raise MalformedMailError(f"the mail has more than {MOST_PARTS} parts")
    return MailPart(message)


def _headers_of(message: Message) -> dict[str, str]:
    headers: dict[str, str] = {}
    items = list(message.raw_items())
    if len(items) > MOST_HEADERS:
        raise MalformedMailError(f"the mail has more than {MOST_HEADERS} header lines in one part")
    for name, value in items:
        folded = name.lower()
        if folded in _ONCE and folded in headers:
            raise MalformedMailError(f"the header line {name} comes twice")
        try:
            text = str(value).encode("utf-8", "surrogateescape").decode()
        except UnicodeDecodeError as error:
            raise MalformedMailError(f"the header line {name[:40]!a} is not in UTF-8") from error
        headers[folded] = re.sub(r"\n(?=[ \t])", "", text)
    return headers


def _check_encoded_words(name: str, text: str) -> None:
    """Refuse words that the library would decode as far as they go, or as another charset."""
    for charset, encoding, word in _ENCODED_WORD.findall(text):
        try:
            raw = word.encode("ascii")
            match encoding.lower():
                case "b":
                    content = b64decode(raw, validate=True)
                case "q" if not _BAD_QUOTED.search(raw):
                    content = binascii.a2b_qp(raw, header=True)
                case _:
                    raise ValueError(encoding)
            content.decode(codec_of(charset))
        except (LookupError, ValueError) as error:
            raise MalformedMailError(f"the header line {name} has an encoded word that cannot be decoded") from error


def _raw_content(message: Message, encoding: str) -> bytes:
    """Return the bytes of a part as they stand in the mail, with LF."""
    if encoding not in ("7bit", "8bit", "binary", "base64", "quoted-printable"):
        raise MalformedMailError(f"a part of the mail has the unknown encoding {encoding[:40]!a}")
    # Undecoded, bytes beyond ASCII come back as the library guesses; decoded, base64 comes back as far as it goes.
    is_encoded = encoding in ("base64", "quoted-printable")
    raw = message.get_payload() if is_encoded else message.get_payload(decode=True)
    try:
        return raw if isinstance(raw, bytes) else str(raw).encode("ascii")
    except UnicodeEncodeError as error:
        raise MalformedMailError(f"a part of the mail in {encoding} has bytes beyond ASCII") from error


def _named(error: Exception) -> str:
    """Return the kind of a defect as words: `CloseBoundaryNotFoundDefect` becomes `close boundary not found`."""
    words = re.findall(r"[A-Z][a-z]+", type(error).__name__.removesuffix("Defect").removesuffix("Error"))
    return " ".join(words).lower()
