"""The documents a node or client last saw, on disk: it starts with them while no authority answers."""

from __future__ import annotations

from pathlib import Path

from loopixmix.errors import StoreError
from loopixmix.process.files import write_atomically


class DocumentCache:
    """Two files: the newest document that was adopted, and the next one if it was fetched ahead of its epoch.

    Each reader verifies their content as if it came from the network.
    """

    def __init__(self, path: Path) -> None:
        """`path`: the file of the adopted document; the next one lies beside it, with `.next` added."""
        self._adopted = path
        self._next = path.with_name(path.name + ".next")

    def load(self) -> list[bytes]:
        """Return the documents that are there, the adopted one first; raise `StoreError` if it cannot be read."""
        return [data for path in (self._adopted, self._next) if (data := _read(path)) is not None]

    def keep_adopted(self, signed: bytes) -> None:
        """Remember the document that holds now; raise `StoreError` if that fails."""
        # Lasting: after a power cut the node would otherwise believe an older document again.
        write_atomically(self._adopted, signed)

    def keep_next(self, signed: bytes) -> None:
        """Remember the document that will hold next; raise `StoreError` if that fails."""
        write_atomically(self._next, signed)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
