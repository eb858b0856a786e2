"""Fragments: a message of any length as packets' payloads of one length, which only its recipient can put together.

The first fragment, the head, is sealed to the recipient's key and carries a fresh message key and the total length;
the others are sealed with that key. A fragment's first 16 bytes name it: no two fragments share them. The tag of a
later fragment is its number, encrypted, so that the recipient recognises it with one AES operation a message and no
table. Specification: docs/protocol/message.md.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from client.api import MAX_BODY_BYTES
from client.core.sealing import AEAD_TAG_BYTES, SEALING_OVERHEAD_BYTES, Sealer, message_info
from loopixmix.errors import FormatError, MisuseError, PeerError
from loopixmix.seams import Identity

FRAGMENT_VERSION = 1
MESSAGE_KEY_BYTES = 32
FRAGMENT_ID_BYTES = 16
MAX_STREAM_BYTES = MAX_BODY_BYTES + 64 * 1024
"""The longest encoded message: the longest body with its signature, names and reply blocks."""

_HEAD = struct.Struct(f">B{MESSAGE_KEY_BYTES}sI")
_TAG_KEY_LABEL = b"loopixmix/fragment-tag/v1"
_BODY_KEY_LABEL = b"loopixmix/fragment-body/v1"
_TAG = struct.Struct(">I12s")
_TAG_ZEROS = bytes(12)
_NONCE_BYTES = 12


class AlteredFragmentError(PeerError):
    """A fragment bears the tag of a message but does not belong to it."""


@dataclass(frozen=True)
class FragmentSizes:
    """How much of a message each fragment of `payload_bytes` carries."""

    payload_bytes: int

    def __post_init__(self) -> None:
        if self.head_data_bytes < 1:
            raise MisuseError(f"payloads of {self.payload_bytes} bytes are too short for messages")

    @property
    def head_data_bytes(self) -> int:
        """Of the message, in the first fragment."""
        return self.payload_bytes - SEALING_OVERHEAD_BYTES - _HEAD.size

    @property
    def body_data_bytes(self) -> int:
        """Of the message, in each later fragment."""
        return self.payload_bytes - FRAGMENT_ID_BYTES - AEAD_TAG_BYTES

    def count(self, total_bytes: int) -> int:
        """Return the number of fragments of a message of `total_bytes`."""
        rest = max(0, total_bytes - self.head_data_bytes)
        return 1 + -(-rest // self.body_data_bytes)

    def data_bytes(self, index: int, total_bytes: int) -> int:
        """Return how many bytes of the message the fragment `index` carries; the rest of it is zeros."""
        if index == 0:
            return min(total_bytes, self.head_data_bytes)
        before = self.head_data_bytes + (index - 1) * self.body_data_bytes
        return min(total_bytes - before, self.body_data_bytes)


@dataclass(frozen=True)
class Head:
    """An opened first fragment."""

    message_key: bytes
    total_bytes: int
    data: bytes

    def __repr__(self) -> str:
        return f"Head(total_bytes={self.total_bytes})"


class FragmentKey:
    """Seals and opens the fragments after the head, under one message key."""

    def __init__(self, message_key: bytes) -> None:
        """Derive the tag and body keys from the 32-byte message key."""
        if len(message_key) != MESSAGE_KEY_BYTES:
            raise MisuseError(f"a message key has {MESSAGE_KEY_BYTES} bytes, not {len(message_key)}")
        tags = Cipher(AES256(_derive(message_key, _TAG_KEY_LABEL)), ECB())  # noqa: S305 (one block, a permutation)
        self._tag_encryptor = tags.encryptor()
        self._tag_decryptor = tags.decryptor()
        self._box = ChaCha20Poly1305(_derive(message_key, _BODY_KEY_LABEL))

    def tag(self, index: int) -> bytes:
        """Return the 16 bytes with which the fragment `index` begins."""
        return self._tag_encryptor.update(_TAG.pack(index, _TAG_ZEROS))

    def index_of(self, tag: bytes) -> int | None:
        """Return which fragment begins with `tag`, or None if it is not of this message."""
        index, zeros = _TAG.unpack(self._tag_decryptor.update(tag))
        return int(index) if zeros == _TAG_ZEROS else None

    def seal(self, index: int, data: bytes, sizes: FragmentSizes) -> bytes:
        """Return the fragment `index` (1 or more) with `data`, padded."""
        padded = data.ljust(sizes.body_data_bytes, b"\0")
        return self.tag(index) + self._box.encrypt(index.to_bytes(_NONCE_BYTES), padded, None)

    def open(self, index: int, fragment: bytes, total_bytes: int, sizes: FragmentSizes) -> bytes:
        """Return the data of the fragment `index`; raise `AlteredFragmentError` if it was not sealed so."""
        try:
            padded = self._box.decrypt(index.to_bytes(_NONCE_BYTES), fragment[FRAGMENT_ID_BYTES:], None)
        except InvalidTag as error:
            raise AlteredFragmentError("a fragment was altered") from error
        return _unpad(padded, sizes.data_bytes(index, total_bytes))


def seal_fragments(
    stream: bytes,
    *,
    recipient: Identity,
    recipient_key: bytes,
    message_key: bytes,
    sealer: Sealer,
    sizes: FragmentSizes,
) -> Iterator[bytes]:
    """Yield the fragments of an encoded message, the head first.

    `recipient`: the identity key, bound into the head; `recipient_key`: the sealing key. One at a time, so that a
    long message can be stored in pieces. Raises `MisuseError` if the message is too long.
    """
    if len(stream) > MAX_STREAM_BYTES:
        raise MisuseError(f"an encoded message has at most {MAX_STREAM_BYTES} bytes, not {len(stream)}")
    head = _HEAD.pack(FRAGMENT_VERSION, message_key, len(stream))
    first = stream[: sizes.head_data_bytes].ljust(sizes.head_data_bytes, b"\0")
    yield sealer.seal(recipient_key, message_info(recipient), head + first)
    key = FragmentKey(message_key)
    for index in range(1, sizes.count(len(stream))):
        start = sizes.head_data_bytes + (index - 1) * sizes.body_data_bytes
        yield key.seal(index, stream[start : start + sizes.body_data_bytes], sizes)


def open_head(fragment: bytes, *, recipient: Identity, sealer: Sealer, sizes: FragmentSizes) -> Head:
    """Open a first fragment sealed to us, whose identity is `recipient`.

    Raises `NotForUsError` if it is no head or not for us, `FormatError` if a head for us breaks the format.
    """
    opened = sealer.open(message_info(recipient), fragment)
    # That it opens proves that it was sealed for us, not that an honest client made it.
    if len(opened) != _HEAD.size + sizes.head_data_bytes:
        raise FormatError("a head has another length")
    version, message_key, total_bytes = _HEAD.unpack_from(opened)
    if version != FRAGMENT_VERSION:
        raise FormatError(f"unknown fragment version {version}")
    if total_bytes > MAX_STREAM_BYTES:
        raise FormatError(f"a head announces {total_bytes} bytes, more than {MAX_STREAM_BYTES}")
    return Head(message_key, total_bytes, _unpad(opened[_HEAD.size :], sizes.data_bytes(0, total_bytes)))


def fragment_id(fragment: bytes) -> bytes:
    """Return the name of a fragment: its first 16 bytes."""
    return fragment[:FRAGMENT_ID_BYTES]


def _derive(message_key: bytes, label: bytes) -> bytes:
    return hmac.digest(message_key, label, "sha256")


def _unpad(padded: bytes, length: int) -> bytes:
    if padded.count(0, length) != len(padded) - length:
        raise AlteredFragmentError("a fragment is not padded with zeros")
    return padded[:length]
