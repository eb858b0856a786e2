"""The board of one election: its log, how the election stands, and the clock by which it opens and closes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from loopixmix.errors import PeerError
from loopixmix.group.group import Group
from loopixmix.seams import Clock, Identity
from votes.board.log import BoardLog, Writing
from votes.board.seams import BallotChecks, MakeChecks
from votes.board.standing import Announced, ElectionStanding, NotNowError
from votes.board.store.rows import is_ballot, statements, turnout
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.heads import SignedHead
from votes.record.phases import Phase, Transition
from votes.record.receipts import BallotReceipt
from votes.record.signing import SIGNATURE_BYTES, PartyKey
from votes.record.statements import Exclusion, sign_statement

_R = TypeVar("_R")


class Board:
    """All changes go through it, one at a time. Any thread may use it."""

    def __init__(
        self,
        log: BoardLog,
        group: Group,
        *,
        key: PartyKey,
        administrator: Identity,
        make_checks: MakeChecks,
        clock: Clock,
    ) -> None:
        """Go on where the log ends. `administrator`: whose record is taken."""
        self.log = log
        self._key = key
        self._make_checks = make_checks
        self._clock = clock
        self._changing = threading.RLock()
        self._checks: BallotChecks | None = None
        self.standing = ElectionStanding(group, board=key.identity, administrator=administrator)
        before = log.read(statements)
        self._places = {_key(each.entry.kind, each.entry.body): each.place for each in before}
        # All that voters cannot see without the whole log, and want to know: is their ballot excluded?
        self.exclusions = b"".join(each.entry.encode() for each in before if each.entry.kind is EntryKind.EXCLUSION)
        self.standing.replay(before)
        if self.standing.has_election:
            self._checks = make_checks(self.standing.election)

    @property
    def checks(self) -> BallotChecks:
        """The checks of ballots; raises `NotNowError` if there is no election yet."""
        if self._checks is None:
            raise NotNowError("the board has no election yet")
        return self._checks

    def publish_record(self, body: bytes) -> None:
        """Begin with a signed record; raise `PeerError` if it is not taken."""
        with self._changing:
            election = self.standing.check_record(body)
            checks = self._make_checks(election)
            self._places[_key(EntryKind.RECORD, body)] = self.log.append(
                lambda _, writing: writing.add(EntryKind.RECORD, body)
            )
            self.standing.take_record(election)
            self._checks = checks

    def place_of(self, kind: EntryKind, body: bytes) -> int | None:
        """Return the index of a statement that is in the log; None if it is not there.

        Whoever reads the log can hand in what stands there once more. An older mix would count again if it were taken.
        """
        with self._changing:
            return self._places.get(_key(kind, body))

    def announce(self, kind: EntryKind, body: bytes) -> int:
        """Write down a signed statement of a party; return the index of its entry. Raises `PeerError`."""
        with self._changing:
            self.advance()
            statement = self.standing.check(kind, body)
            return self._announce(kind, body, statement)

    def check(self, kind: EntryKind, body: bytes) -> Announced:
        """Return the statement in `body`, if it would be taken now; raise `PeerError` if not."""
        with self._changing:
            self.advance()
            return self.standing.check(kind, body)

    def advance(self) -> None:
        """Open and close the election, if it is time."""
        # Every voter's request asks this: those for whom nothing is due do not wait for somebody else's commit.
        while self._due() is not None:
            with self._changing:
                due = self._due()
                if due is not None:
                    self._go_on(*due, int(self._clock.seconds()))

    def _due(self) -> tuple[Phase, Phase] | None:
        """Return the transition that is due by the clock."""
        standing = self.standing
        if not standing.has_election:
            return None
        is_signed = standing.phase is Phase.FROZEN and standing.unsigned is None
        if is_signed and self._clock.seconds() >= standing.election.opens_at:
            return Phase.FROZEN, Phase.OPEN
        if standing.phase is Phase.OPEN and self._clock.seconds() >= standing.election.closes_at:
            return Phase.OPEN, Phase.CLOSED
        return None

    def append(self, work: Callable[[Connection, Writing], _R]) -> _R:
        """Do `work` as `BoardLog.append` does, while the election stands still; it is open or closed by the clock."""
        with self._changing:
            self.advance()
            return self.log.append(work)

    def head(self) -> SignedHead:
        """Return a head of the log."""
        self.standing.election  # noqa: B018 (there is none without an election)
        return self.log.head(self.standing.fingerprint)

    def receipt(self, digest: bytes, index: int, at_s: int, highest: int) -> bytes:
        """Return the receipt for a stored ballot. `highest`: the highest counter of its credential up to there."""
        return BallotReceipt(self.standing.fingerprint, digest, index, at_s, highest).sign(self._key)

    def turnout(self) -> list[tuple[int, int]]:
        """Return how many voters cast their first ballot in each hour, by the hour's first Unix second."""
        return self.log.read(turnout)

    def _go_on(self, before: Phase, after: Phase, now_s: int) -> None:
        transition = Transition(
            fingerprint=Hex(self.standing.fingerprint), before=before, after=after, at_s=now_s, reason=""
        )
        self._announce(EntryKind.TRANSITION, sign_statement(transition, self._key), transition)

    def _announce(self, kind: EntryKind, body: bytes, statement: Announced) -> int:
        def write(connection: Connection, writing: Writing) -> Writing:
            if isinstance(statement, Exclusion):
                self._check_excluded(connection, statement)
            writing.add(kind, body)
            return writing

        writing = self.log.append(write)
        self._places[_key(kind, body)] = writing.first
        if isinstance(statement, Exclusion):
            self.exclusions += writing.entries[0].encode()
        self.standing.take(statement, body)
        return writing.first

    def _check_excluded(self, connection: Connection, exclusion: Exclusion) -> None:
        if exclusion.entry in self.standing.excluded:
            raise NotNowError(f"entry {exclusion.entry} is excluded already")
        if not is_ballot(connection, exclusion.entry):
            raise BadReferenceError(f"entry {exclusion.entry} is no ballot")


def _key(kind: EntryKind, body: bytes) -> bytes:
    """Return what tells a statement from others, whoever signed it."""
    return bytes([kind]) + hashlib.sha256(body[SIGNATURE_BYTES:]).digest()


class BadReferenceError(PeerError):
    """The statement names an entry that it cannot name."""
