from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

import msgspec
import pytest

from tests.worlds.election_folders import trustee_folder
from tests.worlds.elections import OPENS_AT, changed, new_election
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.whole_elections import WholeElection
from votes.record.election import encode_election
from votes.record.fingerprint import shown
from votes.trustees.backup import seal_backup
from votes.trustees.directory import TrusteeDirectory
from votes.verify.published import APPROVAL, announcement_of

PASSPHRASE = "correct horse battery"


@cache
def backup_of(number: int) -> bytes:
    """Return the backup of a trustee. It is sealed once: a passphrase takes long to try, as it should."""
    with tempfile.TemporaryDirectory() as folder:
        own = trustee_folder(WholeElection(), number, Path(folder) / "trustee")
        return seal_backup(TrusteeDirectory(own).secrets(), PASSPHRASE, random.Random(number))


class Trustee:
    """Trustee 2 with its folder, its backup and the frozen record."""

    def __init__(self, path: Path) -> None:
        self.election = WholeElection()
        self.commands = VoteCommands(path, now_s=OPENS_AT - 5)
        self.folder = trustee_folder(self.election, 2, path / "trustee")
        self.record, self.backup, self.out = path / "record.json", path / "backup", path / "out"
        self.record.write_bytes(self.election.world.record)
        self.backup.write_bytes(backup_of(2))

    @property
    def words(self) -> tuple[object, ...]:
        return "trustee", "sign-record", self.folder, self.record, self.backup, self.out

    @property
    def signature(self) -> Path:
        return self.out / announcement_of(APPROVAL)


@pytest.fixture
def trustee(tmp_path: Path) -> Trustee:
    return Trustee(tmp_path)


def test_a_trustee_signs_the_record_of_its_key(trustee: Trustee) -> None:
    told = trustee.commands.good(*trustee.words, given=f"{PASSPHRASE}\ny\n")
    for words in ("the key is the one", shown(trustee.election.world.fingerprint), "mixers: Mixer 0, Mixer 1"):
        assert words in told
    assert trustee.signature.read_bytes() == trustee.election.world.approvals()[1]


def test_who_does_not_agree_signs_nothing(trustee: Trustee) -> None:
    assert "not signed" in trustee.commands.refused(*trustee.words, given=f"{PASSPHRASE}\nn\n")
    assert not trustee.signature.exists()


def test_a_key_of_the_administrators_own_is_not_signed(trustee: Trustee) -> None:
    election = trustee.election
    theirs = new_election(election.group, seed=99).election
    frozen = changed(
        election.world.election,
        key_commitments=theirs.key_commitments,
        trustees=tuple(
            msgspec.structs.replace(ours, public_share=other.public_share)
            for ours, other in zip(election.world.election.trustees, theirs.trustees, strict=True)
        ),
    )
    trustee.record.write_bytes(encode_election(frozen))
    told = trustee.commands.refused(*trustee.words, "--yes", given=f"{PASSPHRASE}\n")
    assert "NOT the one that trustee 2 made" in told
    assert not trustee.signature.exists()


def test_without_a_backup_that_opens_nothing_is_signed(trustee: Trustee) -> None:
    assert "passphrase is wrong" in trustee.commands.refused(*trustee.words, "--yes", given="another passphrase\n")
    trustee.backup.write_bytes(backup_of(3))
    told = trustee.commands.refused(*trustee.words, "--yes", given=f"{PASSPHRASE}\n")
    assert "is the backup of another trustee" in told
    assert not trustee.signature.exists()
