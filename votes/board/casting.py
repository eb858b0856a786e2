"""Ballots that are cast: checked together, stored once, answered with a receipt or a plain reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from loopixmix.errors import PeerError
from votes.board.board import Board
from votes.board.log import Writing
from votes.board.requests import BoardRefusal, BoardRefused
from votes.board.seams import CheckedBallot
from votes.board.store.rows import (
    KnownBallot,
    NewBallot,
    add_ballots,
    add_challenge,
    ballots_by_credential,
    ballots_by_digest,
    challenged,
    challenges_of,
)
from votes.board.together import Together
from votes.record.entries import MOST_BODY_BYTES, EntryKind
from votes.record.phases import Phase

MOST_TOGETHER = 4096
MOST_OF_ONE = 200
"""Ballots of one credential, and challenges. Whoever has one could fill the board otherwise."""
MOST_REASON = 400
"""Characters of a reason. It goes through the network, where a packet more takes time."""


@dataclass(frozen=True)
class Stored:
    """The ballot is the entry `index`, written at `at_s`.

    `highest`: the highest counter of its credential up to that entry; 0 for an opening.
    """

    digest: bytes
    index: int
    at_s: int
    highest: int = 0


CastOutcome: TypeAlias = Stored | BoardRefused


class Casting:
    """Takes ballots of voters. Any thread may use it; those that wait at one time are dealt with together."""

    def __init__(self, board: Board) -> None:
        """`board`: of the election."""
        self._board = board
        self._together: Together[bytes, CastOutcome] = Together(self.cast_many, most=MOST_TOGETHER)

    def cast(self, ballot: bytes) -> CastOutcome:
        """Store a ballot; the same ballot again gets the same answer."""
        if len(ballot) > MOST_BODY_BYTES[EntryKind.BALLOT]:
            return BoardRefused(BoardRefusal.WRONG, "the ballot is too long")
        # Before all arithmetic, so that nobody keeps the board busy before and after the election.
        closed = self._closed()
        if closed is not None:
            return self._found(ballot) or closed
        return self._together.do(ballot)

    def cast_many(self, ballots: Sequence[bytes]) -> list[CastOutcome]:
        """Store ballots that came at one time; return what became of each."""
        digests = [hashlib.sha256(ballot).digest() for ballot in ballots]
        known = self._board.log.read(lambda connection: ballots_by_digest(connection, digests))
        # A ballot may come twice in one batch: it is checked once.
        new = {digest: ballot for digest, ballot in zip(digests, ballots, strict=True) if digest not in known}
        checked = dict(zip(new, self._board.checks.check_many(list(new.values())), strict=True))
        right = {digest: (new[digest], each) for digest, each in checked.items() if not isinstance(each, PeerError)}
        stored = self._store(right) if right else {}
        outcomes = self._known(known) | stored
        for digest, each in checked.items():
            if isinstance(each, PeerError):
                outcomes[digest] = BoardRefused(BoardRefusal.WRONG, str(each)[:MOST_REASON])
        return [outcomes[digest] for digest in digests]

    def find(self, digest: bytes) -> CastOutcome:
        """Return where a ballot is stored."""
        known = self._board.log.read(lambda connection: ballots_by_digest(connection, [digest]))
        if digest not in known:
            return BoardRefused(BoardRefusal.UNKNOWN, "no such ballot is on the board")
        return self._known(known)[digest]

    def challenge(self, opening: bytes) -> CastOutcome:
        """Put the opening of a ballot that was not cast on the board; the ballot never counts."""
        closed = self._closed()
        if closed is not None:
            return closed
        if len(opening) > MOST_BODY_BYTES[EntryKind.CHALLENGE]:
            return BoardRefused(BoardRefusal.WRONG, "the opening is too long")
        try:
            ballot = self._board.checks.check_opening(opening)
        except PeerError as error:
            return BoardRefused(BoardRefusal.WRONG, str(error)[:MOST_REASON])

        def write(connection: Connection, writing: Writing) -> CastOutcome:
            closed = self._closed_at(writing.at_s)
            if closed is not None:
                return closed
            before = challenged(connection, [ballot.digest]).get(ballot.digest)
            if before is not None:
                return Stored(ballot.digest, *before)
            if ballots_by_digest(connection, [ballot.digest]):
                return BoardRefused(BoardRefusal.WRONG, "the ballot is cast, and cannot be challenged any more")
            if challenges_of(connection, ballot.credential) >= MOST_OF_ONE:
                return _too_many("challenges")
            index = writing.add(EntryKind.CHALLENGE, opening)
            add_challenge(connection, ballot.digest, ballot.credential, index, writing.at_s)
            return Stored(ballot.digest, index, writing.at_s)

        return self._board.append(write)

    def _known(self, known: Mapping[bytes, KnownBallot]) -> dict[bytes, CastOutcome]:
        """Return what is answered for ballots that are stored."""
        if not known:
            return {}
        credentials = list({each.credential for each in known.values()})
        beside = self._board.log.read(lambda connection: ballots_by_credential(connection, credentials))
        return {digest: _outcome(each, beside) for digest, each in known.items()}

    def _closed(self) -> BoardRefused | None:
        """Return why no ballot is taken now; None if the election is open."""
        self._board.advance()
        return self._closed_at(None)

    def _closed_at(self, at_s: int | None) -> BoardRefused | None:
        """Return why no entry of the time `at_s` may be a ballot. Within a transaction the election stands still."""
        standing = self._board.standing
        if not standing.has_election:
            return BoardRefused(BoardRefusal.NO_ELECTION, "the board has no election yet")
        if standing.phase in (Phase.KEYED, Phase.FROZEN):
            why = standing.unsigned or f"it opens at {standing.election.opens_at}"
            return BoardRefused(BoardRefusal.EARLY, f"the election is not open yet: {why}"[:MOST_REASON])
        if standing.phase is Phase.ABANDONED:
            return BoardRefused(BoardRefusal.LATE, "the election was abandoned")
        if standing.phase is not Phase.OPEN or (at_s is not None and at_s >= standing.election.closes_at):
            return BoardRefused(BoardRefusal.LATE, f"the election is closed since {standing.election.closes_at}")
        return None

    def _found(self, ballot: bytes) -> CastOutcome | None:
        if not self._board.standing.has_election:
            return None
        # An answer may have been lost just before the end: the receipt is given all the same.
        found = self.find(hashlib.sha256(ballot).digest())
        return found if isinstance(found, Stored) else None

    def _store(self, right: Mapping[bytes, tuple[bytes, CheckedBallot]]) -> dict[bytes, CastOutcome]:
        def write(connection: Connection, writing: Writing) -> dict[bytes, CastOutcome]:
            # Time goes on while ballots are checked, and while they wait for the disk.
            closed = self._closed_at(writing.at_s)
            if closed is not None:
                return dict.fromkeys(right, closed)
            rules = _Rules(connection, writing, [ballot for _, ballot in right.values()])
            outcomes = {digest: rules.store(encoding, ballot) for digest, (encoding, ballot) in right.items()}
            add_ballots(connection, rules.added)
            return outcomes

        return self._board.append(write)


class _Rules:
    """What is allowed of ballots that are right, beside others that are stored."""

    def __init__(self, connection: Connection, writing: Writing, checked: Sequence[CheckedBallot]) -> None:
        self._writing = writing
        self._challenged = challenged(connection, [each.digest for each in checked])
        self._of: dict[bytes, list[KnownBallot | NewBallot]] = {}
        for each in ballots_by_credential(connection, list({ballot.credential for ballot in checked})):
            self._of.setdefault(each.credential, []).append(each)
        self.added: list[NewBallot] = []

    def store(self, encoding: bytes, ballot: CheckedBallot) -> CastOutcome:
        of = self._of.setdefault(ballot.credential, [])
        if ballot.digest in self._challenged:
            return BoardRefused(BoardRefusal.CHALLENGED, "the ballot was challenged, and never counts; make a new one")
        same = [each for each in of if each.counter == ballot.counter]
        if len(of) >= MOST_OF_ONE:
            return _too_many("ballots")
        # One beside the first one is on the board for everybody to see; a third would show nothing more.
        highest = max((each.counter for each in of), default=0)
        if len(same) > 1:
            return _doubled(ballot.counter, highest)
        index = self._writing.add(EntryKind.BALLOT, encoding)
        at_s = self._writing.at_s
        new = NewBallot(index, ballot.digest, ballot.credential, ballot.counter, at_s, not of, bool(same))
        of.append(new)
        self.added.append(new)
        if same:
            return _doubled(ballot.counter, highest)
        return Stored(ballot.digest, index, at_s, max(highest, ballot.counter))


def _outcome(known: KnownBallot, beside: Sequence[KnownBallot]) -> CastOutcome:
    """Return what is answered for a ballot that is stored, `beside` others of its credential and of other ones."""
    of = [each for each in beside if each.credential == known.credential]
    if known.is_doubled:
        return _doubled(known.counter, max(each.counter for each in of))
    # Only those up to it, so that the receipt is the same each time.
    highest = max(each.counter for each in of if each.place <= known.place)
    return Stored(known.digest, known.place, known.at_s, highest)


def _too_many(what: str) -> BoardRefused:
    return BoardRefused(BoardRefusal.TOO_MANY, f"there are {MOST_OF_ONE} {what} of this voter; no more are taken")


def _doubled(counter: int, highest: int) -> BoardRefused:
    return BoardRefused(
        BoardRefusal.DOUBLED,
        f"another ballot with counter {counter} is stored before it; cast again with one above {highest}",
        highest,
    )
