"""Sealing of what lies in the store, so that a copy of the store alone tells no mail and no address.

XChaCha20-Poly1305 with a random nonce of 24 bytes before the ciphertext. The key is a file beside the store; whoever
has both reads both. It is for backups, and for what is left on a disk of rows that were deleted.
"""

from __future__ import annotations

from random import Random
from typing import TypeVar

import msgspec
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from loopixmix.errors import ConfigError, StoreError

KEY_BYTES = 32
_NONCE_BYTES = 24

R = TypeVar("R")


class RecordSealer:
    """Seals values of msgspec into bytes for one table, and opens them."""

    def __init__(self, key: bytes, rng: Random) -> None:
        """`key`: of `KEY_BYTES`, that of the gateway. `rng`: draws nonces; the system's in use."""
        if len(key) != KEY_BYTES:
            raise ConfigError(f"the key of the store has {KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._rng = rng

    def seal(self, value: object, table: str) -> bytes:
        """Return a value, sealed for this table alone."""
        nonce = self._rng.randbytes(_NONCE_BYTES)
        plain = msgspec.msgpack.encode(value)
        return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, table.encode(), nonce, self._key)

    def open(self, sealed: bytes, kind: type[R], table: str) -> R:
        """Return the value; raise `StoreError` if another key sealed it, or something is broken."""
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            plain = crypto_aead_xchacha20poly1305_ietf_decrypt(box, table.encode(), nonce, self._key)
            return msgspec.msgpack.decode(plain, type=kind)
        except (CryptoError, ValueError, TypeError, msgspec.MsgspecError) as error:
            raise StoreError("a row of the gateway's store cannot be opened: store.key is not its key") from error
