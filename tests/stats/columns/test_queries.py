from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from loopixmix.errors import StoreError
from stats.columns.duckdb_engine import DuckDbColumns
from stats.columns.queries import MOST_CHARACTERS, QuerySafety, check_select
from tests.worlds.stats.engines import RAW, TABLE, columns

T = TABLE.name
SAFETY = {dialect: QuerySafety(dialect, frozenset({T}), 100) for dialect in ("duckdb", "clickhouse")}
GOOD = (
    f"SELECT coffee, count(*) AS n FROM {T} GROUP BY coffee HAVING count(*) > 1 ORDER BY n DESC LIMIT 5",
    f"SELECT avg(coffee), median(coffee), stddev_pop(coffee), max(coffee) FROM {T} WHERE period BETWEEN 0 AND 3",
    f"WITH few AS (SELECT coffee FROM {T} WHERE coffee IN (1, 2)) SELECT count(DISTINCT coffee) FROM few",
    f"WITH a AS (SELECT coffee AS c FROM {T}), b AS (SELECT c FROM a) SELECT count(*) FROM a JOIN b ON a.c = b.c",
    f'SELECT a.coffee FROM {T} AS a JOIN {T} AS b ON a."order" = b."order" AND a.batch = b.batch',
    f"SELECT CASE WHEN coffee > 1 THEN 1 ELSE 0 END AS many, sum(coffee) / count(*) FROM {T} GROUP BY 1",
    f"SELECT coffee FROM {T} UNION ALL SELECT 7 ORDER BY 1",
    f"SELECT coffee, row_number() OVER (PARTITION BY period ORDER BY coffee) FROM {T}",
    f"SELECT CAST(coffee AS DOUBLE), round(sqrt(coffee), 2), coalesce(nullif(coffee, 0), 9) FROM {T}",
    f"SELECT (SELECT max(coffee) FROM {T}) - coffee FROM {T}",
)
HOSTILE = (
    # Other statements, alone or behind a good one.
    f"DROP TABLE {T}",
    f"SELECT 1 FROM {T}; DROP TABLE {T}",
    f"INSERT INTO {T} VALUES (1)",
    f"DELETE FROM {T}",
    f"UPDATE {T} SET coffee = 1",
    f"CREATE TABLE x AS SELECT * FROM {T}",
    f"SELECT * INTO x FROM {T}",
    f"COPY {T} TO '/tmp/x.csv'",
    f"COPY (SELECT * FROM {T}) TO '/tmp/x.csv'",
    f"EXPLAIN ANALYZE DELETE FROM {T}",
    "ATTACH '/tmp/other.db' AS other",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL duckdb_settings()",
    "EXPORT DATABASE '/tmp/x'",
    "VACUUM",
    "CHECKPOINT",
    "DESCRIBE SELECT 1",
    "",
    ";",
    "nonsense",
    "SELECT",
    "((((",
    # Other tables, and what is as good as one.
    f"SELECT * FROM {RAW.name}",
    "SELECT * FROM batches_of_tables",
    f"SELECT * FROM main.{T}",
    f"SELECT * FROM other.main.{T}",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM system.tables",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM file('/etc/passwd', 'CSV')",
    "SELECT * FROM url('http://127.0.0.1/', 'CSV')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM query('DROP TABLE x')",
    f"SELECT * FROM query_table('{RAW.name}')",
    "SELECT * FROM range(1000000000000)",
    "SELECT * FROM numbers(1000000000000)",
    f"SELECT * FROM {T}, LATERAL (SELECT * FROM {RAW.name})",
    f"WITH {T} AS (SELECT * FROM {RAW.name}) SELECT * FROM {T}",
    f"WITH x AS (SELECT * FROM {RAW.name}) SELECT * FROM x",
    f"SELECT * FROM {T} WHERE coffee IN (SELECT income FROM {RAW.name})",
    f"SELECT * FROM {T} WHERE EXISTS (SELECT * FROM {RAW.name})",
    f"SELECT coffee FROM {T} UNION ALL SELECT income FROM {RAW.name}",
    f"SELECT (SELECT max(income) FROM {RAW.name}) FROM {T}",
    f"SELECT coffee FROM {T} ORDER BY (SELECT max(income) FROM {RAW.name})",
    f"SELECT coffee FROM {T} LIMIT (SELECT max(income) FROM {RAW.name})",
    # A name that WITH gives counts behind it and in the query, and nowhere else.
    f"WITH {RAW.name} AS (SELECT * FROM {RAW.name}) SELECT * FROM {RAW.name}",
    f"WITH a AS (SELECT * FROM {RAW.name}), {RAW.name} AS (SELECT 1 AS x) SELECT * FROM a",
    f"SELECT b.* FROM (WITH {RAW.name} AS (SELECT 1 AS x) SELECT x FROM {RAW.name}) AS a, {RAW.name} AS b",
    f"WITH a AS (WITH {RAW.name} AS (SELECT 1 AS x) SELECT x FROM {RAW.name}) SELECT * FROM {RAW.name}",
    f"WITH 1 AS {RAW.name} SELECT * FROM {RAW.name}",
    f"WITH (SELECT 1) AS {RAW.name} SELECT * FROM {RAW.name}",
    "WITH duckdb_databases AS (SELECT * FROM duckdb_databases) SELECT * FROM duckdb_databases",
    f"SELECT * FROM {T} WHERE coffee IN {RAW.name}",
    f"SELECT * FROM {T} WHERE coffee IN ({RAW.name})",
    f"SELECT * FROM {T} WHERE coffee IN (({RAW.name}))",
    f"SELECT * FROM {T} WHERE coffee IN (1, {RAW.name})",
    f"FROM {RAW.name}",
    f"TABLE {RAW.name}",
    # Functions that tell of the machine, or make much of little.
    "SELECT current_setting('home_directory')",
    "SELECT getenv('HOME')",
    "SELECT version()",
    "SELECT hostName()",
    "SELECT repeat('x', 1000000000)",
    "SELECT range(1000000000)",
    "SELECT sleep(3)",
    f"SELECT list(coffee) FROM {T}",
    f"SELECT string_agg(coffee, ',') FROM {T}",
    f"SELECT unnest(generate_series(1, 1000000000)) FROM {T}",
    f"SELECT dictGet('x', 'y', coffee) FROM {T}",
    "SELECT CAST('/etc/passwd' AS VARCHAR)",
    "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 1 FROM x) SELECT * FROM x",
    f"SELECT * FROM {T} USING SAMPLE 10%",
    f"SELECT * FROM {T} SETTINGS max_memory_usage = 0",
    f"SELECT * FROM (SELECT * FROM {T} SETTINGS max_memory_usage = 0)",
    f"SELECT * FROM {T} FORMAT Native",
    f"SELECT * FROM {T} PREWHERE coffee = 1",
    f"SELECT * FROM {T} FOR UPDATE",
    f"SELECT coffee FROM {T} LIMIT 1 BY coffee",
    f"SELECT * FROM {T} INTO OUTFILE '/tmp/x'",
    f"SELECT $1 FROM {T}",
    f"SELECT COLUMNS('.*') FROM {T}",
    # What is too much to read.
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "1," * 4000 + "1",
    "SELECT " + " " * MOST_CHARACTERS + "1",
    f"SELECT * FROM {T} WHERE coffee = 'a\0b' OR ",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDbColumns]:
    made = DuckDbColumns(tmp_path / "columns.duckdb", query_s=0.5)
    for table, rows in ((TABLE, ((1, 10), (1, 20), (2, 30))), (RAW, ((50_000,),))):
        made.ensure(table)
        made.append(table, 1, 0, columns(*rows))
    yield made
    made.close()


@pytest.mark.parametrize("dialect", SAFETY)
@pytest.mark.parametrize("sql", GOOD)
def test_what_an_analyst_needs_is_allowed(dialect: str, sql: str) -> None:
    checked = check_select(sql, SAFETY[dialect])
    assert check_select(checked, SAFETY[dialect]) == checked


@pytest.mark.parametrize("sql", GOOD)
def test_what_is_allowed_runs(store: DuckDbColumns, sql: str) -> None:
    names, rows = store.select(sql, tables=[T], most_rows=100)
    assert names
    assert rows


@pytest.mark.parametrize("dialect", SAFETY)
@pytest.mark.parametrize("sql", HOSTILE)
def test_everything_else_is_refused_in_one_line(dialect: str, sql: str) -> None:
    with pytest.raises(StoreError) as refused:
        check_select(sql, SAFETY[dialect])
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 400


def test_hostile_queries_change_nothing(store: DuckDbColumns) -> None:
    for sql in HOSTILE:
        with pytest.raises(StoreError):
            store.select(sql, tables=[T], most_rows=10)
    assert store.select(f"SELECT coffee FROM {T} ORDER BY coffee", tables=[T], most_rows=9)[1] == [(1,), (1,), (2,)]


@pytest.mark.parametrize(
    ("asked", "given"), [("", 100), (" LIMIT 5", 5), (" LIMIT 1000000", 100), (" LIMIT 7 OFFSET 2", 7)]
)
def test_no_query_gives_more_rows_than_it_may(asked: str, given: int) -> None:
    checked = check_select(f"SELECT coffee FROM {T}{asked}", SAFETY["duckdb"])
    assert f"LIMIT {given}" in checked
    both = check_select(f"SELECT coffee FROM {T} UNION ALL SELECT coffee FROM {T}{asked}", SAFETY["duckdb"])
    assert f"LIMIT {given}" in both


def test_comments_do_not_reach_the_engine() -> None:
    checked = check_select(f"SELECT /* hidden */ coffee FROM {T} -- hidden", SAFETY["duckdb"])
    assert "hidden" not in checked


def test_a_query_that_takes_too_long_is_ended(store: DuckDbColumns) -> None:
    store.append(TABLE, 2, 0, columns(*((number, number) for number in range(3_000))))
    begin_s = time.monotonic()
    joins = ", ".join(f"{T} AS {name}" for name in "abcd")
    with pytest.raises(StoreError, match=r"more than 0\.5 seconds"):
        store.select(f"SELECT sum(a.coffee * b.coffee + c.coffee * d.coffee) FROM {joins}", tables=[T], most_rows=1)
    assert time.monotonic() - begin_s < 5
    assert store.select(f"SELECT count(*) FROM {T}", tables=[T], most_rows=1)[1] == [(3_003,)]


def test_a_query_that_needs_too_much_memory_is_ended(tmp_path: Path) -> None:
    store = DuckDbColumns(tmp_path / "small.duckdb", memory_bytes=64 * 2**20, query_s=60)
    store.ensure(TABLE)
    store.append(TABLE, 1, 0, columns(*((number, number) for number in range(20_000))))
    with pytest.raises(StoreError, match="cannot be read"):
        store.select(
            f"SELECT a.coffee + b.coffee * 100000 AS x, count(*) FROM {T} AS a, {T} AS b GROUP BY 1 ORDER BY 2",
            tables=[T],
            most_rows=1,
        )
    assert store.select(f"SELECT count(*) FROM {T}", tables=[T], most_rows=1)[1] == [(20_000,)]
    store.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '/tmp/other.db'",
        f"COPY {T} TO '/tmp/loopixmix-x.csv'",
        "SET memory_limit = '100GB'",
        "INSTALL httpfs",
    ],
)
def test_the_engine_itself_reaches_no_file_and_no_setting(store: DuckDbColumns, sql: str) -> None:
    # Also if the list had a gap.
    with pytest.raises(duckdb.Error):
        store._database.execute(sql)
