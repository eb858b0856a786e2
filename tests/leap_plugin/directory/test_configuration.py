"""`mail.toml`: written with comments, read strictly, changed without losing what a person wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap_plugin.directory.configuration import (
    CONFIG_FILE,
    MOST_ACCOUNTS,
    LocalDoor,
    MailAccount,
    MailConfig,
    MailDirectory,
    PrivateDoor,
    add_account,
    check_private,
    config_text,
    create_mail,
    load_mail,
    remove_account,
    set_private_address,
)
from loopixmix.config import parse_config
from loopixmix.errors import ConfigError, LoopixmixError, MisuseError

ALICE = MailAccount(client="clients/alice", address="alice@provider-1")
BOB = MailAccount(client="/elsewhere/bob", address="bob@provider-2", mail_address="bob@example.org")


def made(path: Path) -> MailDirectory:
    return create_mail(path, MailConfig(accounts=(ALICE,)))


def test_what_is_written_is_read_again_and_every_key_is_explained(tmp_path: Path) -> None:
    for config in (MailConfig(), MailConfig(accounts=(ALICE, BOB), private=PrivateDoor(address="192.168.1.5"))):
        assert parse_config(config_text(config), MailConfig, source="text") == config
    made(tmp_path)
    assert load_mail(tmp_path) == MailDirectory(tmp_path, MailConfig(accounts=(ALICE,)))
    assert (tmp_path / CONFIG_FILE).stat().st_mode & 0o777 == 0o600


def test_a_login_is_the_mail_address(tmp_path: Path) -> None:
    assert ALICE.login == "alice@provider-1.mix.invalid"
    assert BOB.login == "bob@example.org"
    directory = made(tmp_path)
    assert directory.client_of(ALICE) == (tmp_path / "clients/alice").resolve()
    assert directory.client_of(BOB) == Path("/elsewhere/bob")


def test_accounts_come_and_go_and_the_text_of_the_owner_stays(tmp_path: Path) -> None:
    directory = made(tmp_path)
    path = tmp_path / CONFIG_FILE
    path.write_text("# mine\n" + path.read_text().replace("smtp_port = 2587", "smtp_port = 2588  # because"))
    add_account(load_mail(tmp_path), BOB)
    assert load_mail(tmp_path).config.accounts == (ALICE, BOB)
    assert load_mail(tmp_path).config.local.smtp_port == 2588
    set_private_address(load_mail(tmp_path), "10.0.0.7")
    remove_account(load_mail(tmp_path), ALICE.login)
    loaded = load_mail(tmp_path).config
    assert (loaded.accounts, loaded.private.address) == ((BOB,), "10.0.0.7")
    assert path.read_text().startswith("# mine\n")
    assert "# because" in path.read_text()
    with pytest.raises(MisuseError, match="there is no account alice"):
        remove_account(load_mail(tmp_path), ALICE.login)
    with pytest.raises(ConfigError, match="twice"):
        add_account(load_mail(tmp_path), BOB)
    assert directory.config.accounts == (ALICE,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[local]\nsmtp = 1", 'unknown key "smtp"'),
        ("[local]\nsmtp_port = 70000", "local.smtp_port"),
        ("[local]\nsmtp_port = 99\nimap_port = 99", "cannot both have the port 99"),
        ('[local]\nsecurity = "none"', "local.security"),
        ('[private]\naddress = "example.org"', "no numeric address"),
        ('[[accounts]]\nclient = "a"\naddress = "alice"', "alice"),
        ('[[accounts]]\nclient = "a"', "address"),
        ('[[accounts]]\nclient = "a"\naddress = "a@b"\nmail_address = "A b@c"', "no mail address"),
        ('[[accounts]]\nclient = "a"\naddress = "a@b"\n[[accounts]]\nclient = "a"\naddress = "c@b"', "twice"),
        ('[[accounts]]\nclient = "a"\naddress = "a@b"\n[[accounts]]\nclient = "b"\naddress = "a@b"', "twice"),
        ("[outgoing]\ngive_up_s = 0", "outgoing.give_up_s"),
        ('[outgoing]\nexit_gateway = "gate@provider-1"', "give both, or neither"),
        ('[outgoing]\nexit_purpose = "mail-exit"', "give both, or neither"),
        ("accounts = 3", "accounts"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / CONFIG_FILE).write_text(text)
    with pytest.raises(LoopixmixError, match=problem) as caught:
        load_mail(tmp_path)
    assert "\n" not in str(caught.value)


def test_two_ways_of_writing_one_client_are_one(tmp_path: Path) -> None:
    accounts = (ALICE, MailAccount(client="./clients/../clients/alice", address="alice2@provider-1"))
    create_mail(tmp_path, MailConfig(accounts=accounts))
    with pytest.raises(ConfigError, match="two accounts have the client"):
        load_mail(tmp_path)


def test_a_bridge_is_never_overwritten_and_a_directory_without_one_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="loopixmix mail setup"):
        load_mail(tmp_path)
    made(tmp_path)
    with pytest.raises(ConfigError, match="exists already"):
        made(tmp_path)


@pytest.mark.parametrize("address", ["192.168.1.5", "10.1.2.3", "172.16.0.1", "100.64.0.9", "fd00::5", "127.0.0.2"])
def test_private_addresses_are_allowed(address: str) -> None:
    check_private(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "0.0.0.0", "::", "2a00::1", "localhost", "", "192.168.1", "::ffff:0.0.0.0"]
)
def test_others_are_not(address: str) -> None:
    with pytest.raises(ConfigError):
        check_private(address)


def test_any_free_ports_may_be_taken() -> None:
    assert MailConfig(local=LocalDoor(smtp_port=0, imap_port=0)).local.smtp_port == 0


def test_an_account_too_many_is_refused_before_the_file_cannot_be_read_any_more(tmp_path: Path) -> None:
    accounts = tuple(MailAccount(client=f"clients/{n}", address=f"name{n}@home") for n in range(MOST_ACCOUNTS))
    create_mail(tmp_path, MailConfig(accounts=accounts))
    with pytest.raises(MisuseError, match=f"{MOST_ACCOUNTS} accounts already"):
        add_account(load_mail(tmp_path), ALICE)
    assert len(load_mail(tmp_path).config.accounts) == MOST_ACCOUNTS


def test_a_private_address_is_kept_as_certificates_write_it(tmp_path: Path) -> None:
    assert set_private_address(made(tmp_path), "FD00:0::5").config.private.address == "fd00::5"
