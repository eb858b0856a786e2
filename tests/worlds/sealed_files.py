"""Sealed stores, opened page by page without SQLCipher: what somebody who has the key finds, also in what is deleted.

The form of a page is that of SQLCipher 4: contents in AES-256-CBC, then an IV of 16 bytes and an HMAC of 64; the first
page begins with a salt of 16 bytes instead (https://www.zetetic.net/sqlcipher/design/). A frame of the log of changes
is a head of 24 bytes and a page, after the log's own head of 32 (https://www.sqlite.org/fileformat2.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from loopixmix.store.sealing import PAGE_BYTES, StoreKey

SALT_BYTES, IV_BYTES, RESERVED_BYTES = 16, 16, 80
LOG_HEAD_BYTES, FRAME_HEAD_BYTES = 32, 24


def opened_pages(path: Path, key: StoreKey) -> Iterator[bytes]:
    """Yield all pages of a store and of its log of changes, old ones and free ones too."""
    data = path.read_bytes()
    for start in range(0, len(data), PAGE_BYTES):
        yield _open(data[start : start + PAGE_BYTES], key, is_first=start == 0)
    log = path.with_name(f"{path.name}-wal")
    data = log.read_bytes() if log.exists() else b""
    for start in range(LOG_HEAD_BYTES, len(data), FRAME_HEAD_BYTES + PAGE_BYTES):
        is_first = data[start : start + 4] == bytes((0, 0, 0, 1))
        yield _open(data[start + FRAME_HEAD_BYTES :][:PAGE_BYTES], key, is_first=is_first)


def _open(page: bytes, key: StoreKey, *, is_first: bool) -> bytes:
    sealed, reserved = page[SALT_BYTES if is_first else 0 : -RESERVED_BYTES], page[-RESERVED_BYTES:]
    return Cipher(AES256(key.value), CBC(reserved[:IV_BYTES])).decryptor().update(sealed)
