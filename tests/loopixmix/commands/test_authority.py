"""`loopixmix authority`: what init makes, and what it refuses."""

from __future__ import annotations

import json
import os
import random
import stat
import time
from pathlib import Path

import msgspec
import pytest

from loopixmix.authority.config import LOCK_FILE, AuthorityConfig, load_authority
from loopixmix.commands.authority import authority
from loopixmix.config import load_config, load_trust_root
from loopixmix.main import run
from loopixmix.observing.status import NodeStatus
from loopixmix.params import NetworkParams
from loopixmix.process.files import DirectoryLock, create_identity, load_identity
from loopixmix.process.status import StatusFile


def command(*arguments: object) -> int:
    return run([str(argument) for argument in arguments], command=authority)


def test_what_was_made_is_told_to_programs_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("init", tmp_path / "authority", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] == load_identity(tmp_path / "authority" / "identity.key").public.hex()
    assert Path(told["network"]).is_file()
    assert Path(told["config"]).is_file()


def test_init_makes_files_that_run_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "new" / "authority"
    assert command("init", directory, "--name", "example", "--listen", "127.0.0.1:9123", "--layers", 4) == 0
    output = capsys.readouterr()
    assert "authority run" in output.out
    assert output.err == ""
    identity_key = load_identity(directory / "identity.key")
    config, root = load_authority(directory, identity_key)
    assert config == AuthorityConfig(listen="127.0.0.1:9123", params=NetworkParams(layers=4))
    assert (root.name, root.authorities[0].url) == ("example", "http://127.0.0.1:9123")
    assert stat.S_IMODE((directory / "identity.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert command("run", directory, "--check-config") == 0
    assert "the configuration is good" in capsys.readouterr().out


def test_parameters_that_clients_refuse_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, options in (("true", ()), ("test", ("--test",))):
        for words in (("init", tmp_path / name, "--layers", 2, *options), ("run", tmp_path / name, "--check-config")):
            assert command(*words) == 0
            told = capsys.readouterr().err
            assert ("params.layers = 2, at least 3" in told) is (name == "true"), told
    assert command("init", tmp_path / "json", "--delay-mean-s", 0.01, "--json") == 0
    assert "params.delay_mean_s = 0.01, at least 0.1" in json.loads(capsys.readouterr().out)["warning"]


def test_the_trust_root_of_a_test_network_says_so(tmp_path: Path) -> None:
    for name, options in (("true", ()), ("test", ("--test",))):
        assert command("init", tmp_path / name, *options) == 0
        assert load_trust_root(tmp_path / name / "network.toml").test is (name == "test")


def test_every_parameter_of_a_network_can_be_chosen(tmp_path: Path) -> None:
    options = {
        "layers": 4,
        "delay_mean_s": 0.1,
        "payload_rate_per_s": 3.5,
        "loop_rate_per_s": 0.25,
        "drop_rate_per_s": 0.75,
        "node_loop_rate_per_s": 2.5,
        "pull_rate_per_s": 0.5,
        "pull_batch": 25,
        "epoch_length_s": 600,
        "grace_s": 20,
        "payload_bytes": 4096,
    }
    assert set(options) == {field.name for field in msgspec.structs.fields(NetworkParams)}
    arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", value)]
    assert command("init", tmp_path, *arguments, "--expected-mixes", 8, "--expected-providers", 3) == 0
    config = load_config(tmp_path / "authority.toml", AuthorityConfig)
    assert config.params == NetworkParams(**options)  # type: ignore[arg-type]
    assert (config.expected_mixes, config.expected_providers) == (8, 3)
    assert load_trust_root(tmp_path / "network.toml").epoch_length_s == 600


def test_open_enrolment_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("init", tmp_path, "--open-enrolment") == 0
    assert "test networks only" in capsys.readouterr().err


def test_a_second_init_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("init", tmp_path) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    assert command("init", tmp_path, "--name", "other") == 2
    assert capsys.readouterr().err == (
        f"loopixmix: {tmp_path / 'identity.key'}: exists already and is never overwritten\n"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--layers", "9"], "--layers: expected a whole number <= 8"),
        (["--grace-s", "1800"], "grace_s (1800) must be less than half"),
        (["--pull-batch", "6"], "pulls fetch 6 items a second"),
        (["--listen", "nowhere"], "key \"listen\": 'nowhere' is not an address"),
        (["--listen", "0.0.0.0:9000"], "give the one to be reached at with --url http://HOST:9000"),
        (["--url", "ftp://x"], "'ftp://x' is not an address"),
        (["--name", "Not A Name"], "--name: expected a name of 1 to 63 letters a-z, digits"),
        (["--layers", "many"], "is not a valid integer"),
        (["--speed", "1"], "No such option"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], text: str
) -> None:
    assert command("init", tmp_path / "new", *options) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_run_needs_an_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", tmp_path / "none", "--check-config") == 2
    assert "there is no such file" in capsys.readouterr().err
    create_identity(tmp_path / "identity.key", random.Random(1))
    assert command("run", tmp_path, "--check-config") == 2
    assert "authority.toml: there is no such file" in capsys.readouterr().err


def test_status_prints_what_the_running_authority_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("status", tmp_path) == 1
    assert capsys.readouterr().err == f"loopixmix: {tmp_path}: no node runs here\n"
    written = NodeStatus(
        name="authority",
        id="ab" * 32,
        role="authority",
        layer=None,
        pid=os.getpid(),
        started_at_s=0,
        written_at_s=60,
        epoch=7,
        healthy=False,
        problem="no document yet",
        engine="none",
        extra={"nodes_in_document": 3},
    )
    with DirectoryLock(tmp_path / LOCK_FILE):
        StatusFile(tmp_path).write(written)
        assert command("status", tmp_path) == 1
        output = capsys.readouterr().out
        assert "not answering for" in output
        assert "1970-01-01 00:01:00+00:00" in output
        assert "nodes in document    3" in output
        assert command("status", tmp_path, "--json") == 1
        assert msgspec.json.decode(capsys.readouterr().out, type=NodeStatus) == written
        StatusFile(tmp_path).write(msgspec.structs.replace(written, written_at_s=time.time()))
        assert command("status", tmp_path) == 0
        assert "no document yet" in capsys.readouterr().out
        assert command("status", tmp_path, "--check") == 1
        assert capsys.readouterr().out == "authority: no document yet\n"
        StatusFile(tmp_path).write(msgspec.structs.replace(written, written_at_s=time.time(), healthy=True))
        assert command("status", tmp_path, "--check") == 0
