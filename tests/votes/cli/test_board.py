"""`loopixmix vote board`; running one is in tests/integration/test_board.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.worlds.running import told_by_running
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.voters import Voters
from votes.board.running.directory import LOCK_FILE

VOTERS = Voters()


@pytest.fixture
def commands(tmp_path: Path) -> VoteCommands:
    made = VoteCommands(tmp_path)
    administrator = VOTERS.world.keys.administrator.identity.hex()
    card = json.loads(made.good("board", "init", tmp_path / "board", "--administrator", administrator))
    assert card["name"] == "Board"
    assert len(card["identity"]) == 64
    return made


def test_a_board_is_made_and_its_configuration_checked(commands: VoteCommands) -> None:
    assert "the configuration is good" in commands.good("board", "run", commands.path / "board", "--check-config")
    assert "no board runs here" in commands.refused("board", "status", commands.path / "board")
    assert "there is no such file" in commands.refused("board", "run", commands.path, "--check-config")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('certificate = "none.pem"|key = "none.key"', "none.pem: cannot be read"),
        ('provider_user = "nobody-of-that-name"|', "nobody-of-that-name"),
        (f'socket = "{"s" * 120}"|', "the path of a socket has at most 107 bytes"),
        ("port = 70000|", "port is 70000; allowed is 0 to 65535"),
    ],
)
def test_what_a_board_could_not_run_with_is_refused_by_the_check(commands: VoteCommands, line: str, told: str) -> None:
    config = commands.path / "board" / "board.toml"
    for each in filter(None, line.split("|")):
        key = each.partition(" = ")[0]
        lines = [each if own.startswith(f"{key} = ") else own for own in config.read_text().splitlines()]
        config.write_text("\n".join(lines) + "\n")
    assert told in commands.refused("board", "run", commands.path / "board", "--check-config")


def test_a_board_takes_a_list_of_credentials_that_is_right(commands: VoteCommands) -> None:
    file = commands.path / "credentials.list"
    file.write_bytes(b"".join(VOTERS.credentials))
    told = commands.good("board", "credentials", commands.path / "board", file)
    assert told.startswith("3 credentials; their root is ")
    assert VOTERS.world.election.credential_root.hex() in told
    file.write_bytes(b"".join(VOTERS.credentials) + b"\xff" * 32)
    assert "is no element" in commands.refused("board", "credentials", commands.path / "board", file)


def test_what_a_running_board_says_is_shown(commands: VoteCommands) -> None:
    with told_by_running(commands.path / "board" / LOCK_FILE, {"phase": "open", "entries": 7}):
        assert "entries: 7" in commands.good("board", "status", commands.path / "board")
        assert json.loads(commands.good("board", "status", commands.path / "board", "--json"))["phase"] == "open"
    # It was killed, and left its status behind.
    assert "no board runs here" in commands.refused("board", "status", commands.path / "board")
