"""WHERE means what SQL means by it, on scaled and rounded numbers too."""

from __future__ import annotations

import pytest

from stats.central.asking.parsing import parse_question
from stats.central.asking.questions import DataQuestionError
from stats.central.datasets import DataSets
from tests.worlds.stats.data_sets import TERMS, NoNoise, people, people_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSets:
    return people_data(tmp_path_factory.mktemp("data"), NoNoise())


ROWS = people()
AGES = [int(row["age"]) for row in ROWS]
PAYS = [float(row["pay"]) for row in ROWS]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("age >= 40", sum(age >= 40 for age in AGES)),
        ("age > 40", sum(age > 40 for age in AGES)),
        ("age < 40.5", sum(age < 40.5 for age in AGES)),
        ("age <= 39.5", sum(age <= 39.5 for age in AGES)),
        ("40 <= age", sum(age >= 40 for age in AGES)),
        ("age = 40", AGES.count(40)),
        ("age = 40.5", 0),
        ("age <> 40", 500 - AGES.count(40)),
        ("age IN (40, 41)", AGES.count(40) + AGES.count(41)),
        ("age BETWEEN 30 AND 39.9", sum(30 <= age <= 39.9 for age in AGES)),
        ("pay < 0", sum(pay < 0 for pay in PAYS)),
        ("pay >= -12.34", sum(pay >= -12.34 for pay in PAYS)),
        ("pay > 100.005", sum(pay > 100.005 for pay in PAYS)),
        ("age > 999999999999", 0),
        ("sex = 'f'", sum(row["sex"] == "f" for row in ROWS)),
        ("sex <> 'f'", sum(row["sex"] != "f" for row in ROWS)),
        ("sex IN ('f', 'other')", sum(row["sex"] in "fx" for row in ROWS)),
        ("sex NOT IN ('f', 'm')", sum(row["sex"] == "x" for row in ROWS)),
        ("town = 'O''Fallon'", sum(row["town"] == "O'Fallon" for row in ROWS)),
        ("town = 'nowhere'' OR ''1'' = ''1'", 0),
        ("'Ulm' = town", sum(row["town"] == "Ulm" for row in ROWS)),
        ("NOT (age > 40 OR pay < 100)", sum(not (a > 40 or p < 100) for a, p in zip(AGES, PAYS, strict=True))),
        ("age > 40 AND pay < 100", sum(a > 40 and p < 100 for a, p in zip(AGES, PAYS, strict=True))),
    ],
)
def test_rows_are_chosen_as_sql_would(data: DataSets, where: str, expected: int) -> None:
    question = f"SELECT count(*) FROM people WHERE {where}"
    [row] = data.ask("people", question, "eva", "0.001").rows
    assert row.values[0].value == expected


@pytest.mark.parametrize(
    "where",
    [
        *("age", "1 = 1", "TRUE", "age > pay", "age + 1 > 3", "age > 'x'", "abs(age) > 3", "age IS NULL", "sex > 'f'"),
        *(
            "sex LIKE 'f%'",
            "town LIKE '%'",
            "sex = 'q'",
            "nothing = 3",
            "nothing BETWEEN 1 AND 2",
            "sex BETWEEN 1 AND 2",
        ),
        *("age IN (SELECT age FROM people)", "EXISTS (SELECT 1)", "age > 1e3", "age > 1e999999999", "age > 0x10"),
        *("age > 1234567890123", "CASE WHEN age > 3 THEN TRUE END", "people.age > 3", "age::text = '3'", "age > ?"),
        *("random() < 0.5", "age IN ()", "town ~ 'x'", "age > $1", "NOT", "town = lower('ULM')", "sex = NULL"),
        *("(age, pay) = (1, 2)", "age > ALL (SELECT 1)", "age[1] = 2", "town = 'a' 'b'", "age > - - 3 + 1"),
    ],
)
def test_everything_else_is_refused(where: str) -> None:
    with pytest.raises(DataQuestionError):
        parse_question(f"SELECT count(*) FROM people WHERE {where}", "people", TERMS)
