"""A small application's store: made, migrated, refused. The stores of clients and providers have tests of their own."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from loopixmix.errors import StoreError
from loopixmix.store.schema import Schema
from loopixmix.store.sqlite import MEMORY_URL
from loopixmix.store.transactions import Store
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.polls import FIRST, POLL, cast, choices, metadata

HALF = """
revision, down_revision = "0003", "0002"
from alembic import op
def upgrade() -> None:
    op.execute("ALTER TABLE votes RENAME COLUMN choice TO wish")
    op.execute("ALTER TABLE nowhere RENAME COLUMN choice TO wish")
"""


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_database(request.param, tmp_path)


def broken_poll(directory: Path) -> Schema:
    """Return a poll whose newest migration fails half-way; a sign that means something to Alembic is in its path."""
    migrations = directory / "100% own migrations"
    shutil.copytree(POLL.migrations, migrations)
    (migrations / "versions" / "v0003_half.py").write_text(HALF)
    return dataclasses.replace(POLL, head="0003", older_versions=POLL.older_versions | {"0002"}, migrations=migrations)


def test_the_migrations_make_the_tables_of_the_schema(url: str) -> None:
    store = Store(POLL, url)
    difference = store.write(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert difference == []
    store.close()


def test_an_older_store_is_migrated_with_what_is_in_it(url: str) -> None:
    older = Store(FIRST, url)
    older.write(lambda c: c.execute(text("INSERT INTO votes (voter, answer) VALUES (:voter, 'tea')"), {"voter": b"v"}))
    older.close()
    store = Store(POLL, url)
    assert store.read(choices) == ["tea"]
    store.close()
    with pytest.raises(StoreError, match=r"made by a newer LoopixMix \(schema 0002\)"):
        Store(FIRST, url)


def test_migrations_are_one_transaction(url: str, tmp_path: Path) -> None:
    """One that fails leaves the store as it was, for the program that made it."""
    store = Store(POLL, url)
    store.write(lambda connection: cast(connection, b"v", "tea"))
    store.close()
    with pytest.raises(StoreError, match="nowhere") as raised:
        Store(broken_poll(tmp_path), url)
    assert "\n" not in str(raised.value)
    store = Store(POLL, url)
    assert store.read(choices) == ["tea"]
    store.close()


def test_a_new_store_whose_migrations_fail_is_still_empty(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        Store(broken_poll(tmp_path), url)
    store = Store(POLL, url)
    assert store.read(choices) == []
    store.close()


def test_the_store_of_something_else_is_refused(url: str) -> None:
    other = Store(POLL, url)
    other.write(lambda c: c.exec_driver_sql("DROP TABLE alembic_version"))
    other.close()
    with pytest.raises(StoreError, match="this is not the store of a poll"):
        Store(POLL, url)


def test_in_memory_its_tables_are_made_at_once(tmp_path: Path) -> None:
    schema = Schema(owner="a poll", head="0002", older_versions=frozenset(), migrations=tmp_path, in_memory=metadata)
    store = Store(schema, MEMORY_URL)
    assert store.read(lambda connection: inspect(connection).get_table_names()) == ["votes"]
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "nonsense",
            "postgresql:user:marked@host",
            "nosuchdatabase://user:marked@host/polls",
            "mysql://user:marked@host/polls",
        ),
        *("postgresql+psycopg//user:marked@host/polls", "postgresql+psycopg://user:marked@host:five/polls"),
        *("postgresql+psycopg://user:mar@marked@nowhere.invalid/polls",),
        *("postgresql+psycopg://user:marked@nowhere.invalid/polls?password=marked&connect_timeout=5",),
        *("postgresql+psycopg://user:marked@127.0.0.1:1/polls", "postgresql://user:marked@127.0.0.1:1/polls"),
        *("postgresql+psycopg:///polls?host=/nowhere&password=marked", "postgresql+nosuchdriver://user:marked@host/x"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_clear_line_without_a_password(url: str) -> None:
    with pytest.raises(StoreError) as raised:
        Store(POLL, url)
    line = str(raised.value)
    assert line
    assert "\n" not in line
    assert "marked" not in line
