from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.testing import wait_for
from loopixmix.errors import FormatError, PeerError, UnavailableError
from tests.worlds.elections import CLOSES_AT
from tests.worlds.public_faces import FaceInMemory
from tests.worlds.voting import GROUP, VotingWorld
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.cli.folder import FolderElection
from votes.credentials.listing import CredentialList
from votes.public.fetching import fetch
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.heads import ForkedBoardError
from votes.record.phases import Phase
from votes.record.signing import PartyKey
from votes.record.statements import sign_statement
from votes.record.trustees import TrusteeObjection
from votes.shuffle.chunks import Unwatched
from votes.trustees.directory import TrusteeDirectory
from votes.verify.opened import opened_record
from votes.verify.published import CREDENTIALS, ENTRIES, HEAD
from votes.verify.verifier import Verification
from votes.watching import ballots, following
from votes.watching.following import LogFollower, WatchSetting, follow, object_in_public
from votes.watching.progress import WatchFile
from votes.watching.times import TOLERANCE_S

CHOICES = (ChosenOptions(frozenset({1})), YesOrNo(True))


class Watcher:
    """Trustee 2 at the public face of a board; each pause lets the next step of `script` happen."""

    def __init__(self, path: Path) -> None:
        self.world = VotingWorld(path)
        (path / CREDENTIALS).write_bytes(self.world.list.data)
        self.face = FaceInMemory(self.world.board, path, self.world.clock)
        self.directory, self.published = path / "trustee", path / "published"
        TrusteeDirectory.create(self.directory, random.Random(1))
        self.said: list[str] = []
        self.clock_off_s = 0.0
        self.script: list[object] = []

    async def pause(self) -> None:
        if not self.script:
            raise KeyboardInterrupt
        step = self.script.pop(0)
        assert callable(step)
        step()

    @property
    def setting(self) -> WatchSetting:
        return WatchSetting(
            self.face.public,
            self.directory,
            self.published,
            self.world.world.keys.trustees[1],
            self.said.append,
            self.pause,
            lambda: self.world.clock.seconds() + self.clock_off_s,
        )

    def watch(self) -> None:
        self.face.run(follow(self.setting, GROUP))

    def follower(self) -> LogFollower:
        world = self.world.world
        self.published.mkdir(exist_ok=True)
        return LogFollower(
            self.setting, opened_record(world.record, GROUP), CredentialList(self.world.list.data, GROUP.element_bytes)
        )

    def look(self, follower: LogFollower) -> None:
        self.face.run(follower.look())

    def vote(self, number: int) -> None:
        """Let a voter cast, and wait until the board has the ballot."""
        client, booth, size = self.world.client(f"voter-{number}"), self.world.booth(number), self.world.board.log.size
        wait_for(
            booth.cast(booth.prepare(CHOICES), self.world.questions(client), self.world.clock.seconds()),
            self.world.clock,
        )
        while self.world.board.log.size == size:
            self.world.clock.advance(300)

    def close(self) -> None:
        self.world.clock.advance(CLOSES_AT - self.world.clock.seconds())
        self.world.board.advance()


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    made = Watcher(tmp_path)
    yield made
    made.world.close()


def test_a_trustee_watches_until_the_election_closes(watcher: Watcher) -> None:
    watcher.script = [lambda: watcher.vote(0), lambda: watcher.vote(1), watcher.close]
    watcher.watch()
    assert watcher.said == [
        "5 entries with 0 ballots are checked; the election is open",
        "6 entries with 1 ballots are checked; the election is open",
        "7 entries with 2 ballots are checked; the election is open",
        "8 entries with 2 ballots are checked; the election is closed",
    ]
    fingerprint = watcher.world.world.fingerprint
    watched = WatchFile(watcher.directory, fingerprint).read()
    verification = Verification(FolderElection(watcher.published), GROUP, Unwatched(), seen=watched.seen)
    verification.record()
    verification.list_of_credentials()
    assert verification.entries() == "8 entries, closed"
    assert verification.ballots() == "2 count of 2"


def test_stopped_it_goes_on_where_it_was(watcher: Watcher) -> None:
    watcher.script = [lambda: watcher.vote(0)]
    with pytest.raises(KeyboardInterrupt):
        watcher.watch()
    watcher.said.clear()
    watcher.script = [watcher.close]
    watcher.watch()
    assert watcher.said[0] == "6 entries with 1 ballots are checked; the election is open"


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_killed_in_the_middle_of_writing_it_loads_the_rest_again(watcher: Watcher, cut: int) -> None:
    watcher.vote(0)
    watcher.look(watcher.follower())
    path = watcher.published / ENTRIES
    whole = path.read_bytes()
    # Killed between the log and the note how far it is, and in the middle of the log.
    WatchFile(watcher.directory, watcher.world.world.fingerprint).path.unlink()
    path.write_bytes(whole[:-cut])
    again = watcher.follower()
    watcher.look(again)
    assert path.read_bytes() == whole
    assert again.told() == "6 entries with 1 ballots are checked"


@pytest.mark.parametrize("part_bytes", [100, following.PART_BYTES])
def test_long_logs_are_loaded_and_checked_in_parts(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch, part_bytes: int
) -> None:
    watcher.vote(0)
    watcher.vote(1)
    monkeypatch.setattr(following, "PART_BYTES", part_bytes)
    monkeypatch.setattr(ballots, "BATCH", 1)
    follower = watcher.follower()
    watcher.look(follower)
    assert follower.told() == "7 entries with 2 ballots are checked"
    assert watcher.follower().told() == follower.told()


def test_what_fetch_loads_meanwhile_does_no_harm(watcher: Watcher) -> None:
    follower = watcher.follower()
    watcher.look(follower)
    watcher.vote(0)
    watcher.face.run(fetch(watcher.face.public, watcher.published, GROUP, watcher.said.append))
    whole = (watcher.published / ENTRIES).read_bytes()
    watcher.look(follower)
    assert (watcher.published / ENTRIES).read_bytes() == whole
    assert watcher.follower().told() == follower.told() == "6 entries with 1 ballots are checked"


def test_a_board_that_gives_less_than_it_signed_is_asked_again_and_not_for_ever(watcher: Watcher) -> None:
    watcher.vote(0)
    entries = watcher.world.path / "entries"
    whole = entries.read_bytes()
    entries.write_bytes(whole[:-1])
    follower = watcher.follower()
    for _ in range(following.MOST_BEHIND):
        with pytest.raises(UnavailableError, match="the board signed 6 entries, and gives 5"):
            watcher.look(follower)
    with pytest.raises(PeerError, match="the board signed 6 entries, and gives 5"):
        watcher.look(follower)
    entries.write_bytes(whole)
    watcher.look(follower)
    assert follower.told() == "6 entries with 1 ballots are checked"


def test_a_log_that_is_rewritten_ends_the_watch(watcher: Watcher) -> None:
    watcher.vote(0)
    watcher.look(watcher.follower())
    entries = bytearray((watcher.published / ENTRIES).read_bytes())
    # Another last ballot than that which the board has now.
    WatchFile(watcher.directory, watcher.world.world.fingerprint).path.unlink()
    (watcher.published / ENTRIES).write_bytes(entries[:-1] + bytes([entries[-1] ^ 1]))
    with pytest.raises(ForkedBoardError, match="gives 6 others"):
        watcher.look(watcher.follower())


def test_a_board_that_closes_early_is_named_in_its_own_log(watcher: Watcher) -> None:
    watcher.close()
    watcher.clock_off_s = -3600
    watcher.watch()
    assert "it was to close at 2027-01-16 08:00:00 UTC" in watcher.said[0]
    assert watcher.said[1] == "the board's log has this objection, as entry 6"
    [objection] = watcher.world.board.standing.objections
    assert (objection.trustee, objection.at_s) == (2, CLOSES_AT - 3600)
    assert (watcher.directory / "objection-early-closing").exists()
    # Once is enough.
    watcher.watch()
    assert len(watcher.world.board.standing.objections) == 1


def test_a_board_that_does_not_close_is_named(watcher: Watcher) -> None:
    watcher.clock_off_s = CLOSES_AT + TOLERANCE_S + 1 - watcher.world.clock.seconds()
    follower = watcher.follower()
    watcher.look(follower)
    assert follower.phase is Phase.OPEN
    assert "the board is open at" in watcher.said[0]
    assert len(watcher.world.board.standing.objections) == 1


def test_a_board_that_takes_no_objection_is_told_elsewhere(watcher: Watcher) -> None:
    world = watcher.world
    for number in range(8):
        watcher.face.run(watcher.face.public.announce(EntryKind.OBJECTION, objection(watcher, number)))
    world.board.advance()
    watcher.clock_off_s = CLOSES_AT + TOLERANCE_S + 1 - world.clock.seconds()
    watcher.look(watcher.follower())
    assert "say it in public" in watcher.said[-1]


def objection(watcher: Watcher, number: int) -> bytes:
    statement = TrusteeObjection(
        fingerprint=Hex(watcher.world.world.fingerprint), trustee=2, at_s=number, reason="something else"
    )
    return sign_statement(statement, watcher.world.world.keys.trustees[1])


def test_a_trustee_objects_in_public(watcher: Watcher) -> None:
    key = watcher.world.world.keys.trustees[2]
    objecting = object_in_public(watcher.face.public, GROUP, key, "the key is another one", 1_800_000_500.9)
    assert watcher.face.run(objecting) == 5
    [told] = watcher.world.board.standing.objections
    assert (told.trustee, told.at_s, told.reason) == (3, 1_800_000_500, "the key is another one")
    with pytest.raises(FormatError, match="reason has 0 characters"):
        watcher.face.run(object_in_public(watcher.face.public, GROUP, key, "", 0.0))


def test_who_is_no_trustee_watches_nothing(watcher: Watcher) -> None:
    stranger = WatchSetting(
        watcher.face.public,
        watcher.directory,
        watcher.published,
        PartyKey(bytes(32)),
        watcher.said.append,
        watcher.pause,
        watcher.world.clock.seconds,
    )
    with pytest.raises(PeerError, match="not one of the election's"):
        watcher.face.run(follow(stranger, GROUP))


def test_the_head_is_kept_beside_the_log(watcher: Watcher) -> None:
    watcher.look(watcher.follower())
    assert (watcher.published / HEAD).read_bytes() == watcher.world.board.head().encode()
