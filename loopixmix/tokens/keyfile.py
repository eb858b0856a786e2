"""The keys of an issuer in files: public ones, where a redeemer of another program finds them, and a private one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loopixmix.errors import FormatError, StoreError
from loopixmix.seams import Rng
from loopixmix.tokens.keys import TokenKey, decode_key_set
from loopixmix.tokens.signing import Signer, load_signer
from loopixmix.wiping import SHORTEST_BYTES, wipe


class KeyFile:
    """The public keys for one purpose in a file, which another program may replace."""

    def __init__(self, path: Path, purpose: str) -> None:
        """`path`: a key set, as an issuer publishes it; as long as it is not there, there is no key."""
        self._path = path
        self._purpose = purpose
        self._state: tuple[int, int] | None = None
        self._keys: dict[bytes, TokenKey] = {}

    def keys(self) -> Mapping[bytes, TokenKey]:
        """Return the keys by their ids; raise `StoreError` if the file cannot be read."""
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_ino)
            if state != self._state:
                keys = read_public_keys(self._path)
                self._keys = {key.key_id: key for key in keys if key.purpose == self._purpose}
                self._state = state
        except FileNotFoundError:
            self._keys, self._state = {}, None
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be read: {error.strerror}") from error
        return self._keys


def read_public_keys(path: Path) -> tuple[TokenKey, ...]:
    """Return the keys in a key set, none if the file is not there; raise `StoreError` if it cannot be read."""
    try:
        return decode_key_set(path.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    except FormatError as error:
        raise StoreError(f"{path}: {error}") from error


def read_signer(path: Path, *, rng: Rng) -> Signer:
    """Return what signs with the private key in a file, of whose bytes no other copy stays in memory.

    Raises `OSError`, and `FormatError` if the file holds no key.
    """
    private = path.read_bytes()
    try:
        return load_signer(private, rng=rng)
    finally:
        # An empty file is refused, and has nothing to wipe.
        if len(private) >= SHORTEST_BYTES:
            wipe(private)
