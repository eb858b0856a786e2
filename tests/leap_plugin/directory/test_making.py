"""A bridge's directory is made once, completed if something lacks, and never changed by itself."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from leap_plugin.directory.certificate import CERTIFICATE_FILE, names_in
from leap_plugin.directory.claims import ClientClaims
from leap_plugin.directory.configuration import MailAccount, MailConfig, load_mail
from leap_plugin.directory.making import join_account, listen_at, make_bridge, make_unasked
from leap_plugin.directory.passwords import PASSWORDS_FILE, MailPasswords
from leap_plugin.directory.trace_file import TRACE_FILE, load_trace_key
from loopixmix.errors import ConfigError
from loopixmix.process.files import LockedError

ALICE = MailAccount(client="alice", address="alice@provider-1")
BOB = MailAccount(client="bob", address="bob@provider-1")


def contents(path: Path) -> dict[str, bytes]:
    names = (TRACE_FILE, CERTIFICATE_FILE, PASSWORDS_FILE, "mail.toml")
    return {name: (path / name).read_bytes() for name in names}


def test_what_is_there_stays(tmp_path: Path, rng: random.Random) -> None:
    make_bridge(tmp_path, MailConfig(accounts=(ALICE,)), rng=rng, now_s=1e9)
    before = contents(tmp_path)
    make_bridge(tmp_path, MailConfig(accounts=(BOB,)), rng=rng, now_s=2e9)
    assert contents(tmp_path) == before
    assert all((tmp_path / name).stat().st_mode & 0o077 == 0 for name in before)
    (tmp_path / CERTIFICATE_FILE).unlink()
    make_bridge(tmp_path, MailConfig(), rng=rng, now_s=2e9)
    assert load_trace_key(tmp_path).word.encode() in before[TRACE_FILE]
    assert (tmp_path / CERTIFICATE_FILE).exists()


def test_an_account_comes_with_its_password(tmp_path: Path, rng: random.Random) -> None:
    directory = make_bridge(tmp_path, MailConfig(accounts=(ALICE,)), rng=rng, now_s=1e9)
    join_account(directory, BOB, rng)
    passwords = MailPasswords(tmp_path)
    assert passwords.is_local(BOB.login, passwords.make_local(BOB.login, rng))
    assert load_mail(tmp_path).config.accounts == (ALICE, BOB)


def test_the_certificate_changes_only_for_an_address_that_it_does_not_name(tmp_path: Path, rng: random.Random) -> None:
    directory = make_bridge(tmp_path, MailConfig(accounts=(ALICE,)), rng=rng, now_s=1e9)
    directory = listen_at(directory, "192.168.1.5", rng=rng, now_s=1e9)
    assert "192.168.1.5" in names_in(tmp_path / CERTIFICATE_FILE)
    before = contents(tmp_path)
    listen_at(directory, "192.168.1.5", rng=rng, now_s=1e9)
    assert contents(tmp_path) == before
    with pytest.raises(ConfigError, match="not for the internet"):
        listen_at(directory, "9.9.9.9", rng=rng, now_s=1e9)
    assert contents(tmp_path) == before


def test_one_for_a_test_network_starts_no_clients(tmp_path: Path, rng: random.Random) -> None:
    accounts = [("alice@provider-1", tmp_path / "alice")]
    config = make_unasked(tmp_path / "bridge", accounts, (5, 6), rng=rng, now_s=1e9).config
    assert not config.start_clients
    assert (config.local.smtp_port, config.local.imap_port) == (5, 6)
    assert load_mail(tmp_path / "bridge").config == config


@pytest.mark.parametrize("text", [b"", b"word", b"abcdefghjk zz\n", b"\xff\n", b"ABCDEFGHJK " + b"0" * 64])
def test_a_damaged_trace_key_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / TRACE_FILE).write_bytes(text)
    (tmp_path / TRACE_FILE).chmod(0o600)
    with pytest.raises(ConfigError, match="is not a word and a key"):
        load_trace_key(tmp_path)


def test_a_client_has_one_bridge(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one = ClientClaims([tmp_path / "a"])
    one.take()
    both = ClientClaims([tmp_path / "b", tmp_path / "a"])
    with pytest.raises(LockedError, match=r"another mail bridge, process \d+, serves this identity already"):
        both.take()
    # It let go of what it had.
    other = ClientClaims([tmp_path / "b"])
    other.take()
    other.release()
    one.release()
    both.take()
    both.release()
    with pytest.raises(ConfigError, match="there is no client"):
        ClientClaims([tmp_path / "gone"]).take()
