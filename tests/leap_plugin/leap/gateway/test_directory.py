"""The configuration of a gateway is checked before anything is started."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from leap_plugin.leap.gateway.directory import (
    KEY_FILE,
    STORE_FILE,
    create_leap_directory,
    load_leap_directory,
    open_leap_store,
    own_leap_store,
)
from leap_plugin.leap.gateway.schema import LEAP_STORE
from leap_plugin.leap.gateway.users import MailboxOwner, list_owners, put_owner
from loopixmix.errors import ConfigError
from loopixmix.store.sealing import is_sealed
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store

TOKEN = "incoming:a-secret-of-both"
URL = "http://127.0.0.1:2525/incoming"
RNG = random.Random(1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_leap_directory(tmp_path, client=tmp_path / "client", domains=("leap.example",), url=URL, rng=RNG)
    (tmp_path / "soledad.token").write_text(f"{TOKEN}\n")
    (tmp_path / "soledad.token").chmod(0o600)
    return tmp_path


def test_what_was_made_is_read(directory: Path) -> None:
    found = load_leap_directory(directory)
    assert (found.token, found.domains, found.client) == (TOKEN, frozenset({"leap.example"}), directory / "client")
    assert found.limits.bytes == 20 * 1024**3
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["leap.example"]', "[]", "domains"),
        ('["leap.example"]', '["LEAP.example"]', "no domain"),
        ('["leap.example"]', '["leap"]', "no domain"),
        (URL, "http://soledad.example:2525/incoming", "only on this machine"),
        (URL, "ftp://127.0.0.1/incoming", "url is like"),
        (URL, "http://user:word@127.0.0.1/incoming", "url is like"),
        ('user_prefix = ""', 'user_prefix = "../"', "user_prefix"),
        ("mails_per_user = 1000", "mails_per_user = 0", "mails_per_user"),
        ("mails_per_user = 1000", "mail_per_user = 1000", "mails_per_user"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(directory: Path, old: str, new: str, told: str) -> None:
    file = directory / "leap.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=told) as caught:
        load_leap_directory(directory)
    assert "\n" not in str(caught.value)


def test_https_reaches_a_soledad_elsewhere(directory: Path) -> None:
    file = directory / "leap.toml"
    file.write_text(file.read_text().replace(URL, "https://soledad.example/incoming"))
    assert load_leap_directory(directory).config.soledad.url.startswith("https")


TOKENS = ("", "secret", "incoming:brief", "in coming:a-secret-of-both", "a:b\nc:d")


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_of_another_form_is_refused_and_not_shown(directory: Path, token: str) -> None:
    (directory / "soledad.token").write_text(token)
    with pytest.raises(ConfigError, match="incoming:SECRET") as caught:
        load_leap_directory(directory)
    assert not token or token not in str(caught.value)


def test_a_token_that_others_can_read_is_refused(directory: Path) -> None:
    (directory / "soledad.token").chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it"):
        load_leap_directory(directory)


def test_a_missing_token_or_directory_is_told(directory: Path, tmp_path: Path) -> None:
    (directory / "soledad.token").unlink()
    with pytest.raises(ConfigError, match="incoming:SECRET"):
        load_leap_directory(directory)
    with pytest.raises(ConfigError, match="leap-gateway init"):
        load_leap_directory(tmp_path / "nowhere")


OWNER = MailboxOwner(address="marked@leap.example", uuid="marked-uuid")


def owners_in(store: Store) -> list[MailboxOwner]:
    try:
        return store.read(lambda connection: list_owners(connection, after="", limit=10))
    finally:
        store.close()


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def test_the_store_is_sealed_whoever_uses_it_first(directory: Path) -> None:
    command = open_leap_store(directory)
    command.write(lambda connection: put_owner(connection, OWNER))
    assert b"marked" not in everything_in(directory)
    command.close()
    assert owners_in(own_leap_store(directory, RNG)) == [OWNER]
    assert stat.S_IMODE((directory / KEY_FILE).stat().st_mode) == 0o600


def test_a_store_of_before_is_sealed_when_the_program_starts(directory: Path) -> None:
    (directory / KEY_FILE).unlink()  # there was none
    before = Store(LEAP_STORE, sqlite_url(directory / STORE_FILE))
    before.write(lambda connection: put_owner(connection, OWNER))
    before.close()
    assert owners_in(open_leap_store(directory)) == [OWNER]  # a command, before the program was started
    assert not is_sealed(directory / STORE_FILE)
    assert owners_in(own_leap_store(directory, RNG)) == [OWNER]
    assert is_sealed(directory / STORE_FILE)
    assert b"marked" not in everything_in(directory)
    assert owners_in(open_leap_store(directory)) == [OWNER]


def test_a_directory_of_before_whose_store_was_never_made(directory: Path) -> None:
    (directory / KEY_FILE).unlink()
    assert owners_in(open_leap_store(directory)) == []
    assert owners_in(own_leap_store(directory, RNG)) == []
    assert is_sealed(directory / STORE_FILE)


def test_without_its_key_a_sealed_store_stays_as_it_is(directory: Path) -> None:
    own_leap_store(directory, RNG).close()
    (directory / KEY_FILE).unlink()
    before = (directory / STORE_FILE).read_bytes()
    for opening in (open_leap_store, lambda path: own_leap_store(path, RNG)):
        with pytest.raises(ConfigError, match=r"store\.key: there is no such file"):
            opening(directory)
    assert not (directory / KEY_FILE).exists()
    assert (directory / STORE_FILE).read_bytes() == before
