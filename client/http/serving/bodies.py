"""Bodies of requests -> values, more strictly than msgspec reads them.

It takes the last one of two fields of a name and, in JSON, base64 whose last character has bits that count for nothing.
So one value could be written in several ways, and two programs could read one body in two ways.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from client.api import BadRequestError

T = TypeVar("T", bound=msgspec.Struct)


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
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRequestError(f"the body is wrong: {error}") from error
    _check_base64(value, written)
    return value


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
        raise BadRequestError("the body is wrong: bytes are base64 with padding, and no bit is left over")
    if isinstance(value, msgspec.Struct) and isinstance(written, Mapping):
        for name in written:
            _check_base64(getattr(value, name), written[name])
    elif isinstance(value, list) and isinstance(written, Sequence):
        for one, other in zip(value, written, strict=True):
            _check_base64(one, other)
