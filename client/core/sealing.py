"""Sealing to a recipient: HPKE (RFC 9180) with ML-KEM-768 beside X25519, to hold against quantum computers too.

A `Sealer` holds one client's private key. `HpkeSealer` is the real one; `PlainSealer` stands in if a simulation
needs the sizes and the determinism but no secrecy. Specification: docs/protocol/message.md.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from loopixmix.cards import SEALING_KEY_BYTES, SealingKey, decode_sealing_key
from loopixmix.errors import MisuseError, PeerError
from loopixmix.seams import Identity, Rng

MESSAGE_DOMAIN = b"loopixmix/message/v1"
ENCAPSULATION_BYTES = 1120
"""HPKE begins with this: an ML-KEM-768 ciphertext (1088) and an X25519 public key (32)."""
AEAD_TAG_BYTES = 16
SEALING_OVERHEAD_BYTES = ENCAPSULATION_BYTES + AEAD_TAG_BYTES

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_NONCE_BYTES = 16


class NotForUsError(PeerError):
    """The sealed bytes were not sealed to this key, or were altered."""


class Sealer(Protocol):
    """Seals to anybody's public key and opens what was sealed to ours; adds `SEALING_OVERHEAD_BYTES`."""

    @property
    def public(self) -> bytes:
        """Our public key, for our card."""

    def seal(self, recipient_key: bytes, info: bytes, plaintext: bytes) -> bytes:
        """Seal to a public key; `info` must be the same when it is opened."""

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """Open what was sealed to us; raise `NotForUsError` if it was not."""


def message_info(recipient: Identity) -> bytes:
    """Return HPKE's `info` for a message: the purpose and the recipient."""
    return bytes([len(MESSAGE_DOMAIN)]) + MESSAGE_DOMAIN + recipient


class HpkeSealer:
    """HPKE base mode: MLKEM768-X25519, HKDF-SHA256, ChaCha20-Poly1305."""

    def __init__(self, key: SealingKey) -> None:
        """Open with the key pair `key`, which is ours."""
        self._key = key

    @property
    def public(self) -> bytes:
        """Our public key."""
        return self._key.public

    def seal(self, recipient_key: bytes, info: bytes, plaintext: bytes) -> bytes:
        """Seal to `recipient_key` (`FormatError` if it is none), with the operating system's randomness."""
        return _SUITE.encrypt(plaintext, decode_sealing_key(recipient_key), info=info)

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """Open what was sealed to us; raise `NotForUsError` if it was not."""
        try:
            return _SUITE.decrypt(sealed, self._key.private, info=info)
        except (InvalidTag, ValueError) as error:
            raise NotForUsError("this was not sealed to us, or was altered") from error


class PlainSealer:
    """No secrecy at all: for simulations, which need the sizes, the looks and the same bytes from the same seed."""

    def __init__(self, public: bytes, *, rng: Rng) -> None:
        """Stand for the owner of the key `public`, which alone opens here; `rng` draws what a seal looks like."""
        if len(public) != SEALING_KEY_BYTES:
            raise MisuseError(f"a sealing key has {SEALING_KEY_BYTES} bytes, not {len(public)}")
        self.public = public
        self._rng = rng

    def seal(self, recipient_key: bytes, info: bytes, plaintext: bytes) -> bytes:
        """Hide the plaintext under a stream that anybody can compute."""
        nonce = self._rng.randbytes(_NONCE_BYTES)
        mask = hashlib.shake_256(recipient_key + info + nonce).digest(ENCAPSULATION_BYTES - _NONCE_BYTES)
        hidden = _exclusive_or(plaintext, hashlib.shake_256(mask).digest(len(plaintext)))
        return nonce + mask + hidden + _tag(mask, hidden)

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """Undo `seal`; raise `NotForUsError` if it was made for another key."""
        nonce, mask = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:ENCAPSULATION_BYTES]
        hidden = sealed[ENCAPSULATION_BYTES:-AEAD_TAG_BYTES]
        ours = hashlib.shake_256(self.public + info + nonce).digest(ENCAPSULATION_BYTES - _NONCE_BYTES)
        if mask != ours or sealed[-AEAD_TAG_BYTES:] != _tag(mask, hidden):
            raise NotForUsError("this was not sealed to us, or was altered")
        return _exclusive_or(hidden, hashlib.shake_256(mask).digest(len(hidden)))


def _tag(mask: bytes, hidden: bytes) -> bytes:
    return hashlib.sha256(mask + hidden).digest()[:AEAD_TAG_BYTES]


def _exclusive_or(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
