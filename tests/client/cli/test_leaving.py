"""The commands `export` and `erase`, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from client.main import client
from provider.accounts import RegistrationRules
from provider.mailbox import MailboxRules
from tests.client.leaving.test_archive import alice as alice  # a fixture
from tests.client.leaving.test_archive import new_client


def run(*arguments: object, typed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(client, [str(each) for each in arguments], input=typed)
    return result.exit_code, result.output


def test_export_tells_what_it_wrote(alice: Path, tmp_path: Path) -> None:
    code, told = run("export", alice, tmp_path / "all.zip")
    assert code == 0
    assert f"{tmp_path / 'all.zip'}: " in told
    code, told = run("export", alice, tmp_path / "json.zip", "--json")
    assert json.loads(told)["file_bytes"] == (tmp_path / "json.zip").stat().st_size


def test_keys_are_exported_with_a_warning(alice: Path, tmp_path: Path) -> None:
    assert "WARNING: who gets this file can read" in run("export", alice, tmp_path / "all.zip", "--keys")[1]


def test_erase_asks_and_goes_on_only_after_yes(alice: Path) -> None:
    code, told = run("erase", alice, typed="\n")
    assert code == 1
    assert "alice@provider-1, 1 received and 1 sent messages, 1 contacts" in told
    assert alice.exists()
    code, told = run("erase", alice, typed="y\n")
    assert code == 0
    assert not alice.exists()


def test_erase_says_what_cannot_be_recalled(alice: Path) -> None:
    told = run("erase", alice, "--yes")[1]
    assert "loopixmix provider accounts remove DIR alice" in told
    assert f"after {MailboxRules().expiry_days} days unless" in told
    assert RegistrationRules().guest_days == MailboxRules().expiry_days, "the other text says the same number"
    assert "Messages that you sent" in told


def test_a_client_without_account_needs_no_provider(tmp_path: Path) -> None:
    told = run("erase", new_client(tmp_path), "--yes")[1]
    assert "The account" not in told
