"""What a voter's machine keeps of one election: ballots, receipts, and the newest head that was checked."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.errors import ConfigError, MisuseError, StoreError
from loopixmix.process.files import create_file, make_directory, remove_file, write_atomically
from votes.record.heads import SignedHead, decode_head
from votes.record.receipts import BallotReceipt, decode_receipt

RECORD, HEAD = "record.json", "head"


class KeptBallot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ballot on its way. `service`: where it is cast. `request`: the client's id of the request, once it is made."""

    counter: int
    ballot: bytes
    service: str
    request: str = ""
    challenged: bool = False


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
        """Return a counter higher than that of any ballot that was made here."""
        return max((int(path.name.rpartition("-")[2]) for path in self.path.glob("counter-*")), default=0) + 1

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
