"""A small application's store: made, migrated, refused. The stores of clients and providers have tests of their own."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, delete, insert, select, text

from loopixmix.errors import StoreError
from loopixmix.store.opening import MEMORY_URL, open_database, sqlite_url
from loopixmix.store.schema import Schema
from loopixmix.store.transactions import Store

METADATA = MetaData()
CATS = Table("cats", METADATA, Column("id", Integer, primary_key=True), Column("name", String(64), nullable=False))
ENVIRONMENT = "from loopixmix.store.migration import run_migrations\nrun_migrations()\n"
FIRST = """
revision, down_revision = "0001", None
from alembic import op
def upgrade() -> None:
    op.execute("CREATE TABLE cats (id INTEGER PRIMARY KEY, nick VARCHAR(64) NOT NULL)")
"""
SECOND = """
revision, down_revision = "0002", "0001"
from alembic import op
def upgrade() -> None:
    op.execute("ALTER TABLE cats RENAME COLUMN nick TO name")
"""


def schema_in(directory: Path, *, head: str = "0002") -> Schema:
    versions = directory / "100% own migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions.parent / "env.py").write_text(ENVIRONMENT)
    (versions / "v0001.py").write_text(FIRST)
    (versions / "v0002.py").write_text(SECOND)
    older = frozenset({"0001"}) if head == "0002" else frozenset()
    return Schema(owner="a cat", head=head, older_versions=older, migrations=versions.parent, in_memory=METADATA)


def names(store: Store) -> list[str]:
    return store.read(lambda connection: list(connection.execute(select(CATS.c.name)).scalars()))


def test_a_new_store_is_private_and_one_that_exists_becomes_so(tmp_path: Path) -> None:
    path = tmp_path / "cats.sqlite3"
    path.touch(mode=0o644)
    store = Store(schema_in(tmp_path), sqlite_url(path))
    store.write(lambda connection: connection.execute(insert(CATS).values(name="Mitzi")))
    assert names(store) == ["Mitzi"]
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in tmp_path.glob("cats.sqlite3*")}
    assert set(modes.values()) == {0o600}, modes
    store.close()


def test_what_was_deleted_is_not_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cats.sqlite3"
    store = Store(schema_in(tmp_path), sqlite_url(path))
    names_of_cats = [{"name": f"a marked cat, number {number}"} for number in range(5)]
    store.write(lambda connection: connection.execute(insert(CATS), names_of_cats))
    store.write(lambda connection: connection.execute(delete(CATS)))
    store.close()  # the log of changes goes into the file, and away
    assert [found.name for found in tmp_path.glob("cats.sqlite3*")] == ["cats.sqlite3"]
    assert b"a marked cat" not in path.read_bytes()


def test_an_older_store_is_migrated_with_what_is_in_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "cats.sqlite3")
    older = open_database(url, schema_in(tmp_path, head="0001"))
    with older.begin() as connection:
        connection.execute(text("INSERT INTO cats (nick) VALUES ('Mitzi')"))
    older.dispose()
    store = Store(schema_in(tmp_path), url)
    assert names(store) == ["Mitzi"]
    store.close()
    with pytest.raises(StoreError, match=r"made by a newer LoopixMix \(schema 0002\)"):
        open_database(url, schema_in(tmp_path, head="0001"))


def test_the_store_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dogs.sqlite3"
    other = create_engine(sqlite_url(path))
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE dogs (name TEXT)"))
    other.dispose()
    with pytest.raises(StoreError, match=r"dogs\.sqlite3: this is not the store of a cat"):
        open_database(sqlite_url(path), schema_in(tmp_path))


def test_in_memory_its_tables_are_made_at_once(tmp_path: Path) -> None:
    schema = Schema(owner="a cat", head="0002", older_versions=frozenset(), migrations=tmp_path, in_memory=METADATA)
    store = Store(schema, MEMORY_URL)
    assert names(store) == []
    store.close()


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "nonsense", "nosuchdatabase://host/cats"])
def test_an_address_that_cannot_be_used_is_one_clear_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError) as raised:
        open_database(url, schema_in(tmp_path))
    assert url.removeprefix("sqlite:///") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        open_database(sqlite_url(tmp_path / "gone" / "cats.sqlite3"), schema_in(tmp_path))


def test_what_fails_in_a_transaction_is_told_without_its_values(tmp_path: Path) -> None:
    store = Store(schema_in(tmp_path), sqlite_url(tmp_path / "cats.sqlite3"))
    with pytest.raises(StoreError, match="cannot be written: UNIQUE constraint failed") as raised:
        store.write(lambda c: c.execute(insert(CATS), [{"id": 1, "name": "marked"}, {"id": 1, "name": "marked"}]))
    assert "marked" not in str(raised.value)
    assert names(store) == []  # nothing of it was kept
    with pytest.raises(StoreError, match="cannot be read: no such table"):
        store.read(lambda c: c.execute(text("SELECT * FROM birds")))
    store.close()


def test_a_transaction_that_may_write_keeps_other_writers_out_from_its_beginning(tmp_path: Path) -> None:
    """Otherwise one that begins by reading fails when it comes to write, because another one wrote meanwhile."""
    path = tmp_path / "cats.sqlite3"
    store = Store(schema_in(tmp_path), sqlite_url(path))
    other = sqlite3.connect(path, timeout=0)

    def read_and_write(connection: Connection) -> None:
        connection.execute(select(CATS)).all()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO cats (name) VALUES ('Felix')")
        connection.execute(insert(CATS).values(name="Mitzi"))

    store.write(read_and_write)
    assert names(store) == ["Mitzi"]
    other.close()
    store.close()


def test_one_connection_serves_any_thread_and_others_wait_for_none_to_read(tmp_path: Path) -> None:
    path = tmp_path / "cats.sqlite3"
    store = Store(schema_in(tmp_path), sqlite_url(path), one_connection=True)
    with sqlite3.connect(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO cats (name) VALUES ('unseen')")
        assert names(store) == []
    writer.close()
    store.close()
