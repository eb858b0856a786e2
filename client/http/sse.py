"""Server-sent events (WHATWG HTML, 9.2): events <-> bytes, as far as the local API uses them."""

from __future__ import annotations

import msgspec

from loopixmix.errors import FormatError, MisuseError

HEARTBEAT = b":\n\n"
"""A comment that keeps a quiet stream alive."""

MAX_EVENT_BYTES = 1024 * 1024
"""A longer event is refused by the reader: an inline body in base64 is well below it."""


class SseEvent(msgspec.Struct, frozen=True):
    """One event; `id` is empty if a reader need not remember it."""

    event: str
    data: bytes
    id: str = ""


def encode_event(event: SseEvent) -> bytes:
    """Encode an event; raise `MisuseError` if a line break would end a field early."""
    fields = [b"event: " + event.event.encode()]
    if event.id:
        fields.insert(0, b"id: " + event.id.encode())
    fields.append(b"data: " + event.data)
    if any(b"\n" in field or b"\r" in field or b"\0" in field for field in fields):
        raise MisuseError("an event's fields have no line breaks")
    return b"\n".join(fields) + b"\n\n"


class SseBuffer:
    """Cuts a stream of bytes into events."""

    def __init__(self) -> None:
        """Begin before the first byte."""
        self._rest = b""

    def feed(self, data: bytes) -> list[SseEvent]:
        """Take what arrived and return the events that are complete; raise `FormatError` for one over the limit."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise FormatError("the daemon sent an event over the size limit")
        return [event for block in blocks if (event := _decode_block(block)) is not None]


def _decode_block(block: bytes) -> SseEvent | None:
    fields = dict(_decode_line(line) for line in block.split(b"\n") if line and not line.startswith(b":"))
    if b"data" not in fields:
        return None
    try:
        return SseEvent(fields.get(b"event", b"message").decode(), fields[b"data"], fields.get(b"id", b"").decode())
    except UnicodeDecodeError as error:
        raise FormatError("the daemon sent an event that is not UTF-8") from error


def _decode_line(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.removeprefix(b" ")
