"""What a voter's machine keeps of one election: ballots, receipts, and the newest head that was checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from loopixmix.errors import ConfigError, MisuseError, StoreError
from loopixmix.process.files import create_file, make_directory, remove_file, write_atomically
from votes.ballot.ballots import COUNTER_BYTES, MOST_COUNTER, tracking_code_of
from votes.record.heads import SignedHead, decode_head
from votes.record.receipts import BallotReceipt, decode_receipt

RECORD, HEAD, HIGHEST, EXCLUSIONS = "record.json", "head", "highest", "exclusions"


class KeptBallot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ballot on its way. `service`: where it is cast. `request`: the client's id of the request, once it is made.

    `opening`: what opens it for everybody, if it is challenged instead of being cast.
    """

    counter: int
    ballot: bytes
    service: str
    request: str = ""
    opening: bytes = b""

    @property
    def challenged(self) -> bool:
        """Whether it is opened instead of being cast."""
        return bool(self.opening)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the ballot."""
        return hashlib.sha256(self.ballot).digest()

    @property
    def tracking_code(self) -> str:
        """By which its voter finds it on the board."""
        return tracking_code_of(self.digest)


class VoterHome:
    """A folder for one election, private. What is in it tells that its owner votes there, but not how."""

    def __init__(self, path: Path) -> None:
        """The folder is made if it is not there."""
        make_directory(path)
        self.path = path

    def record(self) -> bytes | None:
        """Return the record, if it was loaded."""
        return self._optional(RECORD)

    def keep_record(self, record: bytes) -> None:
        """Keep the record, which was checked against its fingerprint."""
        write_atomically(self.path / RECORD, record)

    def ballots(self) -> list[KeptBallot]:
        """Return all ballots that were made and not forgotten, by counter."""
        found = [self._read(path) for path in self.path.glob("ballot-*")]
        return sorted(found, key=lambda ballot: ballot.counter)

    def begin(self, ballot: KeptBallot) -> None:
        """Keep a new ballot, durably, before anything of it leaves.

        Raises `MisuseError` if another one of its counter was made, by another program in this folder perhaps: of the
        two only the one that the board stores first would count.
        """
        try:
            create_file(self.path / f"counter-{ballot.counter}", b"")
        except ConfigError as error:
            raise MisuseError(f"ballot {ballot.counter} was made already; make a new one") from error
        self.keep(ballot)

    def keep(self, ballot: KeptBallot) -> None:
        """Keep what is new about a ballot that `begin` has kept."""
        write_atomically(self.path / f"ballot-{ballot.counter}", msgspec.msgpack.encode(ballot))

    def next_counter(self) -> int:
        """Return a counter higher than that of any ballot that was made here, or that the board was heard to have.

        Raises `MisuseError` if there is none.
        """
        made = max((int(path.name.rpartition("-")[2]) for path in self.path.glob("counter-*")), default=0)
        highest = max(made, self.highest())
        if highest >= MOST_COUNTER:
            raise MisuseError(f"a ballot with the number {highest} was cast, and there is no higher one")
        return highest + 1

    def highest(self) -> int:
        """Return the highest counter that the board has said to have of this voter; 0 if it has said none."""
        found = self._optional(HIGHEST)
        return int.from_bytes(found or b"", "big")

    def keep_highest(self, counter: int) -> None:
        """Remember a counter that the board has."""
        if counter > self.highest():
            write_atomically(self.path / HIGHEST, counter.to_bytes(COUNTER_BYTES, "big"))

    def receipt(self, counter: int, board: bytes) -> BallotReceipt | None:
        """Return the receipt of a ballot, if it came."""
        found = self._optional(f"receipt-{counter}")
        return None if found is None else decode_receipt(found, board)

    def keep_receipt(self, counter: int, receipt: bytes) -> None:
        """Keep a receipt that was checked."""
        write_atomically(self.path / f"receipt-{counter}", receipt)

    def head(self, board: bytes) -> SignedHead | None:
        """Return the newest head that was checked."""
        found = self._optional(HEAD)
        return None if found is None else decode_head(found, board)

    def keep_head(self, head: SignedHead) -> None:
        """Keep a head that continues the one before."""
        write_atomically(self.path / HEAD, head.encode())

    def exclusions(self) -> bytes:
        """Return the exclusions that were loaded, as entries one after another."""
        return self._optional(EXCLUSIONS) or b""

    def keep_exclusions(self, entries: bytes) -> None:
        """Keep exclusions that were checked."""
        write_atomically(self.path / EXCLUSIONS, entries)

    def keep_evidence(self, head: SignedHead) -> None:
        """Keep a head that does not go with another one, or with a receipt: it proves what the board did."""
        write_atomically(self.path / f"evidence-{head.head.size}-{head.head.root.hex()[:16]}", head.encode())

    def forget(self) -> None:
        """Remove everything."""
        for path in self.path.iterdir():
            remove_file(path)
        self.path.rmdir()

    def _optional(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path / name}: cannot be read: {error.strerror}") from error

    @staticmethod
    def _read(path: Path) -> KeptBallot:
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=KeptBallot)
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(f"{path}: cannot be read: {error}") from error
