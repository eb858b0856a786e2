from __future__ import annotations

from pathlib import Path

from tests.worlds.vote_commands import VoteCommands


def test_the_help_says_what_is_shown(tmp_path: Path) -> None:
    told = VoteCommands(tmp_path).good("demo", "--help")
    assert "cheat, and are caught" in " ".join(told.split())
    assert "--json" in told


def test_one_voter_is_no_election(tmp_path: Path) -> None:
    assert VoteCommands(tmp_path).run("demo", "--voters", 1).exit_code == 2
