"""The board's log: durable entries, and the Merkle tree over them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from loopixmix.errors import StoreError
from loopixmix.process.files import has_room
from loopixmix.seams import Clock
from loopixmix.store.transactions import Store
from votes.board.entryfile import EntryFile
from votes.board.store.rows import READ_AT_ONCE, add_entries, entries_from, last_time_s, leaf_hashes
from votes.record.entries import Entry, EntryKind
from votes.record.heads import LogHead, SignedHead
from votes.record.merkle import MerkleTree, Path, leaf_hash
from votes.record.signing import PartyKey

_R = TypeVar("_R")

HEAD_AGE_S = 60
"""A head without new entries is signed again after so long, to show that the board is alive."""


@dataclass
class Writing:
    """Entries that are about to be written, all at one time. `first`: the index of the first one."""

    first: int
    at_s: int
    entries: list[Entry] = field(default_factory=list)

    def add(self, kind: EntryKind, body: bytes) -> int:
        """Write one more; return its index."""
        self.entries.append(Entry(kind, self.at_s, body))
        return self.first + len(self.entries) - 1


class BoardLog:
    """Appends entries and proves what it has. Any thread may use it.

    An entry is on the disk before the tree has it, and the tree has it before a head is signed. So whatever a head
    says is still there after a crash.
    """

    def __init__(self, store: Store, *, key: PartyKey, clock: Clock, file: EntryFile) -> None:
        """`key`: of the board. `file`: gets a copy of all entries, to be downloaded."""
        self._store = store
        self._key = key
        self._clock = clock
        self._file = file
        # One writes at a time; those who only ask for proofs do not wait for the disk.
        self._writing = threading.RLock()
        self._reading = threading.Lock()
        try:
            self._tree = MerkleTree(store.read(lambda connection: list(leaf_hashes(connection))))
        except LookupError as error:
            file.close()
            store.close()
            raise StoreError(f"the board's log is damaged: {error}") from error
        self._at_s = store.read(last_time_s)
        self._head: SignedHead | None = None
        self._complete_file()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self._tree)

    @property
    def problem(self) -> str | None:
        """Why entries cannot be kept or handed on, or what was lost, in one line; None if all is well."""
        return self._store.problem or self._file.problem

    def append(self, work: Callable[[Connection, Writing], _R]) -> _R:
        """Do `work` in a transaction, and append what it writes; return what it returns, once all is on the disk.

        `work` may read and write the store. If it raises, nothing is changed.
        """
        with self._writing:
            now_s = max(int(self._clock.seconds()), self._at_s)
            writing = Writing(self.size, now_s)
            encoded: list[bytes] = []
            leaves: list[bytes] = []

            def write(connection: Connection) -> _R:
                result = work(connection, writing)
                encoded.extend(entry.encode() for entry in writing.entries)
                leaves.extend(map(leaf_hash, encoded))
                add_entries(connection, writing.first, list(zip(writing.entries, leaves, strict=True)))
                return result

            result = self._store.write(write)
            with self._reading:
                for leaf in leaves:
                    self._tree.append_hash(leaf)
                self._at_s = now_s
            # Those that a full disk kept from the file come first.
            if self._file.problem is None:
                self._file.append(encoded)
            return result

    def catch_up(self) -> None:
        """Give the file the entries that a full disk kept from it, if there is room again."""
        if self._file.problem is None or not has_room(self._file.path.parent):
            return
        with self._writing:
            if self._file.reopen():
                self._complete_file()

    def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads the store."""
        return self._store.read(work)

    def head(self, fingerprint: bytes) -> SignedHead:
        """Return a head of all entries, signed lately."""
        now_s = int(self._clock.seconds())
        with self._reading:
            before, size = self._head, len(self._tree)
            if before is None or before.head.size != size or now_s - before.head.at_s > HEAD_AGE_S:
                self._head = before = LogHead(fingerprint, size, self._tree.root(), now_s).sign(self._key)
            return before

    def inclusion(self, index: int, size: int) -> Path:
        """Return the proof that an entry is in the log of `size` entries. Raises `ValueError`."""
        with self._reading:
            return self._tree.inclusion(index, size)

    def consistency(self, before: int, size: int) -> Path:
        """Return the proof that the log of `size` entries continues that of `before`. Raises `ValueError`."""
        with self._reading:
            return self._tree.consistency(before, size)

    def close(self) -> None:
        """Close the store and the file."""
        self._file.close()
        self._store.close()

    def _complete_file(self) -> None:
        """Write those entries into the file that a crash kept from it."""
        is_written = True
        while is_written and self._file.count < self.size:
            found = self._store.read(lambda connection: entries_from(connection, self._file.count, READ_AT_ONCE))
            is_written = self._file.append([each.entry.encode() for each in found])
