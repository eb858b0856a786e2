from __future__ import annotations

from pathlib import Path

from tests.worlds.vote_commands import VoteCommands
from votes.main import looks_like_code

CODE = "ABCDE-ABCDE-ABCDE-ABCDE-ABCDE"


def test_help_names_every_role(tmp_path: Path) -> None:
    told = VoteCommands(tmp_path).good("--help")
    for role in ("admin", "credentials", "trustee", "mixer", "cast"):
        assert role in told


def test_a_code_is_a_command(tmp_path: Path) -> None:
    commands = VoteCommands(tmp_path)
    assert "mistyped" in commands.refused(CODE, "--invitation", "x")
    assert "mistyped" in commands.refused("cast", CODE, "--invitation", "x")
    assert "Missing option '--invitation'" in commands.run(CODE).output


def test_a_mistyped_command_is_no_code(tmp_path: Path) -> None:
    assert "No such command 'truste'" in VoteCommands(tmp_path).run("truste").output
    assert looks_like_code(CODE.lower())
    assert not looks_like_code("credentials")
