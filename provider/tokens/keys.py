"""The keys of an issuer on disk: for each purpose that of the present period and that of the next.

Beside the private keys stands the file `public.keys` with their public halves. From there they get into the network
document, and to redeemers of other programs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopixmix.errors import FormatError, MisuseError, StoreError
from loopixmix.process.files import PRIVATE_FILE, erase_file, file_error, make_directory, write_atomically
from loopixmix.seams import Rng
from loopixmix.tokens import TokenKey, encode_key_set
from loopixmix.tokens.keyfile import read_signer
from loopixmix.tokens.signing import Signer, generate_key
from loopixmix.wiping import wipe

PUBLIC_FILE = "public.keys"
PUBLIC_MODE = 0o644

_PRIVATE_SUFFIX = ".pkcs8"
_LOCK_FILE = "making.lock"


def is_near(key: TokenKey, now_s: float) -> bool:
    """Tell whether the period of a key is the present one or the next: not if the clock was ahead when it was made."""
    return now_s < key.ends_s and key.begins_s - now_s <= key.ends_s - key.begins_s


class IssuerKeys:
    """Makes the keys of an issuer ahead, and erases each when its period has ended."""

    def __init__(self, directory: Path, *, purposes: Sequence[str], period_s: int, rng: Rng) -> None:
        """`directory`: the issuer's own. `period_s`: how long tokens count; periods begin at multiples of it.

        `rng`: blinds signatures, where Python makes them.
        """
        self._directory = directory
        self._purposes = purposes
        self._period_s = period_s
        self._rng = rng
        self._lock = threading.Lock()
        self._signers: dict[bytes, tuple[TokenKey, Signer]] = {}
        self._loaded: set[Path] = set()

    def refresh(self, now_s: float, *, erases: bool = True) -> tuple[TokenKey, ...]:
        """Erase the keys of other periods, make those of this period and the next, and return all of them.

        `erases`: false while the clock is in doubt: with a key, all tokens that it has signed would be gone. Making a
        key takes some 50 ms, sometimes several times as long. Raises `StoreError`.
        """
        with self._lock, self._alone():
            self._load()
            for key, _ in list(self._signers.values()):
                if erases and not is_near(key, now_s):
                    self._erase(self._path(key.purpose, key.begins_s, key.ends_s))
                    del self._signers[key.key_id]
            self._make_missing(now_s)
            self._load()
            keys = tuple(sorted((key for key, _ in self._signers.values()), key=lambda k: (k.purpose, k.begins_s)))
            self._publish(keys)
            return keys

    def signer(self, key_id: bytes, now_s: float) -> tuple[TokenKey, Signer] | None:
        """Return the key of this id and what signs with it; None if there is none, or its period has ended."""
        with self._lock:
            found = self._signers.get(key_id)
        return found if found is not None and now_s < found[0].ends_s else None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # A provider and its issuer each make keys by an object of their own, perhaps in a program of its own. Of two
        # keys for one period the later would lie in the place of the other, whose tokens would not count.
        make_directory(self._directory)
        path = self._directory / _LOCK_FILE
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise file_error(error, f"{path}: cannot be written") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _load(self) -> None:
        # Each time: at its start, before it has services, a provider makes keys by another object of this class.
        for path in sorted(set(self._directory.glob(f"*{_PRIVATE_SUFFIX}")) - self._loaded):
            key, signer = self._load_one(path)
            self._signers[key.key_id] = key, signer
            self._loaded.add(path)

    def _load_one(self, path: Path) -> tuple[TokenKey, Signer]:
        purpose, _, period = path.name.removesuffix(_PRIVATE_SUFFIX).partition(".")
        begins, _, ends = period.partition("-")
        try:
            signer = read_signer(path, rng=self._rng)
            return TokenKey(purpose=purpose, begins_s=int(begins), ends_s=int(ends), public=signer.public), signer
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        except (FormatError, MisuseError, ValueError) as error:
            raise StoreError(f"{path}: this is no key of a token issuer: {error}") from error

    @staticmethod
    def _erase(path: Path) -> None:
        try:
            erase_file(path)
        except OSError as error:
            raise file_error(error, f"{path}: cannot be erased") from error

    def _make_missing(self, now_s: float) -> None:
        present_s = int(now_s // self._period_s) * self._period_s
        there = [key for key, _ in self._signers.values()]
        for purpose in self._purposes:
            for begins_s in (present_s, present_s + self._period_s):
                ends_s = begins_s + self._period_s
                # Not if another one counts at that time: the operator may have changed the length of periods.
                if not any(k.purpose == purpose and k.begins_s < ends_s and begins_s < k.ends_s for k in there):
                    private = generate_key()
                    try:
                        write_atomically(self._path(purpose, begins_s, ends_s), private)
                    finally:
                        wipe(private)

    def _publish(self, keys: Sequence[TokenKey]) -> None:
        path, data = self._directory / PUBLIC_FILE, encode_key_set(keys)
        if not path.exists() or path.read_bytes() != data:
            write_atomically(path, data, mode=PUBLIC_MODE)

    def _path(self, purpose: str, begins_s: int, ends_s: int) -> Path:
        return self._directory / f"{purpose}.{begins_s}-{ends_s}{_PRIVATE_SUFFIX}"
