"""A file of slots of one length. What is put in goes to a free slot drawn at random, in place.

A database would tell the order of its rows: by the log of changes, by where in a page a row stands, by the numbers of
transactions. Here a write changes one slot and nothing else, so that at no moment the file shows which came last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopixmix.errors import StoreError
from loopixmix.process.files import PRIVATE_FILE, erase_file, file_error, sync_directory
from loopixmix.seams import Rng
from stats.collect.waiting.order import random_order
from stats.collect.waiting.records import RecordForm, Records

LEAST_SLOTS = 256
SPARE = 2
"""There are at least so many times as many slots as reports: a free one is found by two draws on average."""
_AT_ONCE = 8192
"""Slots that are read or written together."""


class SlotFile:
    """The slots of one file. One thread uses it."""

    def __init__(self, path: Path, form: RecordForm, *, rng: Rng) -> None:
        """Open the file, or make it; raise `StoreError`. `rng`: draws the slots."""
        self._path = path
        self._form = form
        self._rng = rng
        with _told(path):
            is_new = not path.exists()
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
            if is_new:
                self._reserve(self._descriptor, LEAST_SLOTS)
                sync_directory(path.parent)
            slots = os.fstat(self._descriptor).st_size // form.length
            whole = form.whole(form.array(_read(self._descriptor, slots * form.length)))
        self._used = np.zeros(slots, dtype=np.bool_)
        self._used[whole] = True
        self._count = len(whole)
        self._spoiled: list[int] = []
        """Slots of reports that were refused, and that could not be erased yet."""

    def __len__(self) -> int:
        """How many slots hold a report."""
        return self._count - len(self._spoiled)

    def put(self, records: Sequence[bytes]) -> None:
        """Put records into free slots, on the disk when this returns. Raises `StoreError`; none is put then."""
        self._erase_spoiled()
        needed = SPARE * (self._count + len(records))
        if needed > len(self._used):
            self._grow(needed)
        taken = [self._take_slot() for _ in records]
        try:
            with _told(self._path):
                for slot, record in zip(taken, records, strict=True):
                    _write(self._descriptor, record, slot * self._form.length)
                os.fdatasync(self._descriptor)
        except StoreError:
            # They are refused: what of them is in the file must not count when the program starts again.
            self._spoiled = taken
            self._erase_spoiled()
            raise

    def read(self) -> tuple[NDArray[np.int64], Records]:
        """Return the slots that hold a report, and their records. Raises `StoreError`."""
        self._erase_spoiled()
        slots = np.flatnonzero(self._used).astype(np.int64)
        with _told(self._path):
            data = _read(self._descriptor, len(self._used) * self._form.length)
        return slots, self._form.array(data)[slots]

    def erase(self, slots: NDArray[np.int64]) -> None:
        """Overwrite slots with zeros, on the disk, and have them free. Raises `StoreError`."""
        length = self._form.length
        with _told(self._path):
            for part in np.unique(slots // _AT_ONCE).tolist():
                first = part * _AT_ONCE
                count = min(_AT_ONCE, len(self._used) - first)
                records = np.frombuffer(_read(self._descriptor, count * length, first * length), np.uint8).copy()
                records.reshape(count, length)[slots[slots // _AT_ONCE == part] - first] = 0
                _write(self._descriptor, records.tobytes(), first * length)
            os.fdatasync(self._descriptor)
        self._used[slots] = False
        self._count -= len(slots)

    def remove(self) -> None:
        """Overwrite and delete the file; it is closed. Raises `StoreError`."""
        self.close()
        with _told(self._path):
            erase_file(self._path)

    def close(self) -> None:
        """Close the file; a second time changes nothing."""
        # Its number may be another file's by then.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _erase_spoiled(self) -> None:
        # A disk that takes no write takes no erasure either: so it is tried again before anything else is done.
        if self._spoiled:
            self.erase(np.array(self._spoiled, dtype=np.int64))
            self._spoiled = []

    def _take_slot(self) -> int:
        while True:
            slot = self._rng.randrange(len(self._used))
            if not self._used[slot]:
                self._used[slot] = True
                self._count += 1
                return slot

    def _grow(self, needed: int) -> None:
        """Move everything into a larger file, in another order: old and new reports would else stand in two parts."""
        form, slots = self._form, 1 << (needed - 1).bit_length()
        _, records = self.read()
        places = random_order(slots, self._rng)[: len(records)]
        larger = np.zeros(slots, dtype=form.type)
        larger[places] = records
        unfinished = self._path.with_name(f".{self._path.name}.unfinished")
        with _told(self._path):
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
            try:
                self._reserve(descriptor, slots)
                _write(descriptor, larger.tobytes(), 0)
                os.fdatasync(descriptor)
                unfinished.replace(self._path)
            except OSError:
                os.close(descriptor)
                raise
            old, old_bytes = self._descriptor, len(self._used) * form.length
            self._descriptor = descriptor
            self._used = np.zeros(slots, dtype=np.bool_)
            self._used[places] = True
            sync_directory(self._path.parent)
            # The old file's name is gone, its blocks are not.
            _write(old, bytes(old_bytes), 0)
            os.fdatasync(old)
            os.close(old)

    def _reserve(self, descriptor: int, slots: int) -> None:
        # All of it now: a full disk is to show here, and not where a report is written.
        os.posix_fallocate(descriptor, 0, slots * self._form.length)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_error(error, f"{path}: cannot be used") from error


def _write(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written


def _read(descriptor: int, length: int, at: int = 0) -> bytes:
    parts = []
    while length > 0:
        part = os.pread(descriptor, min(length, 2**30), at)
        if not part:
            break
        parts.append(part)
        length, at = length - len(part), at + len(part)
    return b"".join(parts)
