"""`loopixmix mix`: what init makes, and what it refuses."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from loopixmix.authority.config import trust_root_toml
from loopixmix.commands.mix import mix
from loopixmix.keys import IdentityKey
from loopixmix.main import EXIT_MISUSE, run
from loopixmix.node.config import NodeConfig, load_node
from tests.worlds.networks.models import trust_root_of


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    path.write_text(trust_root_toml(trust_root_of(IdentityKey(bytes(32)))))
    return path


def command(*arguments: object) -> int:
    return run([str(argument) for argument in arguments], command=mix)


def init(directory: Path, network: Path, *, listen: str = "127.0.0.1:30001") -> int:
    return command("init", directory, "--name", "mix1", "--listen", listen, "--network", network)


def test_init_makes_a_directory_that_run_accepts(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "nodes" / "mix1"
    assert init(directory, network) == 0
    config, trust_root, identity_key = load_node(directory, NodeConfig)
    assert config == NodeConfig(name="mix1", listen="127.0.0.1:30001")
    assert trust_root == trust_root_of(IdentityKey(bytes(32)))
    assert identity_key.public.hex() in capsys.readouterr().out
    assert stat.S_IMODE((directory / "identity.key").stat().st_mode) == 0o600
    assert command("run", directory, "--check-config") == 0
    assert "the configuration is good" in capsys.readouterr().out


def test_the_id_of_a_new_mix_is_told_to_programs_too(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--name", "mix1", "--listen", "127.0.0.1:30001", "--network", network, "--json")
    assert command("init", tmp_path / "mix1", *options) == 0
    _, _, identity_key = load_node(tmp_path / "mix1", NodeConfig)
    assert json.loads(capsys.readouterr().out) == {
        "id": identity_key.public.hex(),
        "config": str(tmp_path / "mix1" / "node.toml"),
    }


def test_nothing_is_ever_overwritten(tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(tmp_path / "mix1", network) == 0
    key = (tmp_path / "mix1" / "identity.key").read_bytes()
    assert init(tmp_path / "mix1", network) == EXIT_MISUSE
    assert "exists already and is never overwritten" in capsys.readouterr().err
    assert (tmp_path / "mix1" / "identity.key").read_bytes() == key


def test_what_others_could_not_reach_is_refused_and_leaves_nothing(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path / "mix1", network, listen="[::]:30001") == EXIT_MISUSE
    assert 'say with "advertise"' in capsys.readouterr().err
    assert init(tmp_path / "mix1", network, listen="localhost") == EXIT_MISUSE
    assert init(tmp_path / "mix1", tmp_path / "gone.toml") == EXIT_MISUSE
    assert not (tmp_path / "mix1").exists()


def test_a_directory_of_no_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", tmp_path / "gone") == EXIT_MISUSE
    assert "there is no such directory" in capsys.readouterr().err
    assert command("status", tmp_path) == 1
    assert command("withdraw", tmp_path) == 1
