"""`loopixmix vote credentials`."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loopixmix.errors import MisuseError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import ERASED_BY, changed, new_election
from votes.cli.credentials import credentials
from votes.cli.outside import VoteOutside
from votes.record.canonical import Hex
from votes.record.election import ElectionParty, encode_election
from votes.record.fingerprint import fingerprint_of, shown
from votes.record.statements import ErasureStatement, open_statement

VOTERS = "id,name\n1,Ada\n2,Ben\n3,Cleo\n"


class Authority:
    """An operator at the command line."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.directory = place / "authority"
        self.now_s = 1.79e9
        self.rng = random.Random(99)

    def run(self, *arguments: str | Path) -> Result:
        outside = VoteOutside(
            rng=self.rng,
            now_s=lambda: self.now_s,
            pause=lambda _: None,
            perform=lambda _: None,
            command=(),
            become=lambda _: None,
        )
        return CliRunner().invoke(credentials, list(map(str, arguments)), obj=outside)

    def told(self, command: str, *arguments: str | Path) -> str:
        result = self.run(command, self.directory, *arguments)
        assert result.exit_code == 0, result.exception
        return result.output

    def refused(self, command: str, *arguments: str | Path) -> str:
        result = self.run(command, self.directory, *arguments)
        assert isinstance(result.exception, MisuseError), result.exception
        return str(result.exception)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.place / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def operator(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_an_authority_does_its_work_from_voters_to_erasure(operator: Authority) -> None:
    made = json.loads(operator.told("init", "--name", "Credentials"))
    assert operator.told("voters", operator.file("voters.csv", VOTERS)).startswith("3 voters")
    facts = json.loads(operator.told("draw"))
    party = ElectionParty(name=made["name"], identity=Hex(bytes.fromhex(made["identity"])))
    election = changed(
        new_election(ristretto255()).election,
        voters=facts["voters"],
        credential_root=Hex(bytes.fromhex(facts["credential_root"])),
        salt=Hex(bytes.fromhex(facts["salt"])),
        credential_authority=party,
    )
    record = encode_election(election)
    draft = operator.file("draft.json", encode_election(changed(election, key_commitments=())))
    operator.told("sign", draft, operator.place / "listed.statement")
    assert (operator.place / "listed.statement").exists()
    told = json.loads(operator.told("freeze", operator.file("record.json", record), "--json"))
    assert told == {"fingerprint": shown(fingerprint_of(record))}
    assert shown(fingerprint_of(record)) in operator.told("freeze", operator.file("record.json", record))
    operator.told("invitations", operator.place / "invitations.csv")
    with (operator.place / "invitations.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["Ada", "Ben", "Cleo"]
    operator.told("reminders", operator.place / "reminders.csv")
    assert operator.told("exclude", "2", "--reason", "two votes").startswith("credential ")
    assert "have to be erased by 22 January 2027, 06:40 UTC" in operator.told("status")
    operator.now_s = ERASED_BY + 1
    assert "OVERDUE" in operator.told("status")
    operator.told("erase", operator.place / "erased.statement")
    statement = (operator.place / "erased.statement").read_bytes()
    opened = open_statement(statement, ErasureStatement, lambda _: party.identity)
    assert opened.at_s == ERASED_BY + 1
    told = json.loads(operator.told("status", "--json"))
    assert (told["erased"], told["overdue"], told["voters"], told["removed"]) == (True, False, 3, 1)


def test_all_faults_of_a_file_are_printed_and_nothing_is_taken(operator: Authority) -> None:
    operator.told("init", "--name", "Credentials")
    result = operator.run("voters", operator.directory, operator.file("bad.csv", "id,name\n1\n1,Ada\n1,Ben\n"))
    assert isinstance(result.exception, MisuseError)
    assert "bad.csv: line 2: has 1 fields; the first line has 2" in result.output
    assert "bad.csv: line 4: id '1' stands in line 3 already" in result.output
    assert "there are no voters yet" in operator.refused("draw")


def test_a_lost_code_is_replaced(operator: Authority) -> None:
    operator.told("init", "--name", "Credentials")
    operator.told("voters", operator.file("voters.csv", VOTERS))
    assert "draw the codes first" in operator.refused("renew", "2")
    root = json.loads(operator.told("draw"))["credential_root"]
    assert len(operator.told("renew", "2").strip()) == 29
    assert json.loads(operator.told("draw"))["credential_root"] != root
    assert operator.told("exclude", "2", "--reason", "moved away") == "taken out; the list has changed\n"
    assert "not frozen yet" in operator.told("status")
    assert json.loads(operator.told("draw"))["voters"] == 2


def test_an_empty_folder_is_no_authority(operator: Authority) -> None:
    assert "init" in operator.refused("status")
