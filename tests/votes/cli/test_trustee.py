from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loopixmix.errors import LoopixmixError
from loopixmix.group.ristretto import ristretto255
from loopixmix.process.files import LockedError
from tests.worlds.elections import changed, new_election
from votes.cli.outside import VoteOutside
from votes.cli.trustee import trustee
from votes.record.canonical import Hex
from votes.record.election import TrusteeParty, encode_election
from votes.trustees.directory import PART, SHARE, TrusteeDirectory

NAMES = ("Ada", "Ben", "Cleo")


class Trustees:
    """Three trustees and the folder where they meet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = path / "meeting"
        self.outside = VoteOutside(
            rng=random.Random(7),
            now_s=lambda: 0.0,
            pause=lambda _: None,
            perform=lambda _: None,
            command=(),
            become=lambda _: None,
        )

    def run(self, *arguments: object, given: str = "") -> Result:
        texts = [str(argument) for argument in arguments]
        return CliRunner().invoke(trustee, texts, obj=self.outside, input=given)

    def good(self, *arguments: object, given: str = "") -> str:
        result = self.run(*arguments, given=given)
        if result.exception is not None:
            raise result.exception
        return result.output

    def refused(self, *arguments: object, given: str = "") -> str:
        result = self.run(*arguments, given=given)
        assert isinstance(result.exception, LoopixmixError)
        return str(result.exception)

    def directory(self, number: int) -> Path:
        return self.path / NAMES[number - 1]

    def init(self) -> None:
        """Make the three, and the draft with their lines in it."""
        cards = [
            json.loads(self.good("init", self.directory(number), "--name", NAMES[number - 1])) for number in (1, 2, 3)
        ]
        parties = tuple(
            TrusteeParty(
                name=card["name"],
                identity=Hex(bytes.fromhex(card["identity"])),
                encryption_key=Hex(bytes.fromhex(card["encryption_key"])),
                public_share=Hex(),
            )
            for card in cards
        )
        election = changed(new_election(ristretto255()).election, trustees=parties, key_commitments=())
        self.place.mkdir()
        (self.place / "draft.json").write_bytes(encode_election(election))

    def make_key(self) -> list[str]:
        """Let each run its command until all have the key; return what they were told last."""
        told = {}
        for _ in range(6):
            for number in (1, 2, 3):
                if not (self.directory(number) / SHARE).exists():
                    result = self.run("make-key", self.directory(number), self.place, "--no-wait")
                    told[number] = result.output or str(result.exception)
        return [told[number] for number in sorted(told)]


@pytest.fixture
def trustees(tmp_path: Path) -> Trustees:
    made = Trustees(tmp_path)
    made.init()
    return made


def test_three_trustees_make_a_key(trustees: Trustees) -> None:
    for told in trustees.make_key():
        assert "the key is made; 2 of 3 trustees decrypt" in told
        assert "vote trustee backup" in told


def test_who_is_awaited_is_named(trustees: Trustees) -> None:
    told = trustees.refused("make-key", trustees.directory(1), trustees.place, "--no-wait")
    assert told == "the key is not made yet: waiting for Ben, Cleo (promise)"


def test_two_programs_never_work_for_one_trustee(trustees: Trustees) -> None:
    """Each would draw a part of its own, where the other has not looked yet."""
    own = trustees.directory(1)
    with TrusteeDirectory(own).lock:
        result = trustees.run("make-key", own, trustees.place, "--no-wait")
    assert isinstance(result.exception, LockedError)
    assert not (own / PART).exists()


def test_a_backup_is_read_again_and_told(trustees: Trustees, tmp_path: Path) -> None:
    trustees.make_key()
    file, words = tmp_path / "backup", tmp_path / "words"
    words.write_text("correct horse battery\n")
    told = trustees.good("backup", trustees.directory(2), trustees.place, file, "--passphrase-file", words)
    assert "the backup opens" in told
    assert any(path.name.startswith("6-trustee-2") for path in (trustees.place / "key").iterdir())
    assert "trustee 2" in trustees.good("check-backup", file, given="correct horse battery\n")
    trustees.good("restore", file, tmp_path / "again", "--passphrase-file", words)
    assert TrusteeDirectory(tmp_path / "again").secrets() == TrusteeDirectory(trustees.directory(2)).secrets()
    assert "is there already" in trustees.refused("backup", trustees.directory(2), trustees.place, file)
    assert "passphrase is wrong" in trustees.refused("check-backup", file, given="something else\n")


def test_no_backup_before_there_is_a_key(trustees: Trustees, tmp_path: Path) -> None:
    assert "not made yet" in trustees.refused("backup", trustees.directory(1), trustees.place, tmp_path / "backup")


def test_a_stranger_is_told_that_it_is_none_of_the_trustees(trustees: Trustees, tmp_path: Path) -> None:
    trustees.good("init", tmp_path / "stranger", "--name", "Dan")
    told = trustees.refused("make-key", tmp_path / "stranger", trustees.place, "--no-wait")
    assert "not one of the election's" in told


def test_a_place_without_a_draft_is_told(trustees: Trustees, tmp_path: Path) -> None:
    told = trustees.refused("make-key", trustees.directory(1), tmp_path / "elsewhere", "--no-wait")
    assert "no draft of an election here" in told


def test_an_empty_passphrase_file_is_told(trustees: Trustees, tmp_path: Path) -> None:
    trustees.make_key()
    (tmp_path / "words").write_text("")
    told = trustees.refused(
        "backup", trustees.directory(1), trustees.place, tmp_path / "b", "--passphrase-file", tmp_path / "words"
    )
    assert "no passphrase in it" in told
