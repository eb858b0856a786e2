"""The mark beside a store: how far it had been written, so that a log of changes that is gone or cut is missed.

SQLite goes back to the state without the log, and says nothing: mail that was shown as stored is gone. So every change
counts on a number in the store itself, and the same number is put into a file beside it afterwards. If the store's is
the smaller one at the next start, changes are missing. After a crash the mark may be the smaller one, which is no
fault: the number in it only ever follows what is on the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK_SUFFIX = ".mark"
_MAGIC = b"LXM1"
_FORM = struct.Struct(">4sIII")
_SUM = struct.Struct(">I")
_MODE = 0o600
# SQLite keeps the number in 32 bits, which a busy provider counts through within a year: the nearer way round counts.
_NUMBERS = 1 << 32


@dataclass(frozen=True)
class Mark:
    """Numbers of changes. `moved`: up to this one all were moved out of the log, into the store's file.

    `written`: up to this one all were on the disk. `lost`: so many are missing, and it was not yet told for long.
    """

    moved: int
    written: int
    lost: int = 0


def ahead(number: int, of: int) -> int:
    """Return by how many changes a number is ahead of another one; negative if it is behind."""
    return (number - of + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2


def following(number: int) -> int:
    """Return the number after this one, as SQLite keeps it: signed."""
    after = (number + 1) % _NUMBERS
    return after - _NUMBERS if after >= _NUMBERS // 2 else after


class MarkFile:
    """The mark of one store. Several programs may use it at one time."""

    def __init__(self, store: Path) -> None:
        """`store`: the store's file. Raises `OSError` if the mark's own cannot be opened or made."""
        path = store.with_name(store.name + MARK_SUFFIX)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._mine = threading.Lock()

    def read(self) -> Mark | None:
        """Return the mark; None if there is none, or none that is whole."""
        with self._alone():
            return self._read()

    def compare(self, number: int) -> Mark:
        """Take note that the store begins with its change `number`, and return what is known then.

        If changes are missing, they count as lost. A copy of the store that was made earlier and put back is no loss:
        it lacks also what had been moved into the store's file long before.
        """
        with self._alone():
            mark = self._read()
            if mark is None:
                mark = Mark(number, number)
            elif (missing := ahead(mark.written, number)) > 0:
                is_copy = ahead(mark.moved, number) > 0
                mark = Mark(number, number, mark.lost if is_copy else mark.lost + missing)
            self._write(mark)
        return mark

    def note(self, *, written: int | None = None, moved: int | None = None) -> None:
        """Take note of changes that are on the disk, or were moved; numbers that are known already change nothing."""
        with self._alone():
            mark = self._read() or Mark(moved or 0, written or 0)
            self._write(Mark(_later(mark.moved, moved), _later(mark.written, written), mark.lost))

    def forget_loss(self) -> None:
        """Take note that the loss was told for long enough."""
        with self._alone():
            if (mark := self._read()) is not None:
                self._write(Mark(mark.moved, mark.written))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # Two locks: the system's is that of the descriptor, which threads of one process share.
        with self._mine:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _read(self) -> Mark | None:
        data = os.pread(self._descriptor, _FORM.size + _SUM.size, 0)
        body, checksum = data[: _FORM.size], data[_FORM.size :]
        if len(data) < _FORM.size + _SUM.size or checksum != _SUM.pack(zlib.crc32(body)):
            return None
        magic, moved, written, lost = _FORM.unpack(body)
        return Mark(moved, written, lost) if magic == _MAGIC else None

    def _write(self, mark: Mark) -> None:
        # Not flushed: after a power cut an older mark may be there, which misses nothing that is not missing. The
        # other way round it would raise false alarms, and for that the change is on the disk before.
        body = _FORM.pack(_MAGIC, mark.moved % _NUMBERS, mark.written % _NUMBERS, min(mark.lost, _NUMBERS - 1))
        # A full disk has room for it, once it is there: it never grows.
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, body + _SUM.pack(zlib.crc32(body)), 0)


def _later(known: int, new: int | None) -> int:
    return new if new is not None and ahead(new, known) > 0 else known
