"""A trustee at the board's public face: it loads what is new, has it checked, and says in public what is wrong."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from loopixmix.errors import PeerError, StoreError, UnavailableError
from loopixmix.group.group import Group
from loopixmix.process.files import PUBLIC_FILE, file_error, make_directory, write_atomically
from votes.credentials.listing import CredentialList
from votes.public.calls import PublicBoard
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.heads import LogHead, decode_head
from votes.record.phases import Phase
from votes.record.signing import PartyKey
from votes.record.statements import sign_statement
from votes.record.trustees import TrusteeObjection
from votes.verify.log import whole_entries
from votes.verify.opened import LieError, OpenedRecord, opened_record
from votes.verify.published import CREDENTIALS, ENTRIES, HEAD, RECORD
from votes.watching.ballots import BallotWatch
from votes.watching.progress import Watched, WatchFile
from votes.watching.times import wrong_times

PART_BYTES = 8 * 1024 * 1024
"""Of the log, loaded at one time."""
MOST_BEHIND = 3
"""So often a board may give fewer entries than it signed: for a moment it is honest, when it is just writing them."""


@dataclass(frozen=True)
class WatchSetting:
    """What a trustee watches with. `directory`: its own. `published`: where the log is put, as `fetch` does.

    `key`: of the trustee. `say`: shows a line. `pause`: waits between two looks. `now_s`: Unix seconds.
    """

    board: PublicBoard
    directory: Path
    published: Path
    key: PartyKey
    say: Callable[[str], object]
    pause: Callable[[], Awaitable[None]]
    now_s: Callable[[], float]


class LogFollower:
    """Follows the log of one board. Raises `PeerError` for a lie, which ends the watch."""

    def __init__(self, setting: WatchSetting, opened: OpenedRecord, credentials: CredentialList) -> None:
        """Go on where the trustee's folder says that it was."""
        self._setting = setting
        self._opened = opened
        self._file = WatchFile(setting.directory, opened.fingerprint)
        before = self._file.read()
        self._objected = before.objected
        self._watch = BallotWatch(opened, credentials.__contains__, before)
        number_of(opened, setting.key)
        self._left, self._offset, self._behind = b"", 0, 0
        self._reload()

    @property
    def phase(self) -> Phase:
        """How far the election is, as far as the log was read."""
        return self._watch.log.phase

    def told(self) -> str:
        """Return how far it is, for a person."""
        wrong = f", {len(self._watch.wrong):,} of them wrong" if self._watch.wrong else ""
        return f"{self._watch.size:,} entries with {self._watch.ballots:,} ballots are checked{wrong}"

    async def look(self) -> None:
        """Load and check all that the board has signed by now. Raises `PeerError` and `UnavailableError`."""
        board = self._setting.board
        asked_s = self._setting.now_s()
        encoded = await board.get("/v1/head")
        answered_s = self._setting.now_s()
        head = decode_head(encoded, self._opened.election.board.identity).head
        if head.fingerprint != self._opened.fingerprint:
            raise PeerError("the board keeps another election now")
        while self._watch.size < head.size:
            if not self._take(head):
                part = await board.get("/v1/entries", start=self._offset + len(self._left), most=PART_BYTES)
                if not part:
                    raise self._missing(head)
                self._left += part
        self._behind = 0
        self._check_batch()
        self._watch.check_head(head)
        self._file.write(self._watched())
        write_atomically(self._setting.published / HEAD, encoded, mode=PUBLIC_FILE)
        # Loading may take minutes; what the head tells was so between question and answer.
        await self._compare_times(asked_s, answered_s)

    def _missing(self, head: LogHead) -> PeerError | UnavailableError:
        self._behind += 1
        kind = PeerError if self._behind > MOST_BEHIND else UnavailableError
        return kind(f"the board signed {head.size} entries, and gives {self._watch.size}")

    def _take(self, head: LogHead) -> bool:
        """Take the entries that are loaded, as far as the head goes; tell whether there were any."""
        entries, _ = whole_entries(self._left, most=head.size - self._watch.size)
        taken = 0
        for entry in entries:
            self._watch.take(entry)
            taken += len(entry)
            if self._watch.is_full:
                # First on the disk: what was checked has to be found there again.
                taken = self._keep(taken)
                self._check_batch()
                self._file.write(self._watched())
        self._keep(taken)
        return bool(entries)

    def _keep(self, taken: int) -> int:
        if taken:
            _write_at(self._setting.published / ENTRIES, self._offset, self._left[:taken])
            self._left, self._offset = self._left[taken:], self._offset + taken
        return 0

    def _check_batch(self) -> None:
        for index, reason in self._watch.check():
            self._setting.say(f"entry {index}: {reason}; the board stored it, and the administrator has to exclude it")

    def _watched(self) -> Watched:
        return self._watch.watched(self._objected)

    def _reload(self) -> None:
        """Read what was loaded before; what a kill cut off at its end is loaded again."""
        path = self._setting.published / ENTRIES
        if not path.exists():
            return
        try:
            with path.open("r+b") as file:
                rest = b""
                while part := file.read(PART_BYTES):
                    entries, used = whole_entries(rest + part)
                    for entry in entries:
                        self._watch.take(entry)
                        if self._watch.is_full:
                            self._check_batch()
                    rest = (rest + part)[used:]
                    self._offset += used
                file.truncate(self._offset)
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        self._check_batch()

    async def _compare_times(self, asked_s: float, answered_s: float) -> None:
        for name, reason in wrong_times(self._opened.election, self.phase, asked_s, answered_s):
            if name not in self._objected:
                await self._object(name, reason, answered_s)

    async def _object(self, name: str, reason: str, now_s: float) -> None:
        body = sign_objection(self._opened, self._setting.key, reason, now_s)
        path = self._setting.directory / f"objection-{name.replace(' ', '-')}"
        write_atomically(path, body, mode=PUBLIC_FILE)
        self._setting.say(reason)
        try:
            entry = await self._setting.board.announce(EntryKind.OBJECTION, body)
            self._setting.say(f"the board's log has this objection, as entry {entry}")
        except (PeerError, UnavailableError) as error:
            self._setting.say(f"the board does not take the objection ({error}): say it in public; {path} is signed")
        self._objected = (*self._objected, name)
        self._file.write(self._watched())


async def follow(setting: WatchSetting, group: Group) -> None:
    """Watch until the election is closed or abandoned. Raises `PeerError` for a lie of the board."""
    opened, credentials = await _load(setting, group)
    follower = LogFollower(setting, opened, credentials)
    told = ""
    while True:
        try:
            await follower.look()
            line = f"{follower.told()}; the election is {follower.phase.value}"
        except UnavailableError as error:
            line = f"{error}; trying again"
        if line != told:
            setting.say(line)
        told = line
        if follower.phase not in (Phase.FROZEN, Phase.OPEN):
            return
        await setting.pause()


async def _load(setting: WatchSetting, group: Group) -> tuple[OpenedRecord, CredentialList]:
    make_directory(setting.published)
    record = await setting.board.get("/v1/record")
    opened = opened_record(record, group)
    write_atomically(setting.published / RECORD, record, mode=PUBLIC_FILE)
    path = setting.published / CREDENTIALS
    if not path.exists():
        write_atomically(path, await setting.board.get("/v1/credentials"), mode=PUBLIC_FILE)
    credentials = CredentialList(path.read_bytes(), group.element_bytes)
    if credentials.root != bytes(opened.election.credential_root):
        raise LieError("the list of credentials is not the one whose root is in the record")
    return opened, credentials


async def object_in_public(board: PublicBoard, group: Group, key: PartyKey, reason: str, now_s: float) -> int:
    """Write an objection into the log of a board; return the index of its entry. Raises `PeerError` if it refuses."""
    opened = opened_record(await board.get("/v1/record"), group)
    entry = await board.announce(EntryKind.OBJECTION, sign_objection(opened, key, reason, now_s))
    if not isinstance(entry, int):
        raise PeerError("the board wants files for an objection, which has none")
    return entry


def sign_objection(opened: OpenedRecord, key: PartyKey, reason: str, now_s: float) -> bytes:
    """Return the body of an entry in which a trustee objects. `now_s`: Unix seconds. Raises `FormatError`."""
    statement = TrusteeObjection(
        fingerprint=Hex(opened.fingerprint), trustee=number_of(opened, key), at_s=int(now_s), reason=reason
    )
    return sign_statement(statement, key)


def number_of(opened: OpenedRecord, key: PartyKey) -> int:
    """Return the number of the trustee whose key this is, from 1. Raises `PeerError` if it is none."""
    identities = [bytes(each.identity) for each in opened.election.trustees]
    if key.identity not in identities:
        raise PeerError("this trustee is not one of the election's on that board")
    return identities.index(key.identity) + 1


def _write_at(path: Path, offset: int, content: bytes) -> None:
    """Write what follows the first `offset` bytes of a file, in place of what `fetch` may have put there meanwhile."""
    try:
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise file_error(error, f"{path}: cannot be written") from error
