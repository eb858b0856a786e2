"""Where trustees meet to make a key: everybody sees the draft and all statements there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from loopixmix.errors import MisuseError, StoreError
from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically

DRAFT = "draft.json"
STATEMENTS = "key"
MOST_STATEMENTS = 4_096
MOST_BYTES = 65_536


class Meeting(Protocol):
    """A place where trustees publish."""

    def draft(self) -> bytes:
        """Return the draft of the election."""

    def statements(self) -> list[bytes]:
        """Return all statements, in the order in which they came."""

    def publish(self, statement: bytes) -> None:
        """Add a statement; one that is there already is not added again."""


class FolderMeeting:
    """A folder that all trustees read and write, such as a synchronised one: `draft.json`, and a file a statement."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def draft(self) -> bytes:
        """Return the draft. Raises `MisuseError` if there is none."""
        path = self._path / DRAFT
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise MisuseError(f"{path}: there is no draft of an election here") from None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error

    def put_draft(self, draft: bytes) -> None:
        """Put the draft there. Raises `MisuseError` if the trustees have begun to make a key for another one."""
        path = self._path / DRAFT
        if path.exists() and path.read_bytes() != draft and self.statements():
            raise MisuseError(f"{path}: the trustees have begun with another draft; take another folder")
        make_directory(self._path)
        write_atomically(path, draft, mode=PUBLIC_FILE)

    def statements(self) -> list[bytes]:
        """Return all statements, by the names of their files. Raises `StoreError` if they are absurdly many."""
        folder = self._path / STATEMENTS
        try:
            paths = sorted(folder.glob("*.statement"))
            if len(paths) > MOST_STATEMENTS or any(path.stat().st_size > MOST_BYTES for path in paths):
                raise StoreError(f"{folder}: more or longer files than the statements of an election's key")
            return [path.read_bytes() for path in paths]
        except OSError as error:
            raise StoreError(f"{folder}: cannot be read: {error.strerror}") from error

    def publish(self, statement: bytes) -> None:
        """Add a file, named by kind and author so that a person sees who has spoken."""
        folder = self._path / STATEMENTS
        make_directory(folder)
        author = int.from_bytes(statement[33:35], "big")
        name = f"{statement[0]}-trustee-{author}-{hashlib.sha256(statement).hexdigest()[:16]}.statement"
        if not (folder / name).exists():
            write_atomically(folder / name, statement, mode=PUBLIC_FILE)
