"""The commands of `loopixmix client` that need no daemon, and the form of all of them."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from client.directory.configuration import ClientConfig, config_text, load_client
from client.main import client
from loopixmix.config import parse_config
from loopixmix.main import run
from tests.worlds.clients.fake_daemons import TRUST_ROOT


@pytest.fixture
def trust_root(tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    path.write_text(TRUST_ROOT)
    return path


@pytest.fixture
def directory(tmp_path: Path, trust_root: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A client that was just made."""
    assert run(["client", "init", str(tmp_path / "alice"), "--network", str(trust_root), "--api-port", "7078"]) == 0
    capsys.readouterr()
    return tmp_path / "alice"


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands(client, "client")))
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help, path
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), f"{path} {parameter.name}"
    assert not (command.get_short_help_str(60)).endswith("..."), path


def test_a_new_client_is_private_and_complete(directory: Path) -> None:
    for name in ("client.toml", "network.toml", "identity.key", "sealing.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    loaded = load_client(directory)
    assert loaded.config.api.port == 7078
    assert loaded.trust_root.name == "fake"


def test_the_first_configuration_is_the_default_in_words() -> None:
    assert parse_config(config_text(0), ClientConfig, source="client.toml") == ClientConfig()


def test_a_client_is_never_overwritten(directory: Path, trust_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = (directory / "identity.key").read_bytes()
    assert run(["client", "init", str(directory), "--network", str(trust_root)]) == 2
    assert "exists already and is never overwritten" in capsys.readouterr().err
    assert (directory / "identity.key").read_bytes() == key


def test_a_sealed_client(tmp_path: Path, trust_root: Path) -> None:
    assert run(["client", "init", str(tmp_path / "bob"), "--network", str(trust_root), "--sealed"]) == 0
    assert load_client(tmp_path / "bob").store_key is not None


def test_a_client_in_the_directory_of_its_trust_root(trust_root: Path) -> None:
    assert run(["client", "init", str(trust_root.parent), "--network", str(trust_root)]) == 0
    assert load_client(trust_root.parent).trust_root.name == "fake"


def test_a_good_configuration_is_told_so(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["client", "run", str(directory), "--check-config"]) == 0
    assert "configuration is good" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("port = 7078", "port = 70780", 'client.toml: key "api.port"'),
        (
            "port = 7078",
            "prot = 7078",
            'unknown key "prot" in [api] (allowed: port; did you mean "port"?)',
        ),
        ("receipts = false", "receipts = 1", 'client.toml: key "client.receipts"'),
        ("[api]", "[apu]", 'client.toml: unknown key "apu"'),
        ('network = "network.toml"', 'network = "nowhere.toml"', "nowhere.toml: there is no such file"),
        ("[api]", "[api", "client.toml: is not valid TOML"),
    ],
)
def test_a_wrong_configuration_is_told_in_one_line(
    directory: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, complaint: str
) -> None:
    path = directory / "client.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert run(["client", "run", str(directory), "--check-config"]) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert told.count("\n") == 1


def test_a_key_that_others_may_read_is_refused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "identity.key").chmod(0o644)
    assert run(["client", "run", str(directory)]) == 2
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "nowhere"], "nowhere is no client's directory"),
        (["register", "nowhere", "alice"], "an address is NAME@PROVIDER: loopixmix client network DIR lists"),
        (["send", "nowhere"], "Missing argument 'TO'"),
        (["send", "nowhere", "bob@away"], "there is nothing to send: give TEXT"),
        (["request", "nowhere", "echo"], "there is nothing to send: give TEXT"),
        (["send", "nowhere", "bob@away", "", "--file", __file__], "give TEXT or --file, not both"),
        (["status", "nowhere", "--watch", "--json"], "--watch is for people"),
        (["inbox", "nowhere", "--limit", "0"], "--limit"),
        (["request", "nowhere", "echo", "?", "--deadline", "+60"], "--deadline belong to --post"),
        (["request", "nowhere", "echo", "?", "--post", "--deadline", "soon"], "'soon' is no moment"),
        (["status", "nowhere", "--watch", "--check"], "--watch never ends"),
        (["stop", "nowhere"], "nowhere is no client's directory"),
        (["init", "new", "--network", "nowhere.toml"], "nowhere.toml"),
        (["init", "new"], "--network"),
    ],
)
def test_bad_input_ends_with_2(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["client", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_the_openapi_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["client", "openapi"]) == 0
    assert "/v1/messages/bulk" in json.loads(capsys.readouterr().out)["paths"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("alice@home", "--guest"), "--guest is for an account without a name"),
        (("--guest", "--invitation", "code"), "--guest is for an account without a name"),
        (("alice@home", "--provider", "home"), "--provider and --token go with --guest"),
        (("alice@home", "--token", __file__), "--provider and --token go with --guest"),
        ((), "an address is NAME@PROVIDER"),
        (("alice",), "an address is NAME@PROVIDER"),
    ],
)
def test_an_account_has_a_name_or_is_a_guests(
    directory: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    assert run(["client", "register", str(directory), *arguments]) == 2
    assert complaint in capsys.readouterr().err
