"""The log of changes of a SQLite store (`-wal`): emptied every minute, and bounded while somebody reads."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine.interfaces import DBAPIConnection
from twisted.logger import Logger

from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.upkeep.mark import MarkFile
from loopixmix.store.upkeep.readers import named, reading_processes

EMPTY_EVERY_S = 60.0
EMPTY_AGAIN_S = 5.0
"""After so long it is tried again, if somebody read meanwhile."""
ATTEMPTS, PAUSE_S = 20, 0.025
"""So often it is tried at one time: a change that is being written is over in a moment."""
MOST_LOG_BYTES = 48 * 1024 * 1024
"""A longer log takes no further transaction. The last one adds its own changes, which are 16 MB at most."""
TOLD_LOG_BYTES = 16 * 1024 * 1024
TOLD_FOR_S = 60.0
"""A loss counts as told when a program had the store for so long, and then ended in an orderly way."""
_MEGABYTE = 1024 * 1024

log = Logger()


class ChangeLog:
    """The log of one store, with the mark beside it."""

    def __init__(self, store: Path, connect: Callable[[], DBAPIConnection]) -> None:
        """`store`: its file. `connect`: makes a connection of its own, which waits for nobody.

        A thread begins with the first change; `close` ends it.
        """
        self._store = store
        self._path = store.with_name(f"{store.name}-wal")
        self._connect = connect
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._is_held = False
        self._opened_s = time.monotonic()
        self._mark: MarkFile | None = None
        self.lost = 0
        """How many changes are missing, as it showed when the store was opened, or not long before."""
        # On a full disk there may be no room for a new one: then nothing is missed, and nothing can be written either.
        with contextlib.suppress(OSError):
            self._mark = MarkFile(store)

    @property
    def problem(self) -> str | None:
        """What is missing, in one line."""
        if not self.lost:
            return None
        return (
            f"the last {self.lost} changes of {self._store.name} are missing: its log of changes ({self._path.name}) "
            "was deleted, cut or damaged; what was stored last may be gone"
        )

    def compare(self, number: int) -> None:
        """Look whether the store, whose last change has this number, is what it was when it was last used."""
        if self._mark is None:
            return
        before = self._mark.read()
        mark = self._mark.compare(number)
        self.lost = mark.lost
        if self.problem is not None:
            log.error("{problem}", problem=self.problem)
        elif before is not None and before.written != mark.written:
            log.info("{store}: an older copy of this store was put back", store=str(self._store))

    def make_room(self) -> None:
        """Empty the log if it is too long; raise `StoreUnavailableError` if somebody who reads prevents it."""
        size = self.size_bytes()
        if size <= MOST_LOG_BYTES:
            return
        # What else prevents it, such as a full disk, prevents the change as well, and is told by that.
        with contextlib.suppress(Exception):
            attempts = 1 if self._is_held else ATTEMPTS
            self._is_held = not self.empty(attempts=attempts) and self.size_bytes() > MOST_LOG_BYTES
        if self._is_held:
            raise StoreUnavailableError(
                f"the store cannot be written until {self._who()} has ended its reading: the log of changes has "
                f"{size // _MEGABYTE} MB, and may not grow further"
            )

    def written(self, number: int) -> None:
        """Take note that the change with this number is on the disk."""
        if self._mark is not None:
            self._mark.note(written=number)
        if self._thread is None:
            self._begin()

    def empty(self, *, attempts: int = 1) -> bool:
        """Move the log into the store's file and cut it to nothing; tell whether nobody was in the way."""
        for attempt in range(attempts):
            if attempt:
                threading.Event().wait(PAUSE_S)
            if self._try_to_empty():
                return True
        return False

    def size_bytes(self) -> int:
        """Return its length."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """End the upkeep, with a log that is empty unless somebody else uses the store."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            with contextlib.suppress(Exception):  # what is in the log stays there
                self.empty(attempts=2)
        if self._mark is not None:
            if self.lost and time.monotonic() - self._opened_s >= TOLD_FOR_S:
                self._mark.forget_loss()
            self._mark.close()
            self._mark = None

    def _who(self) -> str:
        return named(reading_processes(self._store), own=os.getpid())

    def _begin(self) -> None:
        with self._changed:
            if self._thread is None and not self._closed:
                # A daemon: a program that does not close its store ends all the same.
                self._thread = threading.Thread(target=self._work, name=f"upkeep of {self._store.name}", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        wait_s, held_since_s = EMPTY_EVERY_S, None
        while not self._waited(wait_s):
            wait_s = EMPTY_EVERY_S
            # Anything else than the reader is told by whoever writes next, to the alarm of the store: a full disk.
            with contextlib.suppress(Exception):
                if not self.size_bytes() or self.empty(attempts=ATTEMPTS):
                    held_since_s = None
                    continue
                wait_s = EMPTY_AGAIN_S
                held_since_s = self._tell_held(held_since_s)

    def _tell_held(self, since_s: float | None) -> float:
        """Say once that somebody reads for long; return since when, or infinity when it was said."""
        now_s = time.monotonic()
        if since_s is None:
            return now_s
        if now_s - since_s < EMPTY_EVERY_S or self.size_bytes() < TOLD_LOG_BYTES:
            return since_s
        log.warn(
            "{store}: {who} has been reading for more than {seconds} s, and the log of changes has {megabytes} MB; at "
            "{most} MB nothing is written any more until it ends",
            store=str(self._store),
            who=self._who(),
            seconds=round(now_s - since_s),
            megabytes=self.size_bytes() // _MEGABYTE,
            most=MOST_LOG_BYTES // _MEGABYTE,
        )
        return float("inf")

    def _waited(self, wait_s: float) -> bool:
        """Wait; return whether the store is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, wait_s)
            return self._closed

    def _try_to_empty(self) -> bool:
        connection = self._connect()
        try:
            cursor = connection.cursor()
            # Read before: what is written meanwhile may come too late to be moved.
            number = cursor.execute("PRAGMA user_version").fetchone()[0]
            is_busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if not is_busy and self._mark is not None:
                self._mark.note(moved=number)
            return not is_busy
        finally:
            connection.close()
