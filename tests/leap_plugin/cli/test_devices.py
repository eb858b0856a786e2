"""`loopixmix mail devices`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leap_plugin.cli.devices import devices
from leap_plugin.cli.outside import MailOutside
from leap_plugin.directory.configuration import MailAccount, MailConfig
from leap_plugin.directory.making import make_bridge
from leap_plugin.directory.passwords import MailPasswords
from loopixmix.errors import ConfigError, MisuseError

RNG = random.Random(2)
ALICE = MailAccount(client="alice", address="alice@provider-1")


@pytest.fixture
def bridge(tmp_path: Path) -> Path:
    make_bridge(tmp_path, MailConfig(accounts=(ALICE,)), rng=random.Random(1), now_s=1.8e9)
    return tmp_path


def says(*words: str) -> Result:
    outside = MailOutside(perform=lambda work: None, rng=RNG, now_s=lambda: 1.8e9)  # type: ignore[arg-type]
    return CliRunner().invoke(devices, words, obj=outside)


def test_a_device_is_added_listed_and_removed(bridge: Path) -> None:
    assert "no other device" in says("list", str(bridge)).output
    added = says("add", str(bridge), "phone")
    assert "No other device gets in yet" in added.output
    password = json.loads(says("add", str(bridge), "tablet", "--json").output)["password"]
    assert MailPasswords(bridge).is_of_device(ALICE.login, password)
    assert [each["name"] for each in json.loads(says("list", str(bridge), "--json").output)] == ["phone", "tablet"]
    assert says("remove", str(bridge), "tablet").exit_code == 0
    assert not MailPasswords(bridge).is_of_device(ALICE.login, password)
    assert "phone  since 2027-01-15" in says("list", str(bridge)).output


def test_what_is_wrong_is_told(bridge: Path, tmp_path: Path) -> None:
    assert isinstance(says("remove", str(bridge), "phone").exception, MisuseError)
    assert isinstance(says("add", str(tmp_path / "gone"), "phone").exception, ConfigError)
    assert says("add", str(bridge)).exit_code == 2
