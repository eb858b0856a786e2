"""The commands about data sets with central noise, on a directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loopixmix.errors import ConfigError, MisuseError
from stats.central.budget import DataSetSpentError
from stats.central.rows import DataAwayError
from stats.main import stats


class DataOperator:
    """Somebody who types commands about the data sets of one collector."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.terms = directory / "terms.toml"
        self.terms.write_text(CliRunner().invoke(stats, ["data", "terms"], catch_exceptions=False).output)
        self.rows = directory / "homes.csv"
        lines = [f"h{n // 2},{n},{('north', 'south')[n % 2]},Ulm" for n in range(4_000)]
        self.rows.write_text("\n".join(["household,income,region,town", *lines]))

    def types(self, command: str, *arguments: str) -> str:
        """Run a command, and return what it says; raise what it raises."""
        typed = ["data", command, str(self.directory), *arguments]
        return CliRunner().invoke(stats, typed, catch_exceptions=False).output.strip()

    def imports(self) -> str:
        """Import the file."""
        return self.types("import", "homes", str(self.rows), "--terms", str(self.terms))


@pytest.fixture
def operator(tmp_path: Path) -> DataOperator:
    return DataOperator(tmp_path)


def test_a_data_set_is_imported_listed_asked_and_erased(operator: DataOperator) -> None:
    assert operator.imports() == "homes: 4,000 rows; 0 numbers were put into their bounds"
    assert "homes: Survey of households; eps 5 of 5 left; income, region, town" in operator.types("list")
    question = "SELECT region, count(*) FROM homes GROUP BY region"
    shown = operator.types("ask", "homes", question, "--eps", "2")
    assert "region\tcount(*)\t95 % interval\nnorth\t" in shown
    assert "spent eps 2, delta 0; eps 3 left" in shown
    answer = json.loads(operator.types("ask", "homes", "SELECT town, count(*) FROM homes GROUP BY town", "--json"))
    assert answer["left"] == {"eps": "2.9", "delta": "0.0000009", "eps_whole": "5", "delta_whole": "0.000001"}
    [row] = answer["rows"]
    assert row["group"] == {"town": "Ulm"}
    # Noise of scale 30 is beyond 900 once in 10**13 answers.
    assert abs(row["values"]["count(*)"]["value"] - 4_000) < 900
    told = operator.types("budget", "homes")
    assert told.startswith("eps 2.9 of 5 left, delta 0.0000009 of 0.000001")
    assert f"operator: eps 2, delta 0: {question}" in told
    assert operator.types("erase", "homes", "--yes") == "homes: its rows are erased"
    assert operator.types("erase", "homes", "--yes") == "homes: there are no rows"
    with pytest.raises(DataAwayError):
        operator.types("ask", "homes", question)
    left = json.loads(operator.types("budget", "homes", "--json", "--last", "1"))
    assert (left["left"]["eps"], [each["eps"] for each in left["spendings"]]) == ("2.9", ["0.1"])


def test_a_spent_budget_is_one_clear_line(operator: DataOperator) -> None:
    operator.imports()
    with pytest.raises(DataSetSpentError, match=r"needs eps 6 and delta 0, but eps 5 and delta 0\.000001 are left"):
        operator.types("ask", "homes", "SELECT count(*) FROM homes", "--eps", "6")


def test_a_name_is_taken_for_ever_and_its_rows_stay(operator: DataOperator) -> None:
    operator.imports()
    operator.types("ask", "homes", "SELECT count(*) FROM homes", "--eps", "4")
    operator.rows.write_text("household,income,region,town\nh1,1,north,Ulm\n")
    with pytest.raises(MisuseError, match="already"):
        operator.imports()
    shown = json.loads(operator.types("ask", "homes", "SELECT count(*) FROM homes", "--json", "--eps", "1"))
    assert shown["rows"][0]["values"]["count(*)"]["value"] > 3_000


def test_a_refused_file_leaves_the_name_free(operator: DataOperator) -> None:
    good = operator.rows.read_text()
    operator.rows.write_text(good + "\nh9,much,north,Ulm\n")
    with pytest.raises(MisuseError, match="line 4002, income: this is no number"):
        operator.imports()
    operator.rows.write_text(good)
    assert operator.imports().startswith("homes: 4,000 rows")


def test_unsound_terms_are_refused(operator: DataOperator) -> None:
    text = operator.terms.read_text()
    for wrong, words in ((text.replace("lower", "lowr"), "lowr"), (text.replace('"5"', '"five"'), "eps")):
        operator.terms.write_text(wrong)
        with pytest.raises(ConfigError, match=words):
            operator.imports()


def test_json_lists_the_terms(operator: DataOperator) -> None:
    operator.imports()
    [listed] = json.loads(operator.types("list", "--json"))
    assert (listed["name"], listed["left"]["eps"], listed["rows_each"]) == ("homes", "5", 3)
    assert [column["kind"] for column in listed["columns"]] == ["number", "category", "key"]


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="no such directory"):
        CliRunner().invoke(stats, ["data", "list", str(tmp_path / "no")], catch_exceptions=False)
