"""`loopixmix mail receipts`: off until chosen, one account or all, and nothing else is changed."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path

import pytest

from leap_plugin.directory.making import make_unasked
from loopixmix.main import run

CLIENT = "# A client.\n[client]\n# Tell contacts.\nreceipts = false\ngive_up_s = 7.0\n"


@pytest.fixture
def bridge(tmp_path: Path) -> Path:
    for name in ("alice", "bob"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "client.toml").write_text(CLIENT)
    accounts = [(f"{name}@one", tmp_path / name) for name in ("alice", "bob")]
    return make_unasked(tmp_path / "bridge", accounts, (0, 0), rng=random.Random(1), now_s=1_800_000_000.0).path


def receipts(bridge: Path, *arguments: str) -> int:
    return run(["mail", "receipts", str(bridge), *arguments])


def chosen(bridge: Path) -> dict[str, bool]:
    files = {name: (bridge.parent / name / "client.toml").read_text() for name in ("alice", "bob")}
    return {name: tomllib.loads(text)["client"]["receipts"] for name, text in files.items()}


def test_they_are_off_until_somebody_chooses(bridge: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert receipts(bridge) == 0
    assert capsys.readouterr().out == "alice@one.mix.invalid: off\nbob@one.mix.invalid: off\n"
    assert receipts(bridge, "on", "--account", "bob@one.mix.invalid") == 0
    assert "loopixmix client stop" in capsys.readouterr().out
    assert chosen(bridge) == {"alice": False, "bob": True}
    assert receipts(bridge, "on") == receipts(bridge, "on") == 0
    assert chosen(bridge) == {"alice": True, "bob": True}
    assert (bridge.parent / "bob" / "client.toml").read_text() == CLIENT.replace("false", "true")
    capsys.readouterr()
    assert receipts(bridge, "off", "--account", "bob@one.mix.invalid", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"bob@one.mix.invalid": {"on": False, "changed": True}}
    assert receipts(bridge, "off") == 0
    assert (bridge.parent / "bob" / "client.toml").read_text() == CLIENT


def test_what_is_not_there_is_one_line(bridge: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert receipts(bridge, "on", "--account", "carol@one") == 2
    (bridge.parent / "alice" / "client.toml").write_text("= broken")
    assert receipts(bridge, "on") == 2
    (bridge.parent / "alice" / "client.toml").unlink()
    assert receipts(bridge) == 2
    assert capsys.readouterr().err.count("\n") == 3
