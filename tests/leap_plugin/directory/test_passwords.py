"""Passwords: made once, shown again or never, changed by commands while a bridge runs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from leap_plugin.directory.passwords import MOST_DEVICES, PASSWORDS_FILE, MailPasswords, new_password
from loopixmix.errors import ConfigError, MisuseError

ALICE = "alice@provider-1.mix.invalid"


def test_the_password_of_an_account_is_made_once_and_shown_again(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    password = passwords.make_local(ALICE, rng)
    assert len(password.replace("-", "")) == 20
    assert passwords.make_local(ALICE, rng) == password
    assert MailPasswords(tmp_path).is_local(ALICE, password)
    assert (tmp_path / PASSWORDS_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("wrong", ["", "\0", "x" * 1_000_000, "aaaa-aaaa-aaaa-aaaa-aaaa"])
def test_a_wrong_password_is_none(tmp_path: Path, rng: random.Random, wrong: str) -> None:
    passwords = MailPasswords(tmp_path)
    passwords.make_local(ALICE, rng)
    assert not passwords.is_local(ALICE, wrong)
    assert not passwords.is_local("nobody@provider-1.mix.invalid", wrong)
    assert not passwords.is_local("", wrong)
    assert not passwords.is_of_device(ALICE, wrong)


def test_it_may_be_typed_as_phones_do(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    password = passwords.make_local(ALICE, rng)
    assert passwords.is_local(ALICE, password.capitalize().replace("-", " "))


def test_a_device_has_a_password_of_its_own_of_which_only_a_hash_is_kept(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    local = passwords.make_local(ALICE, rng)
    phone = passwords.add_device("phone", rng=rng, now_s=1.0)
    tablet = passwords.add_device("tablet", rng=rng, now_s=2.0)
    assert [device.name for device in passwords.devices()] == ["phone", "tablet"]
    assert phone not in (tmp_path / PASSWORDS_FILE).read_text()
    # Each counts where it belongs, and for accounts that exist.
    assert passwords.is_of_device(ALICE, phone)
    assert not passwords.is_of_device(ALICE, local)
    assert not passwords.is_local(ALICE, phone)
    assert not passwords.is_of_device("bob@provider-1.mix.invalid", phone)
    MailPasswords(tmp_path).remove_device("phone")
    assert not passwords.is_of_device(ALICE, phone)
    assert passwords.is_of_device(ALICE, tablet)


def test_what_is_refused(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    passwords.make_local(ALICE, rng)
    passwords.add_device("phone", rng=rng, now_s=1.0)
    with pytest.raises(MisuseError, match="already"):
        passwords.add_device("phone", rng=rng, now_s=1.0)
    for name in ("", " ", "a\nb", "x" * 41):
        with pytest.raises(MisuseError, match="1 to 40 characters"):
            passwords.add_device(name, rng=rng, now_s=1.0)
    with pytest.raises(MisuseError, match='no device "tablet"'):
        passwords.remove_device("tablet")


def test_there_are_not_many_devices(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    for number in range(MOST_DEVICES):
        passwords.add_device(f"device {number}", rng=rng, now_s=1.0)
    with pytest.raises(MisuseError, match="as many as there may be"):
        passwords.add_device("one more", rng=rng, now_s=1.0)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    password = passwords.make_local(ALICE, rng)
    (tmp_path / PASSWORDS_FILE).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        passwords.is_local(ALICE, password)


def test_passwords_differ(rng: random.Random) -> None:
    assert len({new_password(rng) for _ in range(100)}) == 100


def test_an_account_that_left_has_none(tmp_path: Path, rng: random.Random) -> None:
    passwords = MailPasswords(tmp_path)
    password = passwords.make_local(ALICE, rng)
    passwords.forget_local(ALICE)
    assert not passwords.is_local(ALICE, password)
