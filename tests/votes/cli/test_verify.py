from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from loopixmix.process.files import create_secret, make_directory
from tests.worlds.election_folders import write_published
from tests.worlds.elections import CLOSES_AT
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.whole_elections import WholeElection
from votes.administration.folder import KEY
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.phases import Phase
from votes.record.statements import ResultAnnouncement, sign_statement
from votes.verify.published import RESULT, announcement_of


class Election:
    """An election that was held, the folder of what was published, and the commands."""

    def __init__(self, path: Path, *, counts_only: bool = False) -> None:
        self.path = path
        self.commands = VoteCommands(path)
        self.whole = WholeElection(counts_only=counts_only)
        self.whole.vote()
        self.whole.mix()
        self.whole.decrypt()
        self.published = path / "published"
        self.admin = path / "admin"
        make_directory(self.admin)
        create_secret(self.admin / KEY, self.whole.world.keys.administrator.seed)
        self.write()

    def write(self) -> None:
        write_published(self.whole.publish(), self.published)

    def tally(self) -> str:
        """Count, and publish the result."""
        told = self.commands.good("tally", self.admin, self.published, self.path / "out")
        out = self.path / "out"
        self.whole.append(EntryKind.RESULT, (out / announcement_of(RESULT)).read_bytes(), CLOSES_AT)
        self.whole.go_on(Phase.DECRYPTED, Phase.PUBLISHED, CLOSES_AT)
        self.write()
        (self.published / RESULT).write_bytes((out / RESULT).read_bytes())
        return told


@pytest.fixture
def election(tmp_path: Path) -> Election:
    return Election(tmp_path)


def test_the_votes_are_counted_and_the_result_verified(election: Election) -> None:
    told = election.tally()
    assert "Board: Equal: Ada, Ben" in told or "Board: Elected: Ada" in told
    assert {path.name for path in (election.path / "out").iterdir()} >= {
        "result.json",
        "result.json.announcement",
        "figures.csv",
        "choices.csv",
        "result.html",
        "result.pdf",
    }
    shown = election.commands.good("verify", election.published)
    assert shown.count("pass") == 8
    assert "every check passed" in shown


def test_where_only_counts_are_published_it_says_that_the_count_is_not_verified(tmp_path: Path) -> None:
    election = Election(tmp_path, counts_only=True)
    election.tally()
    for share in election.published.glob("polls/*/shares/*"):
        share.unlink()
    shown = election.commands.good("verify", election.published)
    assert "every check that could be made passed; the count itself cannot be verified" in shown
    assert "is that of the ballots" not in shown


def test_for_programs_there_is_a_verdict(election: Election) -> None:
    election.tally()
    result = election.commands.run("verify", election.published, "--json")
    found = json.loads(result.stdout)
    assert found["passed"]
    assert [check["name"] for check in found["checks"]][-1] == "result"


def test_a_false_result_is_found(election: Election) -> None:
    election.tally()
    result = election.published / RESULT
    changed = re.sub(rb'"blank":(\d)', lambda found: b'"blank":%d' % (int(found[1]) + 1), result.read_bytes(), count=1)
    assert changed != result.read_bytes()
    result.write_bytes(changed)
    verified = election.commands.run("verify", election.published)
    assert verified.exit_code == 1
    assert "FAIL  result" in verified.output
    assert "not the file that was announced" in verified.output


def test_a_false_result_that_was_announced_is_found(election: Election) -> None:
    other = WholeElection(seed=3)
    assert other.world.fingerprint == election.whole.world.fingerprint
    election.tally()
    out = election.path / "out"
    changed = (out / RESULT).read_bytes().replace(b'"ballots":4', b'"ballots":5', 1)
    statement = ResultAnnouncement(
        fingerprint=Hex(election.whole.world.fingerprint), result=Hex(hashlib.sha512(changed).digest())
    )
    election.whole.entries = election.whole.entries[:-2]
    body = sign_statement(statement, election.whole.world.keys.administrator)
    election.whole.append(EntryKind.RESULT, body, CLOSES_AT)
    election.write()
    (election.published / RESULT).write_bytes(changed)
    assert "not what the decrypted ballots say" in election.commands.run("verify", election.published).output


def test_an_election_without_a_result_is_told(election: Election) -> None:
    verified = election.commands.run("verify", election.published)
    assert verified.exit_code == 1
    assert "no result was announced yet" in verified.output


def test_nothing_is_counted_that_is_not_verified(election: Election) -> None:
    share = election.published / "polls/board/shares/1"
    share.write_bytes(share.read_bytes()[::-1])
    told = election.commands.refused("tally", election.admin, election.published, election.path / "out")
    assert "shares: polls/board/shares/1 is not the file that was announced" in told
    assert not (election.path / "out").exists()


def test_a_folder_without_an_election_is_told(election: Election, tmp_path: Path) -> None:
    assert "no published election here" in election.commands.refused("verify", tmp_path / "nothing")
