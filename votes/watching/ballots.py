"""Ballots checked while they arrive, in batches, with the log that they stand in."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.errors import PeerError
from votes.ballot.ballots import BallotError
from votes.ballot.checking import BATCH, BallotCheck
from votes.record.canonical import Hex
from votes.record.entries import EntryKind, decode_entry
from votes.record.heads import ForkedBoardError, LogHead
from votes.record.merkle import MerkleEdge
from votes.verify.log import ElectionLog, LogReader
from votes.verify.opened import OpenedRecord
from votes.watching.progress import Watched

MOST_WRONG = 10_000
"""Wrong ballots that are remembered. A board that stores more stores anything: then there is nothing left to watch."""
MOST_REASON = 200


class BallotWatch:
    """Takes a log from its first entry on. It keeps no ballot that was checked: its memory is that of one batch."""

    def __init__(self, opened: OpenedRecord, is_listed: Callable[[bytes], bool], before: Watched) -> None:
        """`is_listed`: whether a credential is in the election's list. `before`: what was looked at before."""
        self._reader = LogReader(opened.election, opened.record, opened.fingerprint)
        self._check = BallotCheck(opened.form, is_listed=is_listed)
        self._edge = MerkleEdge()
        self._waiting: list[tuple[int, bytes]] = []
        self._before = before
        self.wrong = dict(before.wrong)
        self.ballots = 0
        """How many were taken."""

    @property
    def log(self) -> ElectionLog:
        """What happened so far; without ballots and challenges."""
        return self._reader.log

    @property
    def size(self) -> int:
        """How many entries were taken."""
        return len(self._edge)

    @property
    def is_full(self) -> bool:
        """Whether a batch of ballots waits to be checked."""
        return len(self._waiting) >= BATCH

    def take(self, encoded: bytes) -> None:
        """Take the next entry. Raises `LogError`, and `ForkedBoardError` if the log is not the one of before."""
        entry = decode_entry(encoded)
        self._reader.take(encoded)
        # Kept by the reader for the tally; here they would fill the memory.
        self._reader.log.ballots.clear()
        self._reader.log.challenges.clear()
        index = self.size
        self._edge.append(encoded)
        self.ballots += entry.kind is EntryKind.BALLOT
        if entry.kind is EntryKind.BALLOT and index >= self._before.size:
            self._waiting.append((index, entry.body))
        if self.size == self._before.size and self._edge.root() != bytes(self._before.root):
            raise ForkedBoardError(f"the first {self.size} entries are others than before: the board signed two logs")

    def check(self) -> list[tuple[int, str]]:
        """Check the ballots that wait; return which are wrong, and why. Raises `PeerError` if they are too many."""
        checked = self._check.check_many([body for _, body in self._waiting])
        found = [
            (index, str(result)[:MOST_REASON])
            for (index, _), result in zip(self._waiting, checked, strict=True)
            if isinstance(result, BallotError)
        ]
        self._waiting.clear()
        self.wrong.update(found)
        if len(self.wrong) > MOST_WRONG:
            raise PeerError(f"the board stores wrong ballots: more than {MOST_WRONG:,} so far")
        return found

    def check_head(self, head: LogHead) -> None:
        """Raise `ForkedBoardError` unless the board signed just these entries, and as many as before at least."""
        if self.size < self._before.size:
            raise ForkedBoardError(f"the log had {self._before.size} entries, and now has {self.size}: it is shortened")
        if (head.size, head.root) != (self.size, self._edge.root()):
            raise ForkedBoardError(f"the board signed {head.size} entries, and gives {self.size} others")

    def watched(self, objected: tuple[str, ...]) -> Watched:
        """Return how far it is, once `check` was called."""
        if self.size < self._before.size:
            return self._before
        return Watched(size=self.size, root=Hex(self._edge.root()), wrong=tuple(self.wrong.items()), objected=objected)
