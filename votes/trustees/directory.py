"""The directory of a trustee: its keys, its part while the key is made, its share afterwards. Private files, 0600."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from loopixmix.errors import FormatError, MisuseError, StoreError
from loopixmix.process.files import (
    DirectoryLock,
    create_secret,
    load_secret,
    make_directory,
    remove_file,
    write_atomically,
)
from loopixmix.seams import Rng
from votes.record.signing import PartyKey
from votes.trustees.backup import TrusteeSecrets
from votes.trustees.generation import Ceremony, KeyPart, KeyShare, begin, restore_part
from votes.trustees.making import MadeKey

IDENTITY, DECRYPTION, PART, SHARE = "identity.key", "decryption.key", "part.key", "share.key"
LOCK = "lock"
RESTORED = "restored"
"""An empty file, in a directory that was made from a backup: it does not know what was decrypted before."""
_KEY_BYTES = 32


class _KeptPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    draft: bytes
    coefficients: bytes
    opening: bytes


class _KeptShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    draft: bytes
    share: bytes
    commitments: bytes


_Kept = TypeVar("_Kept", _KeptPart, _KeptShare)


class TrusteeDirectory:
    """One trustee's files. Raises `MisuseError` if `path` is not the directory of a trustee."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.signing_key = PartyKey(self._read_key(IDENTITY))
        self.decryption_key = self._read_key(DECRYPTION)

    @classmethod
    def create(cls, path: Path, rng: Rng) -> TrusteeDirectory:
        """Make the directory with new keys. Raises `MisuseError` if a trustee is there already."""
        if (path / IDENTITY).exists():
            raise MisuseError(f"{path}: there is a trustee already")
        make_directory(path)
        _put_keys(path, rng.randbytes(_KEY_BYTES), PartyKey.generate(rng).seed)
        return cls(path)

    @classmethod
    def restore(cls, path: Path, secrets: TrusteeSecrets) -> TrusteeDirectory:
        """Make the directory from a backup. Raises `MisuseError` if a trustee is there already."""
        if (path / IDENTITY).exists():
            raise MisuseError(f"{path}: there is a trustee already")
        make_directory(path)
        write_atomically(path / RESTORED, b"")
        kept = _KeptShare(secrets.number, secrets.draft, secrets.share, secrets.commitments)
        write_atomically(path / SHARE, msgspec.msgpack.encode(kept))
        _put_keys(path, secrets.decryption_key, secrets.identity_seed)
        return cls(path)

    @property
    def is_restored(self) -> bool:
        """Whether it was made from a backup."""
        return (self.path / RESTORED).exists()

    @property
    def lock(self) -> DirectoryLock:
        """For one program at a time that draws a part, or writes down which list it decrypts."""
        return DirectoryLock(self.path / LOCK)

    @property
    def encryption_key(self) -> bytes:
        """The public key to which other trustees seal shares, X25519, 32 bytes."""
        return X25519PrivateKey.from_private_bytes(self.decryption_key).public_key().public_bytes_raw()

    def part(self, ceremony: Ceremony, number: int, rng: Rng) -> KeyPart:
        """Return this trustee's part of the key, drawn at the first call and kept before it is returned.

        Raises `MisuseError` if a part for another election is kept: it would be lost. So it does if the key is made: a
        second part would contradict what this trustee has published.
        """
        path = self.path / PART
        if (self.path / SHARE).exists():
            raise MisuseError(f"{self.path}: the key is made already; another election needs a trustee of its own")
        if path.exists():
            kept = self._read(path, _KeptPart)
            if (kept.number, kept.draft) != (number, ceremony.draft):
                raise MisuseError(f"{path}: this part is for another election, or another draft; move it away first")
            return restore_part(ceremony, number, kept.coefficients, kept.opening)
        part = begin(ceremony, number, rng)
        kept = _KeptPart(number, ceremony.draft, part.polynomial.coefficients.encode(), part.opening.encode())
        write_atomically(path, msgspec.msgpack.encode(kept))
        return part

    def keep(self, ceremony: Ceremony, made: MadeKey) -> None:
        """Keep the share of the made key, and the key. The part is erased: nobody needs it any more."""
        share, commitments = made.share, made.key.commitments.encode()
        kept = _KeptShare(share.number, ceremony.draft, share.secret.encode(), commitments)
        write_atomically(self.path / SHARE, msgspec.msgpack.encode(kept))
        (self.path / PART).unlink(missing_ok=True)

    def share(self, ceremony: Ceremony) -> KeyShare:
        """Return the share. Raises `MisuseError` if there is none, or it belongs to another election."""
        kept = self._kept_share()
        if kept.draft != ceremony.draft:
            raise MisuseError(f"{self.path / SHARE}: this share is for another election, or another draft")
        return KeyShare(kept.number, ceremony.group.scalars(kept.share))

    def secrets(self) -> TrusteeSecrets:
        """Return all that a backup holds. Raises `MisuseError` if the key is not made yet."""
        kept = self._kept_share()
        return TrusteeSecrets(
            number=kept.number,
            draft=kept.draft,
            identity_seed=self.signing_key.seed,
            decryption_key=self.decryption_key,
            share=kept.share,
            commitments=kept.commitments,
        )

    def _kept_share(self) -> _KeptShare:
        path = self.path / SHARE
        if not path.exists():
            raise MisuseError(f"{self.path}: the key is not made yet")
        return self._read(path, _KeptShare)

    def _read_key(self, name: str) -> bytes:
        path = self.path / name
        if not path.exists():
            raise MisuseError(f"{self.path}: there is no trustee here; `vote trustee init` makes one")
        return load_secret(path, _KEY_BYTES, called="a key of a trustee")

    @staticmethod
    def _read(path: Path, kind: type[_Kept]) -> _Kept:
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=kind)
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise FormatError(f"{path}: has another form than this version writes: {error}") from error


def _put_keys(path: Path, decryption_key: bytes, identity_seed: bytes) -> None:
    # One that a crash left alone was never told to anybody.
    remove_file(path / DECRYPTION)
    create_secret(path / DECRYPTION, decryption_key)
    # The last: with it the directory is whole.
    create_secret(path / IDENTITY, identity_seed)
