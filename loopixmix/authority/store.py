"""The memory of an authority: the newest descriptor of each node and the documents that it signed."""

from __future__ import annotations

from pathlib import Path

from loopixmix.errors import StoreError
from loopixmix.process.files import make_directory, write_atomically
from loopixmix.seams import Identity

_SUFFIX = ".signed"


class AuthorityStore:
    """Signed descriptors and documents as files in `descriptors/` and `documents/`; on the disk when a call returns."""

    def __init__(self, directory: Path) -> None:
        """Open the store, making its directories; raise `StoreError` if that fails."""
        self._descriptors = directory / "descriptors"
        self._documents = directory / "documents"
        make_directory(self._descriptors)
        make_directory(self._documents)

    def descriptors(self) -> dict[Path, bytes]:
        """Return the signed descriptors by their files, for errors to name."""
        return _contents(self._descriptors)

    def documents(self) -> dict[Path, bytes]:
        """Return the signed documents by their files."""
        return _contents(self._documents)

    def keep_descriptor(self, identity: Identity, signed: bytes) -> None:
        """Replace the descriptor of a node."""
        write_atomically(self._descriptors / f"{identity.hex()}{_SUFFIX}", signed)

    def forget_descriptor(self, identity: Identity) -> None:
        """Remove the descriptor of a node."""
        (self._descriptors / f"{identity.hex()}{_SUFFIX}").unlink(missing_ok=True)

    def keep_document(self, epoch: int, signed: bytes) -> None:
        """Add the document of an epoch; raise `StoreError`, and change nothing, if there is one already."""
        path = self._documents / f"{epoch}{_SUFFIX}"
        # Two documents for one epoch would split the network in two, and each half would prove us a liar.
        if path.exists():
            raise StoreError(f"{path}: a document of this epoch was signed already")
        write_atomically(path, signed)

    def forget_document(self, epoch: int) -> None:
        """Remove the document of an epoch."""
        (self._documents / f"{epoch}{_SUFFIX}").unlink(missing_ok=True)


def _contents(directory: Path) -> dict[Path, bytes]:
    try:
        return {path: path.read_bytes() for path in sorted(directory.iterdir()) if path.suffix == _SUFFIX}
    except OSError as error:
        raise StoreError(f"{error.filename or directory}: cannot be read: {error.strerror}") from error
