from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from client.api import Verified
from client.store import SCHEMA, ClientStore
from client.store.contacts import every, fact, save_fact
from client.store.incoming import received_after
from client.store.schema import metadata
from loopixmix.errors import StoreError
from loopixmix.store.sqlite import sqlite_url


def open_and_close(path: Path) -> None:
    ClientStore(path).close()


def _normal(sql: str) -> str:
    """Return a statement with its columns and constraints in one order: an added column stands last."""
    plain = "".join(sql.replace('"', "").split())
    return ",".join(sorted(plain.replace("(", ",").replace(")", ",").split(",")))


def test_the_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    def statements(connection: Connection) -> set[str]:
        query = text("SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'alembic%'")
        return {_normal(sql) for sql in connection.execute(query).scalars()}

    migrated, direct = ClientStore(tmp_path / "store.sqlite"), ClientStore(None)
    assert migrated.write(differences) == []
    assert migrated.write(statements) == direct.write(statements)
    migrated.close()
    direct.close()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    store = ClientStore(tmp_path / "store.sqlite")
    store.write(lambda c: save_fact(c, "name", b"alice"))
    store.close()
    again = ClientStore(tmp_path / "store.sqlite")
    assert again.write(lambda c: fact(c, "name")) == b"alice"
    again.close()


def test_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.touch(mode=0o644)
    open_and_close(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_durable(tmp_path: Path) -> None:
    store = ClientStore(tmp_path / "store.sqlite")
    settings = ("journal_mode", "synchronous", "foreign_keys")
    found = store.write(lambda c: [c.execute(text(f"PRAGMA {name}")).scalar_one() for name in settings])
    assert found == ["wal", 2, 1]
    store.close()


def test_a_failed_transaction_leaves_nothing() -> None:
    store = ClientStore(None)

    def fail(connection: Connection) -> None:
        save_fact(connection, "name", b"alice")
        connection.execute(text("no such statement"))

    with pytest.raises(StoreError, match="syntax error"):
        store.write(fail)
    assert store.write(lambda c: fact(c, "name")) is None
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StoreError, match=r"store\.sqlite: the store is damaged"):
        ClientStore(path)


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = ClientStore(path)
    for number in range(500):
        store.write(lambda c, number=number: save_fact(c, f"fact {number}", bytes(400)))  # type: ignore[misc]
    store.close()
    data = bytearray(path.read_bytes())
    for start in range(8192 * (len(data) // 16384), len(data), 8192):
        data[start : start + 200] = b"\xa5" * 200
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"store\.sqlite: the store is damaged"):
        ClientStore(path)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="not the store of a LoopixMix client"):
        ClientStore(path)


def test_the_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = ClientStore(path)
    store.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    store.close()
    with pytest.raises(StoreError, match="made by a newer LoopixMix"):
        ClientStore(path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        ClientStore(tmp_path / "nowhere" / "store.sqlite")


def test_an_older_store_is_migrated_with_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"")
    with create_engine(sqlite_url(path)).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(SCHEMA.migrations))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLDER:
            connection.exec_driver_sql(statement)
    store = ClientStore(path)
    messages = store.write(lambda c: c.exec_driver_sql("SELECT id, not_before_s, deadline_s FROM messages").all())
    assert [tuple(row) for row in messages] == [(1, 0.0, None), (2, 90.0, None)]
    inbox = store.write(lambda c: received_after(c, after=0, limit=10))
    assert [(m.number, m.verified, m.body) for m in inbox] == [
        (1, Verified.COMPARED, b"one"),
        (2, Verified.PINNED, b"two"),
        (3, Verified.UNKNOWN, b"three"),
    ]
    assert [contact.verified for contact in store.write(every)] == [Verified.COMPARED, Verified.PINNED]
    assert store.write(lambda c: c.exec_driver_sql("SELECT body FROM drafts").scalar_one()) == b"draft"
    store.close()


def _message(row: int, not_before_s: float) -> str:
    values = f"{row}, '{row:032}', 'key {row}', x'00', 'anonymous', 'bob@away', 'text', 1, x'00', x'00', 1, 0, 0"
    return f"INSERT INTO messages VALUES ({values}, 'queued', 50.0, {not_before_s}, 1e9, NULL)"


def _received(number: int, author: str, verified: int, body: str) -> str:
    values = f"{number}, {author}, '{number:032}', 'x@y', {verified}, 'text', CAST('{body}' AS BLOB), 1.0, '', 0"
    return f"INSERT INTO inbox VALUES ({values})"


OLDER = (
    _message(1, 50.0),
    _message(2, 90.0),
    "INSERT INTO drafts VALUES (1, x'01', CAST('draft' AS BLOB))",
    "INSERT INTO contacts VALUES ('a@b', 'a', x'02', x'aa', x'04', 1, 1, NULL)",
    "INSERT INTO contacts VALUES ('c@d', 'c', x'02', x'bb', x'04', 1, 0, NULL)",
    _received(1, "x'aa'", 1, "one"),
    _received(2, "x'bb'", 1, "two"),
    _received(3, "x'cc'", 0, "three"),
)
"""A store of version 0001 with something in each table that changed."""
