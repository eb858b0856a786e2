"""Bodies of requests -> values, more strictly than msgspec reads them.

It takes the last one of two fields of a name and, in JSON, base64 whose last character has bits that count for nothing.
So one value could be written in several ways, and two programs could read one body in two ways.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

import msgspec

from client.api import BadRequestError
from loopixmix.errors import UNDECODABLE

T = TypeVar("T", bound=msgspec.Struct)

Breathe: TypeAlias = Callable[[], Awaitable[None]]
"""Lets everything else of the process have its turn."""

LONG_CHARACTERS = 65_536
"""Base64 of more than that is decoded in pieces of that length, which take a tenth of a millisecond each."""
SEARCHED_AT_ONCE = 1 << 20
STRINGS_AT_ONCE = 256
"""So many bytes are searched, and so many strings looked at, in a tenth of a millisecond."""
NOT_BASE64 = "the body is wrong: bytes are base64 with padding, and no bit is left over"


def decode_body(body: bytes, shape: type[T], *, is_json: bool) -> T:
    """Return a body in JSON or MessagePack as a value; raise `BadRequestError` if it is not of that shape."""
    try:
        if not is_json:
            packed = msgspec.msgpack.decode(body, type=shape)
            _check_packed(packed, body)
            return packed
        value = msgspec.json.decode(body, type=shape)
        # Once more and into plain values, to see what was really written.
        written = json.loads(body, object_pairs_hook=_without_repetition)
    except UNDECODABLE as error:
        raise BadRequestError(f"the body is wrong: {error}") from error
    _check_base64(value, written)
    return value


async def decode_long_body(body: bytes, shape: type[T], breathe: Breathe) -> T:
    """Return a body in JSON, as `decode_body` does, with a breath after each piece of long bytes.

    A message of 10 MB would otherwise keep the reactor for a tenth of a second or more, and the pulls that leave late
    would show an observer that somebody is posting.
    """
    found = await _long_strings(body, breathe)
    edges = [0, *(edge for span in found for edge in span), len(body)]
    between = [body[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    marks: dict[bytes, bytes] = {}
    short = bytearray(between[0])
    for (begin, end), after in zip(found, between[1:], strict=True):
        mark = _mark(between, len(marks))
        marks[mark] = await _decode_pieces(body, begin, end, breathe)
        short += base64.b64encode(mark) + after
    value = decode_body(bytes(short), shape, is_json=True)
    found_again: list[bytes] = []
    put_back = _with_long(value, marks, found_again)
    # What is long and stands where no bytes belong is refused as if it were short. And a mark may have been written in
    # another way, with escapes, in place of other bytes.
    return put_back if sorted(found_again) == sorted(marks) else decode_body(body, shape, is_json=True)


async def _long_strings(body: bytes, breathe: Breathe) -> list[tuple[int, int]]:
    """Return where long strings without an escape begin and end."""
    found: list[tuple[int, int]] = []
    strings, at = 0, await _find(body, b'"', 0, breathe)
    while at >= 0:
        end = await _find(body, b'"', at + 1, breathe)
        while end > 0 and body[end - 1 : end] == b"\\":
            end = await _find(body, b'"', end + 1, breathe)
        if end < 0:
            return found
        if end - at > LONG_CHARACTERS and await _find(body, b"\\", at, breathe, before=end) < 0:
            found.append((at + 1, end))
        strings += 1
        if strings % STRINGS_AT_ONCE == 0:
            await breathe()
        at = await _find(body, b'"', end + 1, breathe)
    return found


async def _find(body: bytes, one: bytes, at: int, breathe: Breathe, *, before: int | None = None) -> int:
    """Return where a byte stands at `at` or later, and before `before`; -1 if nowhere."""
    last = len(body) if before is None else before
    while at < last:
        place = body.find(one, at, min(at + SEARCHED_AT_ONCE, last))
        if place >= 0:
            return place
        at += SEARCHED_AT_ONCE
        await breathe()
    return -1


def _mark(between: Sequence[bytes], number: int) -> bytes:
    """Return bytes that nothing says between the long strings, to stand for one of them."""
    tried = number
    while True:
        mark = b"long bytes %d" % tried
        if not any(base64.b64encode(mark) in each for each in between):
            return mark
        tried += 1_000


async def _decode_pieces(body: bytes, begin: int, end: int, breathe: Breathe) -> bytes:
    whole = io.BytesIO()  # joined at the end, ten megabytes would be copied at once
    for at in range(begin, end, LONG_CHARACTERS):
        written = body[at : min(at + LONG_CHARACTERS, end)]
        try:
            piece = binascii.a2b_base64(written, strict_mode=True)
        except binascii.Error:
            raise BadRequestError(NOT_BASE64) from None
        # Padding ends the whole, and not a piece.
        if binascii.b2a_base64(piece, newline=False) != written or (at + LONG_CHARACTERS < end and b"=" in written):
            raise BadRequestError(NOT_BASE64)
        whole.write(piece)
        await breathe()
    return whole.getvalue()


def _with_long(value: T, marks: Mapping[bytes, bytes], found: list[bytes]) -> T:
    """Return a value with the long bytes in place of their marks, each of which is added to `found`."""
    changes: dict[str, object] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if isinstance(field, bytes) and field in marks:
            changes[name] = marks[field]
            found.append(field)
        elif isinstance(field, list):
            changes[name] = [_with_long(one, marks, found) if isinstance(one, msgspec.Struct) else one for one in field]
    return msgspec.structs.replace(value, **changes) if changes else value


def _without_repetition(fields: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadRequestError(f"the body is wrong: the field {repeated[:40]!r} comes twice")
    return found


def _check_packed(value: object, written: bytes) -> None:
    """Refuse fields that come twice in what was read as `value`."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.msgpack.decode(written, type=dict[str, msgspec.Raw])
        if len(fields) < _announced(bytes(memoryview(written)[:5])):
            raise BadRequestError(f"the body is wrong: a field comes twice (there are {', '.join(map(repr, fields))})")
        for name, field in fields.items():
            _check_packed(getattr(value, name), field)
    elif isinstance(value, list):
        for one, other in zip(value, msgspec.msgpack.decode(written, type=list[msgspec.Raw]), strict=True):
            _check_packed(one, other)


def _announced(head: bytes) -> int:
    """Return how many fields a map of MessagePack has, by its first bytes."""
    match head[0]:
        case 0xDE:
            return int.from_bytes(head[1:3])
        case 0xDF:
            return int.from_bytes(head[1:5])
        case short:
            return short & 0x0F


def _check_base64(value: object, written: object) -> None:
    if isinstance(value, bytes) and base64.b64encode(value).decode("ascii") != written:
        raise BadRequestError(NOT_BASE64)
    if isinstance(value, msgspec.Struct) and isinstance(written, Mapping):
        for name in written:
            _check_base64(getattr(value, name), written[name])
    elif isinstance(value, list) and isinstance(written, Sequence):
        for one, other in zip(value, written, strict=True):
            _check_base64(one, other)
