"""The progress of each task: shares from 0 to 1 that other processes of this machine write and this one reads."""

from __future__ import annotations

import mmap
import struct
import tempfile
from pathlib import Path
from types import TracebackType

from loopixmix.sweeps.work import Progress

_SHARE = struct.Struct("=d")


class Shares:
    """A temporary file with one share for each task, mapped into memory by all who write or read it."""

    def __init__(self, tasks: int) -> None:
        """`tasks`: how many, above 0. The file is made; every share in it is 0."""
        self._file = tempfile.NamedTemporaryFile(prefix="loopixmix-shares-")  # noqa: SIM115 (closed on exit)
        self._file.truncate(tasks * _SHARE.size)
        self._map = mmap.mmap(self._file.fileno(), tasks * _SHARE.size)
        self._tasks = tasks
        self.path = Path(self._file.name)

    def __enter__(self) -> Shares:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the file away."""
        self._map.close()
        self._file.close()

    def put(self, place: int, share: float) -> None:
        """Say how far the task at `place` is; what was said later counts only if it is more."""
        (before,) = _SHARE.unpack_from(self._map, place * _SHARE.size)
        _SHARE.pack_into(self._map, place * _SHARE.size, max(before, share))

    def progress(self, place: int) -> Progress:
        """Return what tells how far the task at `place` is."""
        return lambda share: self.put(place, share)

    def done(self) -> tuple[float, int]:
        """Return how many tasks' work is done, those that run counting by their share, and how many tasks are over."""
        shares: list[float] = [share for (share,) in _SHARE.iter_unpack(self._map[:])]
        # Work of one's own may tell shares beyond 0 and 1.
        return sum(min(max(share, 0.0), 1.0) for share in shares), sum(share >= 1.0 for share in shares)


class SharesElsewhere:
    """The same file, seen from another process of the machine."""

    def __init__(self, path: Path) -> None:
        """`path`: the file that `Shares` made."""
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def progress(self, place: int) -> Progress:
        """Return what tells how far the task at `place` is."""
        return lambda share: _SHARE.pack_into(self._map, place * _SHARE.size, share)
