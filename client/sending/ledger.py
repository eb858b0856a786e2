"""Notes about outgoing messages that are not in the store yet: many small ones, written together."""

from __future__ import annotations

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import StateChange
from client.core.journal import News
from client.store import outgoing
from client.store.outgoing import FragmentPlace, MessageRow
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told

log = Logger()


class _Notes:
    """The notes that one transaction writes."""

    def __init__(self) -> None:
        self.counts: dict[MessageRow, tuple[int, int]] = {}
        self.changes: list[tuple[MessageRow, StateChange]] = []
        self.done: list[FragmentPlace] = []
        self.ended: list[tuple[MessageRow, float]] = []

    @property
    def matter(self) -> bool:
        """Whether there is more than counts of what was sent, which can wait."""
        return bool(self.changes or self.done or self.ended)

    def write(self, connection: Connection) -> None:
        outgoing.delete_fragments(connection, self.done)
        outgoing.save_counts(connection, self.counts)
        for row, change in self.changes:
            outgoing.save_change(connection, row, change)
        for row, at_s in self.ended:
            outgoing.finish(connection, row, at_s)

    def followed_by(self, later: _Notes) -> _Notes:
        """Return both, as if noted one after the other."""
        both = _Notes()
        both.counts = self.counts | later.counts
        both.changes = self.changes + later.changes
        both.done = self.done + later.done
        both.ended = self.ended + later.ended
        return both


class Ledger:
    """Notes that are not written yet. If the store fails they are kept, and written when it works again."""

    def __init__(self, access: StoreAccess, news: News) -> None:
        """Write to the store of `access`; `news` hears of state changes once they are in it."""
        self.problem: str | None = None
        """Why the store was not written the last time, None if it was."""
        self._access = access
        self._news = news
        self._notes = _Notes()

    def count(self, row: MessageRow, *, sent: int, acknowledged: int) -> None:
        """Note how far a message is."""
        self._notes.counts[row] = (sent, acknowledged)

    def change(self, row: MessageRow, change: StateChange) -> None:
        """Note a change of a message's state."""
        self._notes.changes.append((row, change))

    def done(self, row: MessageRow, position: int) -> None:
        """Note that a fragment is never sent again."""
        self._notes.done.append((row, position))

    def end(self, row: MessageRow, now_s: float) -> None:
        """Note that nothing more is sent of a message, whatever its state."""
        self._notes.ended.append((row, now_s))

    def flush(self) -> Deferred[None]:
        """Write what was noted; fires when it is on the disk, fails with `StoreError`."""
        # What is noted while these are written belongs to the next transaction.
        notes, self._notes = self._notes, _Notes()

        def written(_: None) -> None:
            self.problem = None
            if notes.changes:
                self._news.tell()

        def not_written(failure: Failure) -> Failure:
            self.problem = failure.getErrorMessage()
            # Back, before what was noted meanwhile: the order of a message's states must not change.
            self._notes = notes.followed_by(self._notes)
            return failure

        return self._access.write(notes.write).addCallbacks(written, not_written)

    def stop(self) -> None:
        """Write what is left."""
        self.flush_soon()

    def flush_soon(self) -> None:
        """Write what matters; the caller does not wait for it."""
        if self._notes.matter:
            self.flush().addErrback(already_told)

    def flush_if_needed(self) -> Deferred[None]:
        """Write what matters; fires at its turn in any case."""
        return self.flush() if self._notes.matter else self._access.turn()
