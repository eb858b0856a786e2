"""Files that only their key opens: who has which credential is kept in such files, and erased with their keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from loopixmix.errors import ConfigError
from loopixmix.process.files import create_secret, erase_file, file_error, load_secret, remove_file, write_atomically
from loopixmix.seams import Rng

KEY_BYTES = 32


class SealedFile:
    """A file sealed by XSalsa20-Poly1305 (libsodium's secretbox), and its key beside it; only the user may read either.

    It is erased by its key. To overwrite 32 bytes is likelier to reach the medium than to overwrite a long file that
    was written anew several times, and a copy that somebody made of the file alone opens no more.
    """

    def __init__(self, path: Path) -> None:
        """`path`: of the file; its key gets the same name and `.key`."""
        self._path = path
        self._key_path = path.with_name(f"{path.name}.key")

    @property
    def is_there(self) -> bool:
        """Whether it was written, and not erased."""
        return self._path.exists() and self._key_path.exists()

    def write(self, content: bytes, rng: Rng) -> None:
        """Replace the content: a crash at any instant leaves the old one or the new one."""
        # The key stays the same until it is erased. With a new key each time, a crash between the two files would lose
        # both contents.
        if not self._key_path.exists():
            create_secret(self._key_path, rng.randbytes(KEY_BYTES))
        nonce = rng.randbytes(SecretBox.NONCE_SIZE)
        write_atomically(self._path, SecretBox(self._key()).encrypt(content, nonce))

    def read(self) -> bytes:
        """Return the content; raise `ConfigError` if it was erased or changed, or if others may read the key."""
        box = SecretBox(self._key())
        try:
            return box.decrypt(self._path.read_bytes())
        except (CryptoError, ValueError) as error:
            raise ConfigError(f"{self._path}: was changed, or is not whole") from error
        except OSError as error:
            raise ConfigError(f"{self._path}: cannot be read: {error.strerror}") from error

    def digest(self) -> bytes | None:
        """Return SHA-512 of the sealed bytes; None if there is no file."""
        try:
            return hashlib.sha512(self._path.read_bytes()).digest()
        except FileNotFoundError:
            return None

    def erase(self) -> None:
        """Erase the key, then the file; neither need be there. Raises `StoreError` if that fails."""
        try:
            # The key first: a crash in between leaves a file that nobody opens.
            erase_file(self._key_path)
            erase_file(self._path)
            remove_file(self._path)
        except OSError as error:
            raise file_error(error, f"{self._path}: cannot be erased") from error

    def _key(self) -> bytes:
        return load_secret(self._key_path, KEY_BYTES, called="the key of a sealed file")
