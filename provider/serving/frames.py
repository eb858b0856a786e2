"""What a provider and the program of a service say to each other over a Unix socket: bytes to values and back.

A frame is `length u32 | MessagePack` of one message. The provider begins with `Greeting`, and the program answers with
`Welcome`. Then the provider sends `Ask`s and the program `AskAnswered`s; and the program may look up or publish cards.
Messages that are sent in one turn share a write. Specification: docs/protocol/service-socket.md.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from typing import Annotated, TypeAlias

import msgspec

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.parts import MAX_BODY_BYTES, REPETITION_KEY_BYTES
from provider.api import Declaration

SOCKET_VERSION = 1
MAX_FRAME_BYTES = 512 * 1024
"""More than a body of the longest kind and its frame; a longer one is refused before it is read."""
MAX_PUBLICATION_BYTES = 8192
"""More than a card and its signature."""

_LENGTH = struct.Struct(">I")

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Body: TypeAlias = Annotated[bytes, msgspec.Meta(max_length=MAX_BODY_BYTES)]
Identity32: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
RepetitionKey: TypeAlias = Annotated[
    bytes, msgspec.Meta(min_length=REPETITION_KEY_BYTES, max_length=REPETITION_KEY_BYTES)
]
Publication: TypeAlias = Annotated[bytes, msgspec.Meta(max_length=MAX_PUBLICATION_BYTES)]


class AskOutcome(enum.IntEnum):
    """What became of a question: a service tells its asker no more than this about a failure."""

    DONE = 0
    REFUSED = 1
    BROKEN = 2
    """The service raised an error, or took too long; its program has logged which."""
    NOT_ASKED = 3
    """The service has not heard of the question: it is switched off, or has too much to do."""


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Any message: an array that begins with the message's letter."""


class Greeting(_Message, frozen=True, tag="h"):
    """The provider's first message: who it is, and which service it means."""

    version: int
    provider: Identity32
    service: Name


class Welcome(_Message, frozen=True, tag="w"):
    """The program's first message: the service is there, and declares this."""

    version: int
    service: Name
    declaration: Declaration


class Ask(_Message, frozen=True, tag="a"):
    """The provider asks the service."""

    number: Number
    repetition_key: RepetitionKey
    body: Body


class AskAnswered(_Message, frozen=True, tag="d"):
    """The service has answered the question of that number; `body` is empty unless it is done."""

    number: Number
    outcome: AskOutcome
    body: Body


class Health(_Message, frozen=True, tag="p"):
    """The program says why the service cannot do its work; an empty line if it can again."""

    problem: Annotated[str, msgspec.Meta(max_length=500)]


class FindCard(_Message, frozen=True, tag="f"):
    """The service asks for the card of `name`."""

    number: Number
    name: Name


class FoundCard(_Message, frozen=True, tag="c"):
    """The card of the name in the `FindCard` of that number, or a decoy. Empty: the provider could not look it up."""

    number: Number
    card: Publication


class PublishCard(_Message, frozen=True, tag="u"):
    """The service wants a card to be published; `publication` is as in the `keys` service."""

    number: Number
    publication: Publication


class Published(_Message, frozen=True, tag="v"):
    """Tells whether the card was published."""

    number: Number
    done: bool


FromProvider: TypeAlias = Greeting | Ask | FoundCard | Published
FromProgram: TypeAlias = Welcome | AskAnswered | Health | FindCard | PublishCard

_encoder = msgspec.msgpack.Encoder()
from_provider: msgspec.msgpack.Decoder[FromProvider] = msgspec.msgpack.Decoder(FromProvider)
"""Reads the messages of a provider."""
from_program: msgspec.msgpack.Decoder[FromProgram] = msgspec.msgpack.Decoder(FromProgram)
"""Reads the messages of a program."""


def encode_frame(message: FromProvider | FromProgram) -> bytes:
    """Return the frame of one message; raise `MisuseError` if it is too long."""
    encoded = _encoder.encode(message)
    if len(encoded) > MAX_FRAME_BYTES:
        raise MisuseError(f"a frame has at most {MAX_FRAME_BYTES} bytes, not {len(encoded)}")
    return _LENGTH.pack(len(encoded)) + encoded


class FrameReader:
    """Cuts what comes over a socket into frames."""

    def __init__(self) -> None:
        """Begin without bytes."""
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole now; raise `FormatError` if the next one is longer than any can be."""
        self._waiting += data
        start = 0
        try:
            while len(self._waiting) - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._waiting, start)
                if length > MAX_FRAME_BYTES:
                    raise FormatError(f"a frame of {length} bytes is longer than {MAX_FRAME_BYTES}")
                end = start + _LENGTH.size + length
                if len(self._waiting) < end:
                    return
                start, message = end, bytes(self._waiting[start + _LENGTH.size : end])
                yield message
        finally:
            # Once for all frames of a read: to cut each off alone would move the rest as often.
            del self._waiting[:start]
