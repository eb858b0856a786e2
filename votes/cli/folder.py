"""A published election in a folder."""

from __future__ import annotations

import mmap
from pathlib import Path

from loopixmix.errors import MisuseError, StoreError
from loopixmix.group.group import Buffer
from votes.verify.published import RECORD, MissingFileError


class FolderElection:
    """The files in a folder. They are mapped into memory, not loaded: a million ballots have hundreds of megabytes."""

    def __init__(self, path: Path) -> None:
        """Raises `MisuseError` if there is no election in `path`."""
        if not (path / RECORD).is_file():
            raise MisuseError(f"{path}: there is no published election here ({RECORD} is missing)")
        self._path = path

    def read(self, name: str) -> Buffer:
        """Return a file's content."""
        path = self._path / name
        try:
            with path.open("rb") as file:
                # An empty file cannot be mapped.
                return mmap_of(file.fileno()) if path.stat().st_size else b""
        except FileNotFoundError:
            raise MissingFileError(f"{name} is missing") from None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        return (self._path / name).is_file()


def mmap_of(descriptor: int) -> memoryview:
    """Return a file's bytes without loading them."""
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
