"""What is opened, migrated or refused."""

from __future__ import annotations

import dataclasses
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import provider.migrations
from loopixmix.errors import StoreError
from loopixmix.store.sqlite import PAGE_BYTES
from loopixmix.store.transactions import Store
from loopixmix.wire import ItemKind
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import Fetch, Fresh, MailboxRules
from provider.store import MEMORY_URL, SCHEMA, MailStore, sqlite_url
from provider.store.accounts import Application, StoreFigures, register
from provider.store.items import NewItem, PutOutcome, store_items, take_items
from provider.store.schema import HEAD, OLDER_VERSIONS, metadata
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.mailboxes.mailstores import counted

ALICE = bytes(range(32))


def test_a_new_store_is_private_and_safe(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite3"
    store = MailStore(sqlite_url(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def setting(name: str) -> object:
        return store.read(lambda connection: connection.execute(text(f"PRAGMA {name}")).scalar())

    assert setting("journal_mode") == "wal"
    assert setting("synchronous") == 2
    assert setting("foreign_keys") == 1
    assert setting("page_size") == PAGE_BYTES
    store.close()


def test_the_tables_are_those_of_the_migrations(store: MailStore) -> None:
    difference = store.read(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert difference == []


def test_the_versions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(provider.migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == HEAD
    assert {script.revision for script in scripts.walk_revisions()} == OLDER_VERSIONS | {HEAD}


def fill_older(connection: Connection) -> None:
    """Make an account with an item, by columns that every version has."""
    account = text(
        "INSERT INTO accounts (name, identity, card, card_version, next_number, item_count, created_day)"
        " VALUES ('alice', :alice, :empty, 0, 51, 1, 20000)"
    )
    item = text(
        "INSERT INTO items (id, account_id, number, kind, surb_id, body, stored_day)"
        " SELECT 7, id, 50, 1, :surb_id, :body, 20000 FROM accounts WHERE name = 'alice'"
    )
    connection.execute(account, {"alice": ALICE, "empty": b""})
    connection.execute(item, {"surb_id": bytes(8), "body": b"old"})


@pytest.mark.parametrize("kind", SQLITE_AND_POSTGRES)
@pytest.mark.parametrize("version", sorted(OLDER_VERSIONS))
def test_an_older_store_is_migrated_with_what_is_in_it(tmp_path: Path, version: str, kind: str) -> None:
    url = new_database(kind, tmp_path)
    older_versions = frozenset(older for older in OLDER_VERSIONS if older < version)
    older = Store(dataclasses.replace(SCHEMA, head=version, older_versions=older_versions), url)
    older.write(fill_older)
    if version >= "0003":
        older.write(lambda c: c.execute(text("UPDATE account_counts SET accounts = 1 WHERE guests = 0")))
    older.close()

    store = MailStore(url)
    application = Application(name="bob", identity=bytes(32), card=b"", invitation_hash=b"", first_number=1, day=20001)
    rules = RegistrationRules(mode=RegistrationMode.OPEN)
    assert store.write(lambda connection: register(connection, application, rules)) is None
    new = NewItem(ALICE, ItemKind.MESSAGE, bytes(8), b"new", 20001)
    store.write(lambda connection: store_items(connection, [new], MailboxRules()))
    taken = store.read(lambda connection: take_items(connection, ALICE, Fetch((), Fresh(0, 9), Fresh(0, 9))))
    assert taken is not None
    assert counted(store) == StoreFigures(accounts=2, guests=0, items=2)
    assert [(item.number, item.body) for item in taken.items] == [(50, b"old"), (51, b"new")]
    assert store.read(lambda c: c.execute(text("SELECT version_num FROM alembic_version")).all()) == [(HEAD,)]
    store.close()


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite3"
    MailStore(sqlite_url(path)).close()
    newer = sqlite3.connect(path)
    newer.execute("UPDATE alembic_version SET version_num = '0999'")
    newer.commit()
    newer.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"mail\.sqlite3: made by a newer LoopixMix \(schema 0999\)"):
        MailStore(sqlite_url(path))
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE cats (name TEXT)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="not the store of a LoopixMix provider"):
        MailStore(sqlite_url(path))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite3"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 200)
    with pytest.raises(
        StoreError, match=r"mail\.sqlite3: the store is damaged, or sealed .* \(file is not a database\)"
    ):
        MailStore(sqlite_url(path))


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite3"
    store = MailStore(sqlite_url(path))
    new = [NewItem(ALICE, ItemKind.MESSAGE, bytes(8), bytes(2048), 1)] * 100
    store.write(lambda connection: store_items(connection, new, MailboxRules()))
    store.close()
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // PAGE_BYTES):
        data[page * PAGE_BYTES : page * PAGE_BYTES + 64] = b"\xa5" * 64
    path.write_bytes(data)
    with pytest.raises(StoreError, match="the store is damaged") as caught:
        MailStore(sqlite_url(path))
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        MailStore(sqlite_url(tmp_path / "nowhere" / "mail.sqlite3"))
    with pytest.raises(StoreError, match="cannot be written"):
        MailStore(sqlite_url(tmp_path))


@pytest.mark.parametrize("url", ["", "mail.sqlite3", "nosuch://host/db", "sqlite:///:memory:"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(StoreError):
        MailStore(url)


def test_a_store_in_memory_is_one_store_until_it_is_closed() -> None:
    store = MailStore(MEMORY_URL)
    new = [NewItem(ALICE, ItemKind.MESSAGE, bytes(8), b"new", 1)]
    assert store.write(lambda connection: store_items(connection, new, MailboxRules())) == [
        PutOutcome.UNKNOWN_RECIPIENT
    ]
    assert store.read(lambda connection: connection.execute(text("SELECT count(*) FROM items")).scalar()) == 1
    assert store.read(store.used_bytes) == 0
    store.close()


def test_an_error_names_no_content(store: MailStore) -> None:
    secret = "marked-secret"
    with pytest.raises(StoreError) as caught:
        store.write(lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (:x)"), {"x": secret}))
    assert secret not in str(caught.value)
    assert "\n" not in str(caught.value)
