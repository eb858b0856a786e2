from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopixmix.group.ristretto import ristretto255
from tests.worlds.plans import filled_plan
from tests.worlds.vote_commands import VoteCommands
from votes.administration.folder import PLAN, RECORD
from votes.record.fingerprint import fingerprint_of, shown
from votes.record.rules.reading import decode_election


@pytest.fixture
def commands(tmp_path: Path) -> VoteCommands:
    return VoteCommands(tmp_path)


def test_from_a_plan_to_a_record(commands: VoteCommands) -> None:
    admin, place, words = commands.path / "admin", commands.path / "place", commands.path / "words"
    words.write_text("correct horse battery\n")
    trustees = [commands.path / name for name in ("Ada", "Ben")]
    assert "now write" in commands.good("admin", "init", admin)
    lines = [json.loads(commands.good("trustee", "init", each, "--name", each.name)) for each in trustees]
    (admin / PLAN).write_text(filled_plan(lines))
    assert "each trustee (Ada, Ben) runs" in commands.good("admin", "draft", admin, place)
    assert "have not made the key" in commands.refused("admin", "freeze", admin, place)
    for _ in range(4):
        for each in trustees:
            commands.run("trustee", "make-key", each, place, "--no-wait")
    for each in trustees:
        commands.good(
            "trustee", "backup", each, place, commands.path / f"{each.name}.backup", "--passphrase-file", words
        )
    told = json.loads(commands.good("admin", "freeze", admin, place, "--json"))
    record = (admin / RECORD).read_bytes()
    assert told == {"record": str(admin / RECORD), "fingerprint": shown(fingerprint_of(record))}
    assert decode_election(record, ristretto255()).threshold == 2


def test_a_draft_that_the_credential_authority_did_not_sign_is_not_frozen(commands: VoteCommands) -> None:
    admin, register, place = (commands.path / name for name in ("admin", "register", "place"))
    voters, listed = commands.path / "voters.csv", commands.path / "listed"
    voters.write_text("id\n1\n2\n")
    commands.good("admin", "init", admin)
    card = json.loads(commands.good("credentials", "init", register, "--name", "Registry"))
    commands.good("credentials", "voters", register, voters)
    plan = filled_plan(credentials=json.loads(commands.good("credentials", "draw", register).splitlines()[-1]))
    before, authority, rest = plan.partition('[credential_authority]\nname = "Registry"\n')
    _, _, rest = rest.partition("\n")
    (admin / PLAN).write_text(f'{before}{authority}identity = "{card["identity"]}"\n{rest}')
    commands.good("admin", "draft", admin, place)
    commands.good("credentials", "sign", register, place / "draft.json", listed)
    assert "have not made the key" in commands.refused("admin", "freeze", admin, place, "--listed", listed)
    listed.write_bytes(listed.read_bytes()[:-1] + b" ")
    assert "did not sign this draft" in commands.refused("admin", "freeze", admin, place, "--listed", listed)


def test_a_draft_that_trustees_work_on_is_not_replaced(commands: VoteCommands) -> None:
    admin, place, trustee = commands.path / "admin", commands.path / "place", commands.path / "Ada"
    commands.good("admin", "init", admin)
    line = json.loads(commands.good("trustee", "init", trustee, "--name", "Ada"))
    other = json.loads(commands.good("trustee", "init", commands.path / "Ben", "--name", "Ben"))
    (admin / PLAN).write_text(filled_plan([line, other]))
    commands.good("admin", "draft", admin, place)
    commands.good("admin", "draft", admin, place)
    commands.run("trustee", "make-key", trustee, place, "--no-wait")
    (admin / PLAN).write_text(filled_plan([line, other]).replace("garden club", "chess club"))
    assert "begun with another draft" in commands.refused("admin", "draft", admin, place)


def test_the_plan_is_named_with_its_mistakes(commands: VoteCommands) -> None:
    admin = commands.path / "admin"
    commands.good("admin", "init", admin)
    assert f"{admin / PLAN}: the plan of the election" in commands.refused("admin", "draft", admin, commands.path / "p")


def test_help_names_every_command(commands: VoteCommands) -> None:
    told = commands.good("--help")
    assert "admin" in told
    assert "trustee" in told


def test_a_survey_begins_with_a_plan_of_its_own(commands: VoteCommands) -> None:
    commands.good("admin", "init", commands.path / "admin", "--survey")
    assert 'method = "counts"' in (commands.path / "admin" / PLAN).read_text()
