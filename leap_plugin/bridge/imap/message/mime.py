"""The parts of a message by where they lie in its bytes, which are never changed (RFC 2045, RFC 2046).

The parser of the standard library forgets where a part began, so that its bytes could not be given back as they came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

MOST_DEPTH = 20
MOST_PARTS = 1_000
MOST_HEADER_BYTES = 262_144
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?")
_TOKEN = rb"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"
_TYPE = re.compile(rb"\s*(" + _TOKEN + rb")\s*/\s*(" + _TOKEN + rb")\s*(?=;|$|\s)")
_VALUE = re.compile(rb"\s*(" + _TOKEN + rb")\s*(?=;|$)")
_PARAMETER = re.compile(rb";\s*(" + _TOKEN + rb")\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s\"]*))", re.DOTALL)


@dataclass(frozen=True)
class MessagePart:
    """A message, or a part of one: its header with the blank line, and its body."""

    data: bytes = field(repr=False)
    start: int
    body_start: int
    end: int
    kind: tuple[str, str]
    """Type and subtype, in lower case."""
    parameters: Mapping[str, bytes]
    children: tuple[MessagePart, ...] = ()
    """Of a multipart."""
    embedded: MessagePart | None = None
    """The message in a message/rfc822."""

    @property
    def header(self) -> bytes:
        return self.data[self.start : self.body_start]

    @property
    def body(self) -> bytes:
        return self.data[self.body_start : self.end]

    @property
    def whole(self) -> bytes:
        return self.data[self.start : self.end]

    @cached_property
    def fields(self) -> Sequence[re.Match[bytes]]:
        """The fields of the header, as `header_fields` finds them."""
        return header_fields(self.header)

    def field(self, name: str) -> bytes | None:
        """Return the unfolded value of the first header field of this name."""
        found = self._first_fields.get(name.lower().encode("ascii", "replace"))
        return None if found is None else unfold(found[2])

    @cached_property
    def _first_fields(self) -> Mapping[bytes, re.Match[bytes]]:
        # From the end, so that the first of a name counts.
        return {found[1].lower(): found for found in reversed(self.fields)}


def header_fields(header: bytes) -> list[re.Match[bytes]]:
    """Return the fields of a header: the whole, the name (1), the value (2). Other lines are left out."""
    found, at = [], 0
    header = header[:MOST_HEADER_BYTES]
    while at < len(header):
        one = _FIELD.match(header, at)
        if one:
            found.append(one)
        line_end = header.find(b"\n", at)
        at = one.end() if one else line_end + 1 if line_end >= 0 else len(header)
    return found


def unfold(value: bytes) -> bytes:
    return re.sub(rb"\r?\n(?=[ \t])", b"", value).replace(b"\r", b"").replace(b"\n", b"").strip()


def parse_parameters(value: bytes) -> dict[str, bytes]:
    """Return the parameters of a structured field, such as Content-Type; the first of each name counts."""
    found: dict[str, bytes] = {}
    for name, quoted, bare in _PARAMETER.findall(value):
        found.setdefault(name.decode("ascii").lower(), re.sub(rb"\\(.)", rb"\1", quoted) or bare)
    return found


def parse_value(value: bytes | None) -> tuple[bytes, dict[str, bytes]] | None:
    """Return the first word of a structured field, such as Content-Disposition, with its parameters."""
    found = _VALUE.match(value or b"")
    return (found[1], parse_parameters(value or b"")) if found else None


def header_length(data: bytes) -> int:
    """Return how many bytes the header of a message has, with the blank line after it."""
    return _body_start(data, 0, len(data))


def bare_message(data: bytes) -> MessagePart:
    """Return a message of which only header and body are told apart; also fit for a header alone."""
    return MessagePart(data, 0, header_length(data), len(data), ("text", "plain"), {})


def parse_message(data: bytes) -> MessagePart:
    """Return the tree of a message. What is not valid MIME is a part without parts: nothing is refused or repaired."""
    return _Parser(data).part(0, len(data), "text/plain", MOST_DEPTH)


def _body_start(data: bytes, start: int, end: int) -> int:
    for blank in (b"\r\n", b"\n"):
        if data.startswith(blank, start, end):
            return start + len(blank)
    found = _BLANK_LINE.search(data, start, end)
    return found.end() if found else end


class _Parser:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MOST_PARTS

    def part(self, start: int, end: int, default: str, depth: int) -> MessagePart:
        self._left -= 1
        body_start = _body_start(self._data, start, end)
        bare = MessagePart(self._data, start, body_start, end, ("", ""), {})
        value = bare.field("content-type")
        kind, parameters = _content_type(value, default)
        children: tuple[MessagePart, ...] = ()
        embedded = None
        if depth > 0 and self._left > 0:
            if kind[0] == "multipart" and parameters.get("boundary"):
                children = self._children(body_start, end, parameters["boundary"], kind[1], depth)
            elif kind == ("message", "rfc822"):
                embedded = self.part(body_start, end, "text/plain", depth - 1)
        if kind[0] == "multipart" and not children:
            # A multipart without parts has no structure that IMAP could tell.
            kind, parameters = ("text", "plain"), {}
        return MessagePart(self._data, start, body_start, end, kind, parameters, children, embedded)

    def _children(self, start: int, end: int, boundary: bytes, kind: str, depth: int) -> tuple[MessagePart, ...]:
        line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?(?=\n)|\Z)")
        default = "message/rfc822" if kind == "digest" else "text/plain"
        children: list[MessagePart] = []
        child_start: int | None = None
        for found in line.finditer(self._data, start - 1, end):
            if child_start is not None:
                children.append(
                    self.part(child_start, self._before_line(child_start, found.start() + 1), default, depth - 1)
                )
            child_start = None if found[1] else min(found.end() + 1, end)
            if found[1] or self._left <= 0:
                break
        if child_start is not None and self._left > 0:
            # Cut off before the last boundary: what is there still belongs to the last part.
            children.append(self.part(child_start, end, default, depth - 1))
        return tuple(children)

    def _before_line(self, start: int, end: int) -> int:
        # The line break before a boundary belongs to the boundary (RFC 2046 section 5.1.1).
        for line_break in (b"\r\n", b"\n"):
            if self._data.endswith(line_break, start, end):
                return end - len(line_break)
        return end


def _content_type(value: bytes | None, default: str) -> tuple[tuple[str, str], dict[str, bytes]]:
    found = _TYPE.match(value or b"")
    if found is None:
        main, _, sub = default.partition("/")
        return (main, sub), {}
    return (found[1].decode("ascii").lower(), found[2].decode("ascii").lower()), parse_parameters(value or b"")
