"""The commands about analysts, on a directory."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from loopixmix.errors import LoopixmixError
from stats.analysts.opening import ANALYSTS_FILE, open_book
from stats.analysts.rights import AnalystRight
from stats.main import stats
from tests.worlds.stats_dashboard import NOW_S


class Operator:
    """Somebody who types commands about the analysts of one collector."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def types(self, command: str, *arguments: str) -> str:
        """Run a command, and return what it says; raise what it raises."""
        typed = ["analyst", command, str(self.directory), *arguments]
        result = CliRunner().invoke(stats, typed, catch_exceptions=False)
        return result.output.strip()


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_an_analyst_is_added_listed_changed_and_removed(operator: Operator) -> None:
    password = operator.types("add", "ada", "--rights", "see,export")
    book = open_book(operator.directory, rng=random.Random(1), now_s=lambda: NOW_S)
    found = book.check("ada", password)
    assert found is not None
    assert found.rights == {AnalystRight.SEE, AnalystRight.EXPORT}
    operator.types("rights", "ada", "spend")
    renewed = operator.types("password", "ada")
    token = operator.types("token", "ada", "--label", "notebook", "--days", "3")
    assert book.check("ada", password) is None
    assert book.check("ada", renewed) is not None
    [listed] = json.loads(operator.types("list", "--json"))
    assert (listed["name"], listed["rights"], listed["tokens"][0]["label"]) == ("ada", "spend", "notebook")
    shown = operator.types("list")
    assert "ada: spend, since 20" in shown
    assert "token notebook, until 20" in shown
    assert token not in shown
    operator.types("token", "ada", "--label", "notebook", "--remove")
    assert "notebook" not in operator.types("list")
    operator.types("remove", "ada")
    assert operator.types("list", "--json") == "[]"
    book.close()


def test_what_was_done_is_shown(operator: Operator) -> None:
    operator.types("add", "ada")
    book = open_book(operator.directory, rng=random.Random(1), now_s=lambda: NOW_S)
    [ada] = book.all()
    book.record(ada, "export", "survey 12", "40 rows")
    book.close()
    assert operator.types("record") == "2027-01-15T08:00:00Z  ada  export  survey 12  40 rows"
    assert json.loads(operator.types("record", "--json")) == [
        {"at": "2027-01-15T08:00:00Z", "analyst": "ada", "did": "export", "with": "survey 12", "how_much": "40 rows"}
    ]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("add", "Ada"), "the name of an analyst has"),
        (("add", "ada", "--rights", "rule"), "'rule' is no right of an analyst"),
        (("rights", "eve", "see"), "there is no analyst 'eve'"),
        (("token", "eve"), "there is no analyst 'eve'"),
        (("remove", "eve"), "there is no analyst 'eve'"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(operator: Operator, typed: tuple[str, ...], words: str) -> None:
    with pytest.raises(LoopixmixError, match=words):
        operator.types(*typed)


def test_others_cannot_read_the_book_and_no_directory_is_made(operator: Operator, tmp_path: Path) -> None:
    operator.types("add", "ada")
    assert (tmp_path / ANALYSTS_FILE).stat().st_mode & 0o077 == 0
    with pytest.raises(LoopixmixError, match="there is no such directory"):
        Operator(tmp_path / "nowhere").types("list")
