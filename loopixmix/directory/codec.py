"""The canonical MessagePack of the directory's messages: one value, one encoding.

Structs are maps with their fields in the order of the class, integers and lengths take the shortest form, floats have
64 bits. A decoder refuses whatever it would not itself have written, so that no two byte strings mean the same (no
duplicate or reordered keys, no trailing bytes) and nobody can hide data in a signed message.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError, MisuseError

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


class Codec(Generic[T]):
    """Encodes and decodes one type of message."""

    def __init__(self, message_type: type[T], name: str) -> None:
        """`message_type`: the type of message. `name`: its name in errors."""
        self._name = name
        self._decoder = msgspec.msgpack.Decoder(message_type)

    def encode(self, message: T) -> bytes:
        """Return the one encoding of `message`; raise `MisuseError` if it breaks the type's own constraints."""
        try:
            return _encoder.encode(self._decoder.decode(_encoder.encode(message)))
        except msgspec.ValidationError as error:
            raise MisuseError(f"{self._name}: {error}") from error

    def decode(self, data: bytes) -> T:
        """Return the message in `data`; raise `FormatError` if it is not exactly one canonical encoding."""
        try:
            message = self._decoder.decode(data)
        except (*UNDECODABLE, MisuseError) as error:
            raise FormatError(f"{self._name}: {error}") from error
        if _encoder.encode(message) != data:
            raise FormatError(f"{self._name}: the encoding is not canonical")
        return message
