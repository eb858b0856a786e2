from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.testing import wait_for
from loopixmix.errors import MisuseError, PeerError
from loopixmix.process.files import create_secret, make_directory
from tests.worlds.elections import CLOSES_AT
from tests.worlds.public_faces import FaceInMemory
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.voting import GROUP, VotingWorld
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.cli.folder import FolderElection
from votes.public.calls import BoardSaysNoError, MissingPart
from votes.public.fetching import WrongFileError, fetch
from votes.public.submitting import submit
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.phases import Phase, Transition
from votes.record.statements import ErasureStatement, sign_statement
from votes.shuffle.chunks import Unwatched
from votes.verify.published import CREDENTIALS, ENTRIES, mix_files
from votes.verify.verifier import Verification, verify

CHOICES = (ChosenOptions(frozenset({1})), YesOrNo(True))


class Auditor:
    """Somebody with a folder, at the public face of a board whose election is held."""

    def __init__(self, path: Path) -> None:
        self.world = VotingWorld(path)
        self.path = path
        self.folder = path / "published"
        (path / CREDENTIALS).write_bytes(self.world.list.data)
        self.face = FaceInMemory(self.world.board, path, self.world.clock)
        self.said: list[str] = []

    def fetch(self) -> None:
        self.face.run(fetch(self.face.public, self.folder, GROUP, self.said.append))

    def submit(self, out: Path) -> None:
        self.face.run(submit(self.face.public, out, self.said.append))

    def vote(self) -> None:
        world = self.world
        for number in range(3):
            client = world.client(f"voter-{number}")
            booth = world.booth(number)
            wait_for(booth.cast(booth.prepare(CHOICES), world.questions(client), world.clock.seconds()), world.clock)
        while world.clock.seconds() < CLOSES_AT:
            world.clock.advance(600)
        world.board.advance()

    def mixer(self, number: int) -> Path:
        path = self.path / f"mixer-{number}"
        make_directory(path)
        create_secret(path / "identity.key", self.world.world.keys.mixers[number].seed)
        return path

    def go_on(self, before: Phase, after: Phase) -> None:
        statement = Transition(
            fingerprint=Hex(self.world.world.fingerprint), before=before, after=after, at_s=CLOSES_AT, reason=""
        )
        body = sign_statement(statement, self.world.world.keys.administrator)
        self.face.run(self.face.public.announce(EntryKind.TRANSITION, body))


@pytest.fixture
def auditor(tmp_path: Path) -> Iterator[Auditor]:
    made = Auditor(tmp_path)
    yield made
    made.world.close()


def test_mixers_load_shuffle_and_hand_in(auditor: Auditor, tmp_path: Path) -> None:
    auditor.vote()
    commands = VoteCommands(tmp_path)
    for number in range(2):
        auditor.fetch()
        out = tmp_path / f"out-{number}"
        commands.good("mixer", "mix", auditor.mixer(number), auditor.folder, out)
        auditor.submit(out)
        # Handed in a second time, it is there already.
        auditor.submit(out)
    auditor.go_on(Phase.CLOSED, Phase.MIXED)
    auditor.fetch()
    verification = Verification(FolderElection(auditor.folder), GROUP, Unwatched())
    checks = list(verify(verification, lambda _: ""))
    assert [check.name for check in checks if check.passed] == ["record", "credentials", "log", "ballots", "mixes"]
    assert checks[-1].detail == "the election is mixed, and not yet decrypted"


def test_only_what_is_new_is_loaded(auditor: Auditor) -> None:
    auditor.fetch()
    before = (auditor.folder / ENTRIES).read_bytes()
    auditor.vote()
    auditor.fetch()
    after = (auditor.folder / ENTRIES).read_bytes()
    assert after.startswith(before)
    assert len(after) > len(before)
    assert auditor.said[-1] == "3 ballots; the election is closed"
    assert sum("credentials" in line for line in auditor.said) == 1


def test_a_file_that_is_not_the_announced_one_is_refused(auditor: Auditor, tmp_path: Path) -> None:
    auditor.vote()
    auditor.fetch()
    out = tmp_path / "out"
    VoteCommands(tmp_path).good("mixer", "mix", auditor.mixer(0), auditor.folder, out)
    auditor.submit(out)
    for path in (tmp_path / "files").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WrongFileError, match="another file than was announced"):
        auditor.fetch()


def test_a_log_that_was_changed_is_refused(auditor: Auditor) -> None:
    auditor.fetch()
    entries = auditor.folder / ENTRIES
    entries.write_bytes(entries.read_bytes()[:-1] + b"\xff")
    with pytest.raises(PeerError):
        auditor.fetch()


def test_the_erasure_of_the_credential_authority_is_handed_in_as_a_file(auditor: Auditor, tmp_path: Path) -> None:
    world = auditor.world.world
    statement = ErasureStatement(fingerprint=Hex(world.fingerprint), at_s=CLOSES_AT, erased=())
    path = tmp_path / "erasure"
    path.write_bytes(sign_statement(statement, world.keys.credential_authority))
    auditor.submit(path)
    assert auditor.said[-1].endswith("erasure: entry 5 of the board")
    path.write_bytes(b"no statement")
    with pytest.raises(BoardSaysNoError):
        auditor.submit(path)


def test_nothing_to_hand_in_is_told(auditor: Auditor, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MisuseError, match="nothing to hand in"):
        auditor.submit(tmp_path / "empty")


def test_an_announcement_without_its_file_is_told(auditor: Auditor, tmp_path: Path) -> None:
    auditor.vote()
    auditor.fetch()
    out = tmp_path / "out"
    VoteCommands(tmp_path).good("mixer", "mix", auditor.mixer(0), auditor.folder, out)
    (out / mix_files("board", 0)[1]).unlink()
    with pytest.raises(MisuseError, match="not beside it"):
        auditor.submit(out)


def test_a_refusal_is_told_in_the_boards_words(auditor: Auditor) -> None:
    with pytest.raises(BoardSaysNoError, match="/v1/files/00: there is no such file"):
        auditor.face.run(auditor.face.public.get("/v1/files/00"))
    with pytest.raises(BoardSaysNoError):
        auditor.face.run(auditor.face.public.put(MissingPart("00", 0, "00"), 0, b"x"))
    with pytest.raises(BoardSaysNoError):
        auditor.face.run(auditor.face.public.announce(EntryKind.MIX, b"no statement"))
