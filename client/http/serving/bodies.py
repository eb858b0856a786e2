"""Bodies of requests -> values, more strictly than msgspec reads them.

It takes the last one of two fields of a name and, in JSON, base64 whose last character has bits that count for nothing.
So one value could be written in several ways, and two programs could read one body in two ways.
"""

from __future__ import annotations

import base64
import binascii
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
    found = _long_strings(body)
    await breathe()
    marks: dict[bytes, bytes] = {}
    short, after = bytearray(), 0
    for begin, end in found:
        mark = await _mark(body, len(marks), breathe)
        marks[mark] = await _decode_pieces(body, begin, end, breathe)
        short += body[after:begin] + base64.b64encode(mark)
        after = end
    value = decode_body(bytes(short + body[after:]), shape, is_json=True)
    left = dict(marks)
    put_back = _with_long(value, left)
    # What is long and stands where no bytes belong is refused as if it were short.
    return decode_body(body, shape, is_json=True) if left else put_back


def _long_strings(body: bytes) -> list[tuple[int, int]]:
    """Return where long strings without an escape begin and end; to search for a character takes no time."""
    found: list[tuple[int, int]] = []
    at = body.find(b'"')
    while at >= 0:
        end = body.find(b'"', at + 1)
        while end > 0 and body[end - 1 : end] == b"\\":
            end = body.find(b'"', end + 1)
        if end < 0:
            return found
        if end - at > LONG_CHARACTERS and body.find(b"\\", at, end) < 0:
            found.append((at + 1, end))
        at = body.find(b'"', end + 1)
    return found


async def _mark(body: bytes, number: int, breathe: Breathe) -> bytes:
    """Return bytes that nothing in the body says, to stand for long ones."""
    tried = number
    while True:
        mark = b"long bytes %d" % tried
        if body.find(base64.b64encode(mark)) < 0:
            return mark
        tried += 1_000
        await breathe()


async def _decode_pieces(body: bytes, begin: int, end: int, breathe: Breathe) -> bytes:
    pieces = []
    for at in range(begin, end, LONG_CHARACTERS):
        written = body[at : min(at + LONG_CHARACTERS, end)]
        try:
            piece = binascii.a2b_base64(written, strict_mode=True)
        except binascii.Error:
            raise BadRequestError(NOT_BASE64) from None
        # Padding ends the whole, and not a piece.
        if binascii.b2a_base64(piece, newline=False) != written or (at + LONG_CHARACTERS < end and b"=" in written):
            raise BadRequestError(NOT_BASE64)
        pieces.append(piece)
        await breathe()
    return b"".join(pieces)


def _with_long(value: T, left: dict[bytes, bytes]) -> T:
    """Return a value with the long bytes in place of their marks, which are taken out of `left`."""
    changes: dict[str, object] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if isinstance(field, bytes) and field in left:
            changes[name] = left.pop(field)
        elif isinstance(field, list):
            changes[name] = [_with_long(one, left) if isinstance(one, msgspec.Struct) else one for one in field]
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
