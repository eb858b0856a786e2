"""Replies to an anonymous sender: fragments that travel by its reply blocks, one block each.

The fragment that takes block `number` is sealed under a key of its own, made of the reply key inside the anonymous
message; so a reply is as secret as that message was. Specification: docs/protocol/message.md.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from client.core.content import MESSAGE_ID_BYTES, Body, Kind
from client.core.sealing import AEAD_TAG_BYTES, NotForUsError
from loopixmix.errors import UNDECODABLE, FormatError, MisuseError

_LABEL = b"loopixmix/reply/v1"
_HEAD = struct.Struct(f">{MESSAGE_ID_BYTES}sIHHI")
_NONCE = bytes(12)


class ReplyMessage(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The content of a reply. Its reply key proves that the recipient of the anonymous message wrote it."""

    kind: Kind
    body: Body


class ReplyFragment(msgspec.Struct, frozen=True):
    """A part of a reply: `index` of `count`; `sequence` numbers the replies to one anonymous message from 0."""

    message_id: bytes
    sequence: int
    index: int
    count: int
    data: bytes

    def __repr__(self) -> str:
        return f"ReplyFragment({self.message_id.hex()}, {self.index} of {self.count})"


def reply_data_bytes(payload_bytes: int) -> int:
    """Return how much of an encoded reply one block carries."""
    return payload_bytes - AEAD_TAG_BYTES - _HEAD.size


def split_reply(message: ReplyMessage, *, message_id: bytes, sequence: int, payload_bytes: int) -> list[ReplyFragment]:
    """Split a reply into as many fragments as it needs blocks."""
    stream = msgspec.msgpack.encode(message)
    step = reply_data_bytes(payload_bytes)
    parts = [stream[start : start + step] for start in range(0, len(stream), step)]
    return [ReplyFragment(message_id, sequence, index, len(parts), part) for index, part in enumerate(parts)]


def seal_reply(fragment: ReplyFragment, *, reply_key: bytes, number: int, payload_bytes: int) -> bytes:
    """Seal a fragment for block `number` (its place in the anonymous message) into a full payload."""
    room = reply_data_bytes(payload_bytes)
    if len(fragment.data) > room:
        raise MisuseError(f"a reply block carries {room} bytes, not {len(fragment.data)}")
    head = _HEAD.pack(fragment.message_id, fragment.sequence, fragment.index, fragment.count, len(fragment.data))
    return _box(reply_key, number).encrypt(_NONCE, head + fragment.data.ljust(room, b"\0"), None)


def open_reply_fragment(payload: bytes, *, reply_key: bytes, number: int) -> ReplyFragment:
    """Open what came by block `number`.

    Raises `NotForUsError` if it was not sealed under the reply key, `FormatError` if its head is wrong.
    """
    try:
        opened = _box(reply_key, number).decrypt(_NONCE, payload, None)
    except InvalidTag as error:
        raise NotForUsError("a reply was not sealed for this block, or was altered") from error
    if len(opened) < _HEAD.size:
        raise FormatError("a reply is shorter than its head")
    message_id, sequence, index, count, length = _HEAD.unpack_from(opened)
    data, padding = opened[_HEAD.size : _HEAD.size + length], opened[_HEAD.size + length :]
    if index >= count or len(data) != length or any(padding):
        raise FormatError("the head of a reply contradicts itself")
    return ReplyFragment(message_id, sequence, index, count, data)


def join_reply(parts: Sequence[bytes]) -> ReplyMessage:
    """Put the data of all fragments of a reply together; raise `FormatError` if it is no reply."""
    try:
        return msgspec.msgpack.decode(b"".join(parts), type=ReplyMessage)
    except UNDECODABLE as error:
        raise FormatError("a reply is not encoded as it should be") from error


def _box(reply_key: bytes, number: int) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(hmac.digest(reply_key, _LABEL + number.to_bytes(4), "sha256"))
