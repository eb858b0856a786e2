"""Shares of the key on their way from one trustee to another (docs/protocol/votes.md, 5.1, step 3)."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from loopixmix.errors import FormatError, MisuseError, PeerError
from votes.record.transcript import DOMAIN
from votes.trustees.generation import Ceremony

SEALED_BYTES_OVER = 48
"""What HPKE adds: an X25519 key and a tag (RFC 9180, sections 4.1 and 7)."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def seal_share(ceremony: Ceremony, author: int, recipient: int, key: bytes, share: bytes) -> bytes:
    """Seal a share to the encryption key of `recipient`, 32 bytes; the operating system's randomness is used.

    Raises `MisuseError` if the key is none.
    """
    try:
        public = X25519PublicKey.from_public_bytes(key)
        return _SUITE.encrypt(share, public, info=_info(ceremony, author, recipient))
    except ValueError as error:
        raise MisuseError(f"the encryption key of trustee {recipient} is none: {error}") from error


def open_share(ceremony: Ceremony, author: int, recipient: int, key: bytes, sealed: bytes) -> bytes:
    """Open a share with the private encryption key of `recipient`, 32 bytes; `PeerError` if it was not sealed to it."""
    expected = ceremony.group.scalar_bytes + SEALED_BYTES_OVER
    if len(sealed) != expected:
        raise FormatError(f"a sealed share has {expected} bytes, not {len(sealed)}")
    try:
        private = X25519PrivateKey.from_private_bytes(key)
        return _SUITE.decrypt(sealed, private, info=_info(ceremony, author, recipient))
    except (InvalidTag, ValueError) as error:
        raise PeerError(
            f"the share of trustee {author} was not sealed to trustee {recipient}, or was altered"
        ) from error


def _info(ceremony: Ceremony, author: int, recipient: int) -> bytes:
    return DOMAIN + b"key-share\0" + ceremony.draft + author.to_bytes(2, "big") + recipient.to_bytes(2, "big")
