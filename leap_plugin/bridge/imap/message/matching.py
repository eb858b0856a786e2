"""Whether a message is what SEARCH looks for (RFC 3501 section 6.4.4)."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_tz
from functools import cached_property, lru_cache

from leap_plugin.bridge.imap.grammar.searching import (
    AllOf,
    AnyOf,
    Containing,
    Dated,
    Flagged,
    InHeader,
    Not,
    Numbered,
    SearchKey,
    Sized,
    TextPlace,
    When,
    Within,
)
from leap_plugin.bridge.imap.message.mime import MessagePart, unfold
from leap_plugin.mail.plaintext import codec_of
from loopixmix.errors import MisuseError

MOST_ENCODED_BYTES = 4_096
"""Of a header value with encoded words: the standard library's search for them takes the square of its length."""


@dataclass(frozen=True)
class Candidate:
    """A message that may be found; what it says is read only if a key needs it, and once for all keys."""

    number: int
    uid: int
    flags: frozenset[str]
    arrived_at: datetime
    size_bytes: int
    header: Callable[[], MessagePart]
    """A message of which perhaps only the header is there."""
    read: Callable[[], MessagePart]

    @cached_property
    def head(self) -> MessagePart:
        """The header. Raises what `header` does."""
        return self.header()

    @cached_property
    def folded_head(self) -> str:
        """The whole header, readable, as texts are compared. Raises what `read` does."""
        return _readable_header(self.read()).casefold()

    @cached_property
    def folded_texts(self) -> tuple[str, ...]:
        """All texts of the message, as texts are compared. Raises what `read` does."""
        return tuple(text.casefold() for text in _texts(self.read()))

    @cached_property
    def _folded_values(self) -> dict[str, tuple[str, ...]]:
        return {}

    def folded_values(self, field: str) -> tuple[str, ...]:
        """The values of a header field, as texts are compared."""
        known = self._folded_values
        if field not in known:
            known[field] = tuple(value.casefold() for value in _values(self.head, field))
        return known[field]


def resolved(key: SearchKey, *, last_number: int, last_uid: int) -> SearchKey:
    """Return a key whose sets of numbers are ready to be compared with each message, `*` among them."""

    def of(inner: SearchKey) -> SearchKey:
        match inner:
            case Numbered(numbers, by_uid):
                return Within(numbers.spans(last_uid if by_uid else last_number), by_uid)
            case Not(negated):
                return Not(of(negated))
            case AllOf(keys):
                return AllOf(tuple(of(one) for one in keys))
            case AnyOf(keys):
                return AnyOf(tuple(of(one) for one in keys))
        return inner

    return of(key)


def text_keys(key: SearchKey) -> int:
    """Return how many keys look into the text of a message, and not only into its header."""
    match key:
        case Containing():
            return 1
        case Not(inner):
            return text_keys(inner)
        case AllOf(keys) | AnyOf(keys):
            return sum(text_keys(inner) for inner in keys)
        case _:
            return 0


@lru_cache(maxsize=1_024)
def _lowered(flags: frozenset[str]) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)


def matches(key: SearchKey, message: Candidate) -> bool:
    """Tell whether a message fits a key that was `resolved`. Texts are compared in any case, as UTF-8."""
    match key:
        case AllOf(keys):
            return all(matches(inner, message) for inner in keys)
        case AnyOf(keys):
            return any(matches(inner, message) for inner in keys)
        case Not(inner):
            return not matches(inner, message)
        case Flagged(flag, wanted):
            return (flag.lower() in _lowered(message.flags)) is wanted
        case Within(spans, by_uid):
            return (message.uid if by_uid else message.number) in spans
        case Numbered():
            raise MisuseError("the numbers of a search are to be resolved first")
        case Sized(larger, size_bytes):
            return message.size_bytes > size_bytes if larger else message.size_bytes < size_bytes
        case Dated():
            day = _sent_on(message.head) if key.sent else message.arrived_at.date()
            return day is not None and _fits(key.when, day, key.day)
        case InHeader(field, text):
            return any(_folded(text) in value for value in message.folded_values(field))
        case Containing(place, text):
            in_head = place is TextPlace.TEXT and _folded(text) in message.folded_head
            return in_head or any(_folded(text) in found for found in message.folded_texts)


def _fits(when: When, day: date, wanted: date) -> bool:
    match when:
        case When.BEFORE:
            return day < wanted
        case When.ON:
            return day == wanted
        case When.SINCE:
            return day >= wanted


def _sent_on(message: MessagePart) -> date | None:
    # The day as its author wrote it: the zone counts for nothing (RFC 3501 section 6.4.4).
    try:
        parsed = parsedate_tz((message.field("date") or b"").decode("ascii", "replace")[:200])
        return date(*parsed[:3]) if parsed else None
    except (ValueError, TypeError, IndexError):
        return None


def _folded(wanted: bytes) -> str:
    return wanted.decode("utf-8", "replace").casefold()


def _values(message: MessagePart, field: str) -> Iterator[str]:
    name = field.lower().encode("ascii", "replace")
    for found in message.fields:
        if found[1].lower() == name:
            yield _readable(unfold(found[2]))


def _readable(value: bytes) -> str:
    """Return a header value with its encoded words (RFC 2047) read."""
    text = value[:MOST_ENCODED_BYTES].decode("utf-8", "replace")
    if "=?" not in text:
        return text
    try:
        pieces = decode_header(text)
    except (ValueError, HeaderParseError):
        return text
    return "".join(
        piece if isinstance(piece, str) else _in_charset(piece, charset or "utf-8") for piece, charset in pieces
    )


def _in_charset(data: bytes, charset: str) -> str:
    try:
        return data.decode(codec_of(charset), "replace")
    except (LookupError, UnicodeError, ValueError):
        return data.decode("latin-1")


def _readable_header(message: MessagePart) -> str:
    fields = message.fields
    return "\n".join(f"{found[1].decode('ascii')}: {_readable(unfold(found[2]))}" for found in fields)


def _texts(part: MessagePart) -> Iterator[str]:
    for child in part.children:
        yield from _texts(child)
    if part.embedded:
        yield _readable_header(part.embedded)
        yield from _texts(part.embedded)
    elif not part.children and part.kind[0] == "text":
        yield _in_charset(_decoded(part), part.parameters.get("charset", b"utf-8").decode("ascii", "replace"))


def _decoded(part: MessagePart) -> bytes:
    encoding = (part.field("content-transfer-encoding") or b"").lower()
    if encoding == b"quoted-printable":
        return quopri.decodestring(part.body)
    if encoding == b"base64":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", part.body)
        return base64.b64decode(letters[: len(letters) // 4 * 4] + _padded(letters))
    return part.body


def _padded(letters: bytes) -> bytes:
    rest = letters[len(letters) // 4 * 4 :]
    # One letter alone is not even a byte.
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""
