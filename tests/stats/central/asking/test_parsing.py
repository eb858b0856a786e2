"""A small part of SELECT is read, and everything else is refused before anything is spent."""

from __future__ import annotations

from contextlib import suppress

import pytest

from stats.central.asking.parsing import parse_question
from stats.central.asking.questions import (
    DataQuestion,
    DataQuestionError,
    NumberMean,
    NumberQuantile,
    NumberRange,
    NumberSum,
    RowCount,
)
from tests.worlds.stats.data_sets import TERMS


def parsed(sql: str) -> DataQuestion:
    return parse_question(sql, "people", TERMS)


def test_all_that_is_measured() -> None:
    question = parsed(
        "select sex, COUNT(*), sum(age), AVG(pay) AS mean_pay, median(age), quantile(pay, 0.9), "
        "quantile_cont(age, 0.25) from people group by sex"
    )
    assert question.groups == ("sex",)
    assert question.measures == (
        RowCount(),
        NumberSum("age"),
        NumberMean("pay"),
        NumberQuantile("age", 0.5),
        NumberQuantile("pay", 0.9),
        NumberQuantile("age", 0.25),
    )
    assert question.names[:4] == ("sex", "count(*)", "sum(age)", "mean_pay")


def test_groups_need_not_be_selected() -> None:
    assert parsed("SELECT count(*) FROM people GROUP BY sex, town").groups == ("sex", "town")


def test_where_is_read() -> None:
    assert parsed("SELECT count(*) FROM people WHERE age >= 18").where == NumberRange("age", 18, None)


@pytest.mark.parametrize(
    "sql",
    [
        # Other statements, and several of them.
        *("DROP TABLE people", "ATTACH 'x.db'", "COPY people TO 'x.csv'", "PRAGMA database_list", "SET threads = 4"),
        *(
            "SELECT count(*) FROM people; SELECT count(*) FROM people",
            "INSTALL httpfs",
            "EXPLAIN SELECT count(*) FROM people",
        ),
        *("SELECT count(*) FROM people UNION SELECT count(*) FROM people", "(SELECT count(*) FROM people)", "", ";"),
        *("WITH a AS (SELECT 1) SELECT count(*) FROM people", "DESCRIBE people", "VALUES (1)", "FROM people"),
        # Other tables, files, functions of tables.
        *("SELECT count(*) FROM other", "SELECT count(*)", "SELECT count(*) FROM people, people", "TABLE people"),
        *("SELECT count(*) FROM read_csv('/etc/passwd')", "SELECT count(*) FROM '/etc/passwd'"),
        *("SELECT count(*) FROM main.people", "SELECT count(*) FROM people AS p", "SELECT count(*) FROM people p"),
        *("SELECT count(*) FROM people JOIN people USING (age)", "SELECT count(*) FROM (SELECT * FROM people)"),
        *("SELECT count(*) FROM people TABLESAMPLE 1%", "SELECT count(*) FROM people CROSS JOIN duckdb_settings()"),
        *("SELECT count(*) FROM range(10)", 'SELECT count(*) FROM "people.csv"'),
        # Measures that would tell a row, or are unbounded.
        *(
            "SELECT * FROM people",
            "SELECT age FROM people",
            "SELECT max(age) FROM people",
            "SELECT min(pay) FROM people",
        ),
        *(
            "SELECT count(DISTINCT age) FROM people",
            "SELECT count(age) FROM people",
            "SELECT sum(age * 1000) FROM people",
        ),
        *("SELECT first(age) FROM people", "SELECT list(age) FROM people", "SELECT string_agg(town) FROM people"),
        *("SELECT sum(DISTINCT age) FROM people", "SELECT count(*) + 1 FROM people", "SELECT avg(sex) FROM people"),
        *("SELECT sum(age) FILTER (WHERE age > 1) FROM people", "SELECT sum(age) OVER () FROM people"),
        *(
            "SELECT quantile(age, 1.5) FROM people",
            "SELECT quantile(age, age) FROM people",
            "SELECT sex FROM people GROUP BY sex",
        ),
        *("SELECT quantile(age, [0.1, 0.2]) FROM people", "SELECT quantile(age, 1e-3) FROM people"),
        *(
            "SELECT getenv('HOME') FROM people",
            "SELECT DISTINCT count(*) FROM people",
            "SELECT sum(nothing) FROM people",
        ),
        *("SELECT count(*), count(*) FROM people", "SELECT count(*) AS sex FROM people GROUP BY sex"),
        *("SELECT sum(COLUMNS('a.*')) FROM people", "SELECT approx_quantile(age, 0.5) FROM people"),
        # Clauses.
        *(
            "SELECT count(*) FROM people ORDER BY 1",
            "SELECT count(*) FROM people LIMIT 1",
            "SELECT count(*) FROM people OFFSET 1",
        ),
        *(
            "SELECT count(*) FROM people GROUP BY age",
            "SELECT count(*) FROM people GROUP BY ALL",
            "SELECT count(*) FROM people GROUP BY 1",
        ),
        *("SELECT sex, count(*) FROM people", "SELECT count(*) FROM people GROUP BY sex HAVING count(*) > 3"),
        *("SELECT count(*) FROM people GROUP BY ROLLUP (sex)", "SELECT count(*) FROM people GROUP BY sex, sex"),
        *(
            "SELECT count(*) INTO x FROM people",
            "SELECT count(*) FROM people QUALIFY 1",
            "SELECT sex AS s, count(*) FROM people GROUP BY sex",
        ),
        *("SELECT count(*) FROM people USING SAMPLE 10", "SELECT count(*) FROM people FOR UPDATE"),
        # Comments and what is not one printable line.
        *(
            "SELECT count(*) FROM people -- all",
            "SELECT /* all */ count(*) FROM people",
            "SELECT count(*)\nFROM people",
        ),
        *("SELECT /*+ x */ count(*) FROM people", "SELECT count(*) FROM people\0", "SELECT 'open FROM people"),
        # Too much.
        "SELECT count(*) FROM people WHERE age IN (" + ", ".join(["1"] * 1_000) + ")",
        "SELECT count(*) FROM people WHERE " + "(" * 1_000 + "age = 1" + ")" * 1_000,
        "SELECT " + ", ".join(f"sum(age) AS a{n}" for n in range(17)) + " FROM people",
        f"SELECT count(*) AS {'a' * 201} FROM people",
    ],
)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(DataQuestionError) as refused:
        parsed(sql)
    told = str(refused.value)
    assert "\n" not in told
    assert len(told) < 400
    assert refused.value.__cause__ is None


def test_deep_nesting_ends_no_worse_than_refused() -> None:
    for deep in ("NOT " * 400 + "age = 1", "- " * 800 + "1 = age", "age = 1" + " AND age = 1" * 150):
        with suppress(DataQuestionError):
            parsed(f"SELECT count(*) FROM people WHERE {deep}")
