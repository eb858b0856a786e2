"""Files that are as secret as the key that seals them: when the key is gone, so is their content."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from loopixmix.errors import StoreError
from loopixmix.process.files import make_directory, remove_file, write_atomically
from loopixmix.seams import Rng

_NONCE_BYTES = 12


class SealedFiles:
    """Keeps what can be computed again, under names, in a directory (ChaCha20-Poly1305, RFC 8439).

    A file that a crash tore, or that belongs to another key, counts as absent.
    """

    def __init__(self, directory: Path, key: bytes, rng: Rng) -> None:
        """`key`: 32 bytes. Raises `StoreError` if the directory cannot be made."""
        make_directory(directory)
        self._directory = directory
        self._cipher = ChaCha20Poly1305(key)
        self._rng = rng

    def keep(self, name: str, data: bytes) -> None:
        """Keep `data` under a name. A power cut may take it away again."""
        # A nonce of its own each time: what is kept under one name differs if the program changed meanwhile.
        nonce = self._rng.randbytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, data, name.encode())
        write_atomically(self._directory / name, sealed, lasting=False)

    def find(self, name: str) -> bytes | None:
        """Return what was kept under a name, if it is there and whole."""
        path = self._directory / name
        try:
            sealed = memoryview(path.read_bytes())
            return self._cipher.decrypt(bytes(sealed[:_NONCE_BYTES]), sealed[_NONCE_BYTES:], name.encode())
        except (FileNotFoundError, InvalidTag, ValueError):  # too short for a nonce
            return None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error


def remove_files(directory: Path) -> None:
    """Remove a directory of files, whether or not it is there."""
    if directory.is_dir():
        for path in directory.iterdir():
            remove_file(path)
        directory.rmdir()
