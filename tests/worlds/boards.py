"""Boards for tests, with ballots that are easily made."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loopixmix.errors import FormatError, PeerError
from loopixmix.group.ristretto import ristretto255
from loopixmix.store.transactions import Store
from tests.worlds.elections import CLOSES_AT, OPENS_AT, ElectionWorld, new_election
from votes.board.board import Board
from votes.board.casting import Casting
from votes.board.entryfile import EntryFile
from votes.board.log import BoardLog
from votes.board.store.schema import SCHEMA
from votes.record.canonical import Hex
from votes.record.entries import EntryKind, sign_record
from votes.record.phases import Phase, Transition
from votes.record.signing import PartyKey
from votes.record.statements import Exclusion, sign_statement

GROUP = ristretto255()
FORM = struct.Struct(">4s32sI")
DURING = OPENS_AT + 3600


class FixedClock:
    """A clock that the test sets. `steps`: what it says the next times that it is asked."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self.steps: list[float] = []

    def seconds(self) -> float:
        return self.steps.pop(0) if self.steps else self.now_s

    def callLater(self, delay: float, callable: object, *args: object, **kw: object) -> object:  # type: ignore[override]
        raise AssertionError("a board waits for nothing by itself")


@dataclass(frozen=True)
class PlainBallot:
    credential: bytes
    counter: int
    digest: bytes


class WrongBallotError(PeerError):
    """The ballot is wrong."""


@dataclass
class PlainChecks:
    """Takes every ballot that says that it is good."""

    batches: list[int] = field(default_factory=list)

    def check_many(self, encodings: Sequence[bytes], /) -> list[PlainBallot | PeerError]:
        self.batches.append(len(encodings))
        return [self._checked(encoding) for encoding in encodings]

    def check_opening(self, opening: bytes, /) -> PlainBallot:
        if not opening.startswith(b"open"):
            raise FormatError("the opening does not fit")
        checked = self._checked(opening[4:])
        if isinstance(checked, PeerError):
            raise checked
        return checked

    def _checked(self, encoding: bytes) -> PlainBallot | PeerError:
        if len(encoding) < FORM.size or not encoding.startswith(b"good"):
            return WrongBallotError("the proof of the ballot is wrong")
        _, credential, counter = FORM.unpack_from(encoding)
        return PlainBallot(credential, counter, hashlib.sha256(encoding).digest())


def plain_ballot(voter: int, counter: int = 1, choice: bytes = b"yes") -> bytes:
    return FORM.pack(b"good", voter.to_bytes(32, "big"), counter) + choice


class BoardWorld:
    """A board, its election and a clock."""

    def __init__(self, directory: Path, url: str, now_s: float = OPENS_AT - 3600) -> None:
        self.directory, self.url = directory, url
        self.clock = FixedClock(now_s)
        self.checks = PlainChecks()
        self.make_file: Callable[[Path], EntryFile] = EntryFile
        self.world: ElectionWorld = new_election(GROUP, voters=0)
        self.board = self._open()
        self.casting = Casting(self.board)

    def _open(self) -> Board:
        keys = self.world.keys
        log = BoardLog(
            Store(SCHEMA, self.url),
            key=keys.board,
            clock=self.clock,  # type: ignore[arg-type]
            file=self.make_file(self.directory / "entries"),
        )
        return Board(
            log,
            GROUP,
            key=keys.board,
            administrator=keys.administrator.identity,
            make_checks=lambda _: self.checks,
            clock=self.clock,  # type: ignore[arg-type]
        )

    def restart(self) -> None:
        self.board.log.close()
        self.board = self._open()
        self.casting = Casting(self.board)

    def close(self) -> None:
        self.board.log.close()

    def publish(self) -> None:
        self.board.publish_record(sign_record(self.world.record, self.world.keys.administrator))

    def sign(self) -> None:
        """Let all trustees sign the record."""
        for body in self.world.approvals():
            self.board.announce(EntryKind.APPROVAL, body)

    def open(self) -> None:
        """Publish the record, let the trustees sign it, and the election open."""
        self.publish()
        self.sign()
        self.clock.now_s = DURING
        self.board.advance()

    def end(self) -> None:
        """Let the election close."""
        self.clock.now_s = CLOSES_AT
        self.board.advance()

    def go_on(self, before: Phase, after: Phase, reason: str = "") -> int:
        return self.board.announce(EntryKind.TRANSITION, self.transition(before, after, reason))

    def transition(self, before: Phase, after: Phase, reason: str = "") -> bytes:
        transition = Transition(
            fingerprint=Hex(self.world.fingerprint),
            before=before,
            after=after,
            at_s=int(self.clock.now_s),
            reason=reason,
        )
        return sign_statement(transition, self.world.keys.administrator)

    def exclusion(self, entry: int, key: PartyKey | None = None) -> bytes:
        """Return the statement that excludes the ballot of an entry."""
        statement = Exclusion(fingerprint=Hex(self.world.fingerprint), entry=entry, reason="its proof is wrong")
        return sign_statement(statement, key or self.world.keys.administrator)
