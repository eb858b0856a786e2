"""Questions to a data set: what comes back, what it costs, and what never shows."""

from __future__ import annotations

import logging
from decimal import Decimal as Digits
from pathlib import Path

import msgspec
import pytest

from loopixmix.errors import MisuseError
from stats.central.asking.questions import DataQuestionError
from stats.central.budget import DataSetSpentError
from stats.central.datasets import DataSets
from stats.central.rows import DataAwayError, ParquetFolder
from tests.worlds.stats.data_sets import MARKED, TERMS, NoNoise, ShiftingNoise, people, people_data

ROWS = people()


def test_without_noise_the_answers_are_those_of_the_rows(tmp_path: Path) -> None:
    data = people_data(tmp_path, NoNoise())
    made = data.ask("people", "SELECT count(*), sum(pay), avg(age), median(age) FROM people", "eva")
    ages, pays = [int(row["age"]) for row in ROWS], [float(row["pay"]) for row in ROWS]
    inside = sum(min(max(round(pay, 2), -100), 500) for pay in pays)
    count, total, mean, median = made.rows[0].values
    assert (made.groups, made.measures) == ((), ("count(*)", "sum(pay)", "avg(age)", "median(age)"))
    assert count.value == 500
    assert total.value == pytest.approx(inside)
    assert mean.value == pytest.approx(sum(ages) / 500)
    assert median.low <= sorted(ages)[250] <= median.high
    assert (made.eps, made.delta, made.left.eps) == (Digits(1), Digits(0), Digits(9))


def test_all_declared_groups_are_there_even_without_rows(tmp_path: Path) -> None:
    data = people_data(tmp_path, NoNoise())
    made = data.ask("people", "SELECT sex, count(*), avg(age) FROM people WHERE sex = 'f' GROUP BY sex", "eva")
    assert [row.group for row in made.rows] == [("f",), ("m",), ("other",)]
    assert [row.values[0].value for row in made.rows][1:] == [0, 0]
    assert all(0 <= row.values[1].low <= row.values[1].value <= row.values[1].high <= 120 for row in made.rows)


def test_a_key_of_one_person_is_not_told(tmp_path: Path) -> None:
    data = people_data(tmp_path, NoNoise())
    made = data.ask("people", "SELECT town, count(*), avg(pay), median(age) FROM people GROUP BY town", "eva")
    assert [row.group for row in made.rows] == [("O'Fallon",), ("Ulm",)]
    assert made.delta == Digits("0.000001")
    assert MARKED not in repr(made)


def test_noise_decides_whether_a_key_is_told(tmp_path: Path) -> None:
    data = people_data(tmp_path, ShiftingNoise(1_000))
    assert len(data.ask("people", "SELECT town, count(*) FROM people GROUP BY town", "eva").rows) == 3
    data = people_data(
        tmp_path / "second" if (tmp_path / "second").mkdir() is None else tmp_path, ShiftingNoise(-1_000)
    )
    assert data.ask("people", "SELECT town, count(*) FROM people GROUP BY town", "eva").rows == ()


def test_eps_is_divided_among_what_is_measured(tmp_path: Path) -> None:
    noise = NoNoise()
    question = "SELECT sex, count(*), avg(age), sum(pay), quantile(age, 0.1), median(age) FROM people GROUP BY sex"
    people_data(tmp_path, noise).ask("people", question, "eva", "2")
    # A count, two sums, and the parts of one column: the mean needs the count that is there already.
    assert [float(scale.eps) for scale in noise.scales] == [0.5] * 4
    # The age of a person changes a sum around 60 by 60 years at most, the pay changes its sum by 50,000 cents.
    assert [scale.sensitivity for scale in noise.scales] == [1, 60, 50_000, 1]


def test_noisy_answers_hold_the_truth_as_often_as_they_say(tmp_path: Path) -> None:
    # H0: a 95 % interval, or a longer one. 30 answers with opendp's noise for each of three measures; fewer than 22
    # that hold, in one of them, are a false alarm once in 30,000 runs.
    data, ages = people_data(tmp_path), [int(row["age"]) for row in ROWS]
    held = [0, 0, 0]
    for _ in range(30):
        [row] = data.ask("people", "SELECT count(*), sum(age), avg(age) FROM people", "eva", "0.3").rows
        for place, true in enumerate((500, sum(ages), sum(ages) / 500)):
            held[place] += row.values[place].low <= true <= row.values[place].high
    assert min(held) >= 22


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sex, count(*), sum(pay), avg(pay), avg(age), quantile(pay, 0.9) FROM people GROUP BY sex",
        "SELECT sum(age), median(age) FROM people WHERE age > 30 AND NOT town = 'Ulm'",
        "SELECT avg(pay), count(*) FROM people WHERE sex IN ('f', 'other') OR pay < 0",
    ],
)
def test_one_person_changes_no_number_by_more_than_the_noise_is_for(tmp_path: Path, sql: str) -> None:
    noise = NoNoise()
    (tmp_path / "all").mkdir()
    people_data(tmp_path / "all", noise).ask("people", sql, "eva")
    extreme = {"age": "999", "pay": "-99999", "sex": "x", "town": "Ulm"}
    for place, person in enumerate((ROWS[0], ROWS[3], extreme, {**extreme, "age": "-1", "pay": "1e30", "sex": "f"})):
        (tmp_path / f"{place}").mkdir()
        other = NoNoise()
        people_data(tmp_path / f"{place}", other, rows=[*ROWS, person]).ask("people", sql, "eva")
        assert other.scales == noise.scales
        for scale, before, after in zip(noise.scales, noise.numbers, other.numbers, strict=True):
            assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) <= scale.sensitivity


def test_a_person_with_several_rows_needs_more_noise(tmp_path: Path) -> None:
    sql = "SELECT sex, sum(age), avg(pay), median(age) FROM people GROUP BY sex"
    terms = msgspec.structs.replace(TERMS, person="who", rows_each=3)
    named = [{**row, "who": f"p{place}"} for place, row in enumerate(ROWS)]
    person = [{"age": "200", "pay": "-999", "sex": sex, "town": "Ulm", "who": "q"} for sex in ("f", "m", "f", "x")]
    asked = []
    for place, rows in enumerate((named, [*named, *person])):
        (tmp_path / f"{place}").mkdir()
        asked.append(NoNoise())
        people_data(tmp_path / f"{place}", asked[-1], rows=rows, terms=terms).ask("people", sql, "eva")
    changes = [
        sum(abs(a - b) for a, b in zip(before, after, strict=True))
        for before, after in zip(asked[0].numbers, asked[1].numbers, strict=True)
    ]
    # The person is at the bounds, so that all noise but that of the sum of pay, which may be larger, is just enough.
    assert [scale.sensitivity for scale in asked[1].scales] == [3, 360, 90_000, 3]
    assert changes == [3, 360, 90_000, 3]


def test_keys_are_counted_even_if_nobody_asks_how_many_there_are(tmp_path: Path) -> None:
    made = people_data(tmp_path, NoNoise()).ask("people", "SELECT town, sum(age) FROM people GROUP BY town", "eva")
    assert [row.group for row in made.rows] == [("O'Fallon",), ("Ulm",)]


def test_a_spent_budget_answers_nothing(tmp_path: Path) -> None:
    data = people_data(tmp_path)
    data.ask("people", "SELECT count(*) FROM people", "eva", "9.5")
    with pytest.raises(DataSetSpentError):
        data.ask("people", "SELECT count(*) FROM people", "eva")
    assert data.ask("people", "SELECT count(*) FROM people", "eva", "0.5").left.eps == 0


def test_what_is_refused_costs_nothing(tmp_path: Path) -> None:
    data = people_data(tmp_path)
    for sql, eps in (
        ("SELECT max(age) FROM people", None),
        ("SELECT count(*) FROM people", "nan"),
        ("SELECT count(*) FROM people", "0"),
        ("SELECT count(*) FROM people", "1e9"),
        ("SELECT town, median(age), median(pay) FROM people GROUP BY town, sex", None),
    ):
        with pytest.raises(DataQuestionError):
            data.ask("people", sql, "eva", eps)
    for analyst in ("", "x" * 33):
        with pytest.raises(MisuseError):
            data.ask("people", "SELECT count(*) FROM people", analyst)
    assert data.find("people").left.eps == 10


def test_a_fault_of_the_engine_tells_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = people_data(tmp_path)
    path = ParquetFolder(tmp_path / "data").path("people")
    broken = path.read_bytes()
    path.write_bytes(broken[: len(broken) // 2] + MARKED.encode() + broken[len(broken) // 2 + 30 :])
    with caplog.at_level(logging.DEBUG), pytest.raises(DataAwayError) as refused:
        data.ask("people", "SELECT town, sum(age) FROM people GROUP BY town", "eva")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert MARKED not in caplog.text + str(refused.value)
    assert data.find("people").left.eps == 9


def test_rows_that_are_gone_are_not_charged(tmp_path: Path) -> None:
    data = people_data(tmp_path)
    ParquetFolder(tmp_path / "data").path("people").unlink()
    with pytest.raises(DataAwayError):
        data.ask("people", "SELECT count(*) FROM people", "eva")
    assert data.find("people").left.eps == 10


def test_data_sets_are_listed_with_their_budgets(tmp_path: Path) -> None:
    data: DataSets = people_data(tmp_path)
    [standing] = data.all()
    assert (standing.name, standing.terms.title, standing.left.eps) == ("people", "People", 10)
    with pytest.raises(MisuseError, match="no data set"):
        data.find("nothing")
