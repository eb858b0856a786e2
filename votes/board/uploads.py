"""Files of mixers, trustees and the administrator, which come in parts before the entry that names them is written."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopixmix.errors import PeerError
from loopixmix.process.files import create_secret, file_error, load_secret, make_directory, sync_directory
from loopixmix.seams import Rng
from votes.record.statements import DIGEST_BYTES

TOKEN_BYTES = 16
MOST_PART_BYTES = 4 * 1024 * 1024
MOST_FILE_BYTES = 64 * 1024**3
_HASHED_AT_ONCE = 4 * 1024 * 1024
_PUBLIC_FILE = 0o644


class UploadError(PeerError):
    """The upload does not fit what was announced."""


@dataclass(frozen=True)
class MissingFile:
    """A file that is still to come. `digest`: SHA-512. `have_bytes`: what is there. `token`: lets its sender go on."""

    digest: bytes
    have_bytes: int
    token: bytes


class UploadFolder:
    """Keeps files by their digests. Only files that a signed statement announced are taken."""

    def __init__(self, path: Path, *, rng: Rng, most_bytes: int = MOST_FILE_BYTES) -> None:
        """`path`: of the folder, which is made. `most_bytes`: of one file."""
        make_directory(path)
        self._path = path
        self._rng = rng
        self._most_bytes = most_bytes
        self._changing = threading.Condition()
        self._ending: set[bytes] = set()
        """Digests of files that are being hashed, without the lock: that takes minutes for a long one."""

    def expect(self, digests: Sequence[bytes]) -> list[MissingFile]:
        """Let these files come; return those that are not there yet."""
        with self._changing:
            return [self._expect(digest) for digest in dict.fromkeys(digests) if self.find(digest) is None]

    def find(self, digest: bytes) -> Path | None:
        """Return where a whole file is; None if it is not there."""
        path = self._path / digest.hex()
        return path if len(digest) == DIGEST_BYTES and path.exists() else None

    def take(self, digest: bytes, token: bytes, offset: int, part: bytes) -> int:
        """Add a part at `offset`, where the last one ended; return how many bytes there are now.

        A part that is there already, because its answer was lost, changes nothing.
        """
        with self._changing:
            path = self._begun(digest, token)
            if digest in self._ending:
                raise UploadError("the file is being checked, and takes no more parts")
            have = path.stat().st_size
            if offset > have:
                raise UploadError(f"there are {have} bytes; a part cannot begin at {offset}")
            if offset + len(part) > self._most_bytes:
                raise UploadError(f"a file has at most {self._most_bytes} bytes")
            new = part[have - offset :]
            try:
                with path.open("ab") as file:
                    file.write(new)
            except OSError as error:
                raise file_error(error, f"{path}: cannot be written") from error
            return have + len(new)

    def finish(self, digest: bytes, token: bytes) -> None:
        """Take the file as whole; if its digest is another one, it is thrown away, and `UploadError` raised.

        Whoever asks while it is being checked gets the answer when that is done.
        """
        with self._changing:
            self._changing.wait_for(lambda: digest not in self._ending)
            if self.find(digest) is not None:
                return
            path = self._begun(digest, token)
            self._ending.add(digest)
        try:
            found = _digest(path)
            with self._changing:
                self._take_whole(path, digest, found)
        finally:
            with self._changing:
                self._ending.discard(digest)
                self._changing.notify_all()

    def _take_whole(self, path: Path, digest: bytes, found: bytes) -> None:
        if found != digest:
            path.unlink()
            path.touch()
            raise UploadError(f"the digest of the file is {found.hex()}; send it again from the beginning")
        path.chmod(_PUBLIC_FILE)
        path.replace(self._path / digest.hex())
        self._token_path(digest).unlink()
        sync_directory(self._path)

    def _expect(self, digest: bytes) -> MissingFile:
        path, token_path = self._part_path(digest), self._token_path(digest)
        if not token_path.exists():
            create_secret(token_path, self._rng.randbytes(TOKEN_BYTES))
        path.touch()
        return MissingFile(digest, path.stat().st_size, self._token(digest))

    def _begun(self, digest: bytes, token: bytes) -> Path:
        if len(digest) != DIGEST_BYTES or not self._part_path(digest).exists():
            raise UploadError("no such file was announced")
        # Without it anybody could spoil a file that somebody else is sending.
        if not hmac.compare_digest(token, self._token(digest)):
            raise UploadError("the token is not that of this upload")
        return self._part_path(digest)

    def _token(self, digest: bytes) -> bytes:
        return load_secret(self._token_path(digest), TOKEN_BYTES, called="the token of an upload")

    def _part_path(self, digest: bytes) -> Path:
        return self._path / f"{digest.hex()}.part"

    def _token_path(self, digest: bytes) -> Path:
        return self._path / f"{digest.hex()}.token"


def _digest(path: Path) -> bytes:
    hashed = hashlib.sha512()
    with path.open("rb") as file:
        while piece := file.read(_HASHED_AT_ONCE):
            hashed.update(piece)
    return hashed.digest()
