"""What a user takes along: all of the store, without the secrets unless they are asked for."""

from __future__ import annotations

import base64
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Boolean, Connection, Float, Integer, LargeBinary, Table, insert

from client.asking.account import ACCOUNT_FACT
from client.directory.configuration import STORE_FILE, create_client
from client.directory.keys import IDENTITY_FILE, SEALING_FILE, load_keys
from client.leaving.archive import export_client
from client.leaving.rows import BODIES, SECRETS
from client.link.session import Account
from client.store import ClientStore, contacts
from client.store.schema import metadata
from loopixmix.authority.config import trust_root_toml
from loopixmix.errors import ConfigError, StoreError
from loopixmix.keys import IdentityKey
from tests.worlds.networks.models import trust_root_of

MARK = b"secret of "


def new_client(place: Path) -> Path:
    network = place / "network.toml"
    network.write_text(trust_root_toml(trust_root_of(IdentityKey(bytes(32)))))
    create_client(place / "alice", network=network, api_port=0, rng=random.Random(1))
    return place / "alice"


def row_of(table: Table) -> dict[str, object]:
    """A row with a value in each column; what is secret has a mark."""
    row: dict[str, object] = {}
    for column in table.columns:
        if column.foreign_keys or (column.primary_key and isinstance(column.type, Integer)):
            row[column.name] = 1
        elif isinstance(column.type, LargeBinary):
            hidden = column.name in SECRETS.get(table.name, ())
            row[column.name] = (MARK if hidden else b"value of ") + f"{table.name}.{column.name}".encode()
        elif isinstance(column.type, Boolean | Integer | Float):
            row[column.name] = 0
        else:
            row[column.name] = "repetitions" if table.name == "facts" else "x"
    return row


def fill(connection: Connection) -> None:
    for table in metadata.sorted_tables:  # parents before their children
        row = row_of(table)
        for key in table.foreign_keys:  # whatever kind of key the parent has
            row[key.parent.name] = row_of(key.column.table)[key.column.name]
        connection.execute(insert(table).values(row))


@pytest.fixture
def alice(tmp_path: Path) -> Iterator[Path]:
    directory = new_client(tmp_path)
    store = ClientStore(directory / STORE_FILE)
    store.write(fill)
    account = msgspec.msgpack.encode(Account("alice", bytes(32), "provider-1"))
    store.write(lambda connection: contacts.save_fact(connection, ACCOUNT_FACT, account))
    yield directory  # the store is open all the time, as that of a running client
    store.close()


def exported(directory: Path, *, keys: bool = False) -> dict[str, bytes]:
    file = directory.parent / f"{keys}.zip"
    export_client(directory, file, keys=keys, progress=lambda *_: None)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def lines(files: dict[str, bytes], table: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in files[f"tables/{table}.jsonl"].splitlines()]


def test_each_row_and_each_column_that_is_not_secret_is_there(alice: Path) -> None:
    files = exported(alice)
    for table in metadata.sorted_tables:
        named = {column.name for column in table.columns} - set(SECRETS.get(table.name, ()))
        assert len(lines(files, table.name)) == (2 if table.name == "facts" else 1), table.name
        assert set().union(*lines(files, table.name)) == named, table.name


def test_contents_are_files_of_their_own_which_the_lines_name(alice: Path) -> None:
    files = exported(alice)
    for table, columns in BODIES.items():
        for column in columns:
            (row,) = lines(files, table)
            content = f"value of {table}.{column}".encode()
            assert row[column] == {"bytes": len(content), "file": f"contents/{table}/1.{column}"}
            assert files[f"contents/{table}/1.{column}"] == content


def test_secrets_are_there_only_if_they_are_asked_for(alice: Path) -> None:
    identity = (alice / IDENTITY_FILE).read_bytes()
    hidden = [(table, column) for table, columns in SECRETS.items() for column in columns]

    def found(files: dict[str, bytes]) -> list[str]:
        everything = b"".join(files.values())
        marked = [f"{table}.{column}" for table, column in hidden]
        return [name for name in marked if base64.b64encode(MARK + name.encode()) in everything]

    without, with_keys = exported(alice), exported(alice, keys=True)
    assert found(without) == []
    assert len(found(with_keys)) == len(hidden) == 8
    assert identity not in b"".join(without.values())
    assert with_keys[f"keys/{IDENTITY_FILE}"] == identity
    assert f"keys/{SEALING_FILE}" in with_keys
    assert all("value" not in row for row in lines(without, "facts") if row["name"] == "repetitions")
    assert b"were left out" in without["README.txt"]
    assert b"THE SECRET KEYS" in with_keys["README.txt"]


def test_the_account_is_told_in_plain_words(alice: Path) -> None:
    told = json.loads(exported(alice)["account.json"])
    assert (told["address"], told["provider"], told["guest"]) == ("alice@provider-1", "provider-1", False)


def test_a_client_that_was_never_started_has_settings_only(tmp_path: Path) -> None:
    files = exported(new_client(tmp_path))
    assert sorted(files) == ["README.txt", "account.json", "client.toml", "network.toml"]
    assert json.loads(files["account.json"])["address"] is None


def test_the_archive_is_private_and_no_file_is_overwritten(alice: Path) -> None:
    exported(alice)
    assert (alice.parent / "False.zip").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        exported(alice)


def test_no_half_archive_is_left(alice: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    file = alice.parent / "half.zip"
    with pytest.raises(KeyboardInterrupt):
        export_client(alice, file, keys=False, progress=interrupt)
    assert not file.exists()


def test_a_damaged_store_is_one_clear_line(tmp_path: Path) -> None:
    alice = new_client(tmp_path)
    file = tmp_path / "damaged.zip"
    (alice / STORE_FILE).write_bytes(b"this is no store" * 1000)
    with pytest.raises(StoreError, match=r"client\.db: cannot be read"):
        export_client(alice, file, keys=False, progress=lambda *_: None)
    store = alice / STORE_FILE
    store.unlink()
    made = ClientStore(store)
    made.write(fill)
    made.close()
    whole = store.read_bytes()
    store.write_bytes(whole[:16384] + bytes(len(whole) - 16384))  # damage that shows while it is read
    with pytest.raises(StoreError, match=r"client\.db: cannot be read"):
        export_client(alice, file, keys=False, progress=lambda *_: None)
    assert not file.exists()


def test_one_state_is_exported_while_the_client_goes_on(alice: Path) -> None:
    seen: list[str] = []
    store = ClientStore(alice / STORE_FILE)

    def write_meanwhile(table: str, _done: int, _of: int) -> None:
        if not seen:
            store.write(lambda connection: contacts.remove(connection, "x"))
        seen.append(table)

    file = alice.parent / "state.zip"
    export_client(alice, file, keys=False, progress=write_meanwhile)
    store.close()
    with zipfile.ZipFile(file) as archive:
        assert archive.read("tables/contacts.jsonl").count(b"\n") == 1
    assert seen[0] == "changes"  # before contacts


def test_a_sealed_store_is_exported_too(tmp_path: Path) -> None:
    directory = new_client(tmp_path)
    store = ClientStore(directory / STORE_FILE, key=load_keys(directory).store_key)
    store.write(fill)
    assert exported(directory)["contents/inbox/1.body"] == b"value of inbox.body"  # while it runs
    store.close()
    (tmp_path / "False.zip").unlink()
    files = exported(directory)
    assert files["contents/inbox/1.body"] == b"value of inbox.body"
    assert len(lines(files, "messages")) == 1
