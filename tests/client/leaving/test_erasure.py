"""Erasing a client: nothing of it is left, and nothing else is touched."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from client.asking.account import ACCOUNT_FACT
from client.directory.configuration import CONFIG_FILE, DOCUMENT_FILE, STORE_FILE
from client.directory.keys import IDENTITY_FILE, SEALING_FILE, load_keys
from client.http.calling.starting import LOG_FILE
from client.http.endpoint import LOCK_FILE, TOKEN_FILE, URL_FILE
from client.leaving.erasure import erase_client, look_before_erasing
from client.link.session import Account
from client.store import ClientStore, contacts
from loopixmix.errors import ConfigError, StoreError
from loopixmix.process.files import DirectoryLock
from tests.client.leaving.test_archive import new_client


@pytest.fixture
def alice(tmp_path: Path) -> Path:
    directory = new_client(tmp_path)
    store = ClientStore(directory / STORE_FILE)
    account = msgspec.msgpack.encode(Account("alice", bytes(32), "provider-1"))
    store.write(lambda connection: contacts.save_fact(connection, ACCOUNT_FACT, account))
    store.close()
    return directory


def test_nothing_is_left(alice: Path) -> None:
    (alice / f".{IDENTITY_FILE}.unfinished").write_bytes(b"a crash left it")
    for name in (URL_FILE, TOKEN_FILE, DOCUMENT_FILE, LOG_FILE):  # a daemon that ran in the background left them
        (alice / name).write_bytes(b"x")
    assert erase_client(alice).left == ()
    assert not alice.exists()


def test_the_files_are_overwritten_before_they_are_deleted(alice: Path, tmp_path: Path) -> None:
    # A second name of the same file shows what became of its content.
    for name in (IDENTITY_FILE, STORE_FILE, CONFIG_FILE):
        os.link(alice / name, tmp_path / f"same-{name}")
    sizes = {name: (alice / name).stat().st_size for name in (IDENTITY_FILE, STORE_FILE)}
    erase_client(alice)
    for name, size in sizes.items():
        assert (tmp_path / f"same-{name}").read_bytes() == bytes(size)


def test_what_is_not_the_clients_is_left(alice: Path, tmp_path: Path) -> None:
    (alice / "mine.txt").write_text("mine")
    (tmp_path / "elsewhere.toml").write_text("of others")
    (alice / "network.toml").unlink()
    (alice / "network.toml").symlink_to(tmp_path / "elsewhere.toml")
    assert erase_client(alice).left == ("mine.txt",)
    assert [path.name for path in alice.iterdir()] == ["mine.txt"]
    assert (tmp_path / "elsewhere.toml").read_text() == "of others"


def test_a_running_client_is_not_erased(alice: Path) -> None:
    with DirectoryLock(alice / LOCK_FILE):
        for attempt in (erase_client, look_before_erasing):
            with pytest.raises(ConfigError, match=r"in use by process \d+: end it first with  loopixmix client stop"):
                attempt(alice)
    assert (alice / IDENTITY_FILE).exists()


def test_a_second_call_ends_what_was_interrupted(alice: Path) -> None:
    (alice / "document").mkdir()  # cannot be overwritten
    with pytest.raises(StoreError, match="document: cannot be erased"):
        erase_client(alice)
    assert not (alice / IDENTITY_FILE).exists(), "the keys go first"
    (alice / "document").rmdir()
    erase_client(alice)
    assert not alice.exists()


def test_what_would_be_erased_is_told_before(alice: Path) -> None:
    keeping = look_before_erasing(alice)
    assert keeping.account is not None
    assert keeping.account.address == "alice@provider-1"
    (alice / STORE_FILE).write_bytes(b"damaged" * 1000)
    assert look_before_erasing(alice).account is None
    with pytest.raises(ConfigError, match="no client's directory"):
        look_before_erasing(alice.parent)


def test_a_sealed_client_is_erased_and_what_a_crash_left_of_sealing(alice: Path) -> None:
    left = (alice / STORE_FILE).read_bytes()
    ClientStore(alice / STORE_FILE, key=load_keys(alice).store_key).close()
    (alice / f".{STORE_FILE}.plain").write_bytes(left)
    found = look_before_erasing(alice)
    assert found.account is not None
    assert found.account.name == "alice"
    (alice / SEALING_FILE).unlink()  # an erasure that was interrupted
    assert look_before_erasing(alice).account is None
    assert erase_client(alice).left == ()
    assert not alice.exists()
