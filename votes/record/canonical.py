"""Canonical JSON: one spelling for each value (docs/protocol/votes.md, 2).

It is RFC 8785 for objects whose fields are declared: names in ASCII, and of values only strings, whole numbers from 0
to 2^53 - 1, booleans, arrays and objects. There the rules of RFC 8785 are what msgspec writes when it sorts.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError

MOST_NUMBER = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exact (RFC 7493, section 2.2)."""
_HEX = re.compile("(?:[0-9a-f]{2})*")

_S = TypeVar("_S", bound=msgspec.Struct)


class Hex(bytes):
    """Bytes that stand in JSON as lower-case hexadecimal digits."""

    __slots__ = ()


def encode_canonical(value: msgspec.Struct) -> bytes:
    """Return the one spelling of `value`. Raises `ValueError` if a text in it is no Unicode."""
    return msgspec.json.encode(value, order="sorted", enc_hook=_encode_hex)


def decode_canonical(data: bytes, kind: type[_S], *, most_bytes: int) -> _S:
    """Read a value of the declared kind. Raises `FormatError` for all but the one spelling of one.

    What is read is written again and compared. That refuses spaces, another order, numbers and letters spelled
    otherwise, and names that come twice, without a rule for each.
    """
    if len(data) > most_bytes:
        raise FormatError(f"it has {len(data)} bytes; at most {most_bytes} are allowed")
    try:
        value = msgspec.json.decode(data, type=kind, dec_hook=_decode_hex)
        written = encode_canonical(value)
    except UNDECODABLE as error:
        raise FormatError(f"it is not valid: {error}") from error
    if written != data:
        raise FormatError("it is not in canonical form")
    return value


def _encode_hex(value: object) -> str:
    if isinstance(value, Hex):
        return value.hex()
    raise NotImplementedError(f"{type(value).__name__} does not stand in canonical JSON")


def _decode_hex(kind: type[Any], text: object) -> Hex:
    if kind is not Hex or not isinstance(text, str) or not _HEX.fullmatch(text):
        raise ValueError("expected lower-case hexadecimal digits, two for each byte")
    return Hex(bytes.fromhex(text))
