"""`loopixmix mail accounts`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from leap_plugin.cli.accounts import accounts
from leap_plugin.directory.configuration import MailAccount, MailConfig, load_mail
from leap_plugin.directory.making import make_bridge
from loopixmix.errors import MisuseError

ALICE = MailAccount(client="alice", address="alice@provider-1")


@pytest.fixture
def bridge(tmp_path: Path) -> Path:
    make_bridge(tmp_path, MailConfig(accounts=(ALICE,)), rng=random.Random(1), now_s=1.8e9)
    return tmp_path


def test_an_account_is_listed_and_taken_out(bridge: Path) -> None:
    user = CliRunner()
    [row] = json.loads(user.invoke(accounts, ["list", str(bridge), "--json"]).output)
    client = str((bridge / "alice").resolve())
    assert row == {"mail_address": ALICE.login, "address": ALICE.address, "client": client}
    assert ALICE.login in user.invoke(accounts, ["list", str(bridge)]).output
    assert user.invoke(accounts, ["remove", str(bridge), ALICE.login]).exit_code == 0
    assert load_mail(bridge).config.accounts == ()
    assert "no account yet" in user.invoke(accounts, ["list", str(bridge)]).output
    assert isinstance(user.invoke(accounts, ["remove", str(bridge), ALICE.login]).exception, MisuseError)
