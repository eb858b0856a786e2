from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from tests.worlds.vote_commands import VoteCommands
from votes.cli.outside import VoteOutside
from votes.cli.voters.given_code import ASKED, code_of_voter, without_code
from votes.credentials.codes import CodeError, code_of, shown_code

CODE = shown_code(code_of(bytes(range(15))))


class Became:
    """A process that would be replaced. `by`: the command lines."""

    def __init__(self, *command: str) -> None:
        self.by: list[Sequence[str]] = []
        self.outside = VoteOutside(
            rng=random.Random(1),
            now_s=lambda: 0.0,
            pause=lambda _: None,
            perform=lambda _: None,
            command=command,
            become=self.by.append,
        )


def test_a_code_on_the_command_line_is_handed_on_by_a_pipe() -> None:
    process = Became("python", "loopixmix", "vote", CODE, "--invitation", "ada.txt")
    assert code_of_voter(CODE, None, process.outside) == CODE
    [command] = process.by
    assert command[:4] == ["python", "loopixmix", "vote", ASKED]
    assert command[-2:] == ["--invitation", "ada.txt"]
    assert not any(CODE in word for word in command)
    # The new process reads it as any other file.
    handed = Path(command[command.index("--code-file") + 1])
    assert code_of_voter(ASKED, handed, process.outside) == CODE


def test_a_code_that_stands_twice_is_hidden_twice() -> None:
    hidden = without_code(["python", "x", "vote", "cast", "--invitation", CODE, CODE], CODE, 7)
    assert hidden == ["python", "x", "vote", "cast", "--invitation", ASKED, "--code-file", "/dev/fd/7", ASKED]


def test_a_process_without_the_code_on_its_command_line_stays() -> None:
    process = Became("pytest")
    assert code_of_voter(CODE, None, process.outside) == CODE
    assert process.by == []


def test_a_mistyped_code_is_told_without_being_repeated(tmp_path: Path) -> None:
    process = Became("python", "loopixmix", "vote", CODE[:-1] + "0")
    with pytest.raises(CodeError) as told:
        code_of_voter(CODE[:-1] + "0", None, process.outside)
    assert CODE[:5] not in str(told.value)
    assert process.by == []


def test_a_code_file_has_it_in_its_first_line(tmp_path: Path) -> None:
    outside, file = Became().outside, tmp_path / "code"
    file.write_text(f" {CODE.lower()}\nanything else\n")
    assert code_of_voter(ASKED, file, outside) == CODE.lower()
    with pytest.raises(MisuseError, match="given twice"):
        code_of_voter(CODE, file, outside)
    for wrong in ("", "\n", "A" * 300):
        file.write_text(wrong)
        with pytest.raises(MisuseError, match="no code in the first line"):
            code_of_voter(ASKED, file, outside)
    with pytest.raises(MisuseError, match="cannot be read"):
        code_of_voter(ASKED, tmp_path / "away", outside)


def test_every_way_to_leave_it_out_asks(tmp_path: Path) -> None:
    commands = VoteCommands(tmp_path)
    for words in (("--invitation", "x"), ("-", "--invitation", "x"), ("cast", "--invitation", "x")):
        assert "mistyped" in commands.refused(*words, given=f"{CODE[:-1]}0\n")
        # The code is right, and the invitation is not.
        assert "invitation" in commands.refused(*words, given=f"{CODE}\n")
