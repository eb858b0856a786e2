"""All entries in one file, one after another, for auditors to download in parts, and to go on after a break."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from twisted.logger import Logger

from loopixmix.process.files import file_error

_log = Logger()
_HEAD = struct.Struct(">BQI")
_READ_BYTES = 16 * 1024 * 1024
PUBLIC_FILE = 0o644


class EntryFile:
    """A copy of the log. The store is what counts: entries that are missing here are written again later."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; a last entry that a crash cut short is cut off. Raises `StoreError`."""
        self.path = path
        self.problem: str | None = None
        """Why entries are missing here, in one line; None if none are."""
        try:
            self._file = self._opened()
        except OSError as error:
            raise file_error(error, f"{path}: cannot be written") from error

    def append(self, encoded: Sequence[bytes]) -> bool:
        """Add entries, and tell whether they are there: if the disk is full, only the log has them.

        Those that follow have to wait until `reopen` was called and the missing ones were added.
        """
        if self.problem is not None:
            return False
        try:
            self._file.write(b"".join(encoded))
            self._file.flush()
        except OSError as error:
            self.problem = str(file_error(error, f"{self.path}: cannot be written"))
            _log.error("{problem}", problem=self.problem)
            # What is in the buffer fails once more then.
            with contextlib.suppress(OSError):
                self._file.close()
            return False
        self.count += len(encoded)
        return True

    def reopen(self) -> bool:
        """Try again after a problem; tell whether entries can be added."""
        if self.problem is not None:
            try:
                self._file = self._opened()
            except OSError:
                return False
            self.problem = None
        return True

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _opened(self) -> IO[bytes]:
        file = self.path.open("ab")
        self.path.chmod(PUBLIC_FILE)
        self.count, whole_bytes = _whole(self.path)
        file.truncate(whole_bytes)
        return file


def _whole(path: Path) -> tuple[int, int]:
    """Return how many whole entries a file has, and how many bytes they take."""
    count = at = 0
    size = path.stat().st_size
    with path.open("rb", buffering=_READ_BYTES) as file:
        while size - at >= _HEAD.size:
            file.seek(at)
            end = at + _HEAD.size + _HEAD.unpack(file.read(_HEAD.size))[2]
            if end > size:
                break
            count, at = count + 1, end
    return count, at
