"""`loopixmix stats query` and `export`: what they refuse before they ask anybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from loopixmix.errors import LoopixmixError, MisuseError
from stats.main import stats


def refused(*typed: object) -> LoopixmixError:
    result = CliRunner().invoke(stats, [str(word) for word in typed])
    assert isinstance(result.exception, LoopixmixError), result.exception
    return result.exception


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("A" * 43)
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--question", "age"), "name the SURVEY that is asked"),
        (("--sql", "SELECT 1"), "name the SURVEY that is asked"),
        (("0123456789abcdef", "--eps", "1"), "--eps is for a question to a data set"),
    ],
)
def test_options_that_do_not_fit_are_told(token: Path, typed: tuple[str, ...], words: str) -> None:
    error = refused("query", "http://127.0.0.1:8430", *typed, "--token", token)
    assert isinstance(error, MisuseError)
    assert words in str(error)


def test_a_file_of_another_kind_is_refused_before_anything_is_asked(token: Path, tmp_path: Path) -> None:
    error = refused("export", "http://127.0.0.1:8430", "x", tmp_path / "out.xlsx", "--token", token)
    assert "ends in .csv or .parquet" in str(error)
    assert not (tmp_path / "out.xlsx").exists()


def test_both_commands_stand_in_the_help_with_all_options() -> None:
    for command, options in (("query", ("--question", "--sql", "--data-set", "--json")), ("export", ("--reports",))):
        told = CliRunner().invoke(stats, [command, "--help"]).output
        assert all(option in told for option in (*options, "--token"))
