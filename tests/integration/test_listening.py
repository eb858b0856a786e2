"""Where programs listen: `--check-config` refuses what `run` would refuse, by the key that says it."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from leap_plugin.bridge.listening import check_ports
from leap_plugin.directory.configuration import LeapDoor, LocalDoor, MailConfig, PrivateDoor
from leap_plugin.gateways.configuration import create_gateway
from loopixmix.errors import ListenError
from loopixmix.main import run
from loopixmix.process.files import DirectoryLock
from tests.worlds.voters import Voters

RNG = random.Random(1)
FREE = 22_950
OTHER_MACHINE = "192.0.2.1"
"""An address for documentation (RFC 5737), which no machine has."""


def authority(root: Path) -> Path:
    directory = root / "authority"
    assert run(["authority", "init", str(directory), "--listen", f"127.0.0.1:{FREE}", "--open-enrolment"]) == 0
    return directory


def node(role: str) -> Callable[[Path], Path]:
    def made(root: Path) -> Path:
        network = authority(root) / "network.toml"
        options = ["--name", role, "--listen", f"127.0.0.1:{FREE}", "--network", str(network)]
        assert run([role, "init", str(root / role), *options]) == 0
        return root / role

    return made


def board(root: Path) -> Path:
    administrator = Voters().world.keys.administrator.identity.hex()
    assert run(["vote", "board", "init", str(root / "board"), "--administrator", administrator]) == 0
    return root / "board"


def collector(root: Path) -> Path:
    assert run(["stats", "collector", "init", str(root / "collector"), "--port", str(FREE)]) == 0
    return root / "collector"


def gateway(root: Path) -> Path:
    (root / "client").mkdir()
    create_gateway(root / "gateway", domain="example.org", provider="home", client=str(root / "client"), rng=RNG)
    config = root / "gateway" / "gateway.toml"
    head, entrance = config.read_text().split("[entrance]")
    entrance = entrance.replace("enabled = false", "enabled = true", 1).replace(
        'postmaster = ""', 'postmaster = "post@home"'
    )
    config.write_text(f"{head}[entrance]{entrance}")
    return root / "gateway"


COMMANDS = {
    "authority": (authority, ["authority", "run"], "authority.toml", "authority.lock"),
    "mix": (node("mix"), ["mix", "run"], "node.toml", "node.lock"),
    "provider": (node("provider"), ["provider", "run"], "node.toml", "node.lock"),
    "board": (board, ["vote", "board", "run"], "board.toml", "board.lock"),
    "collector": (collector, ["stats", "collector", "run"], "collector.toml", "collector.lock"),
    "gateway": (gateway, ["mail", "gateway", "run"], "gateway.toml", "gateway.lock"),
}
LISTEN = (r'^listen = ".*"$', 'listen = "{host}:{port}"')
PORT = (r"^port = .*$", "port = {port}")
METRICS = (r'^\[metrics\]\n(?:#.*\n)*listen = ".*"$', '[metrics]\nlisten = "{host}:{port}"')
CASES = [
    ("authority", LISTEN, "listen"),
    ("mix", LISTEN, "listen"),
    ("mix", METRICS, "metrics.listen"),
    ("provider", LISTEN, "listen"),
    ("board", PORT, "port"),
    ("collector", PORT, "port"),
    ("gateway", LISTEN, "entrance.listen"),
]


@pytest.fixture
def taken() -> Iterator[int]:
    """The number of a port at which another program listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield int(other.getsockname()[1])


def check(command: list[str], directory: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Check a configuration; return the exit code, and what was told on standard error."""
    capsys.readouterr()
    return run([*command, str(directory), "--check-config"]), capsys.readouterr().err


@pytest.mark.parametrize(("program", "setting", "key"), CASES)
def test_a_port_in_use_is_refused_by_its_key_unless_the_program_has_it(
    program: str,
    setting: tuple[str, str],
    key: str,
    taken: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make, command, file, lock = COMMANDS[program]
    directory = make(tmp_path)
    change(directory / file, setting, "127.0.0.1", FREE)
    assert check(command, directory, capsys) == (0, "")
    change(directory / file, setting, "127.0.0.1", taken)
    exit_code, told = check(command, directory, capsys)
    assert exit_code == 2
    assert told.startswith(f'loopixmix: key "{key}": cannot listen on 127.0.0.1:{taken}: Address already in use; ')
    assert told.count("\n") == 1
    with DirectoryLock(directory / lock):
        assert check(command, directory, capsys)[0] == 0


@pytest.mark.parametrize(("program", "setting", "key"), [case for case in CASES if "listen" in case[2]])
def test_an_address_of_another_machine_is_refused_by_its_key(
    program: str, setting: tuple[str, str], key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, command, file, _ = COMMANDS[program]
    directory = make(tmp_path)
    change(directory / file, setting, OTHER_MACHINE, FREE)
    exit_code, told = check(command, directory, capsys)
    assert exit_code == 2
    assert f'key "{key}": cannot listen on {OTHER_MACHINE}:{FREE}: Cannot assign requested address' in told


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (lambda port: MailConfig(local=LocalDoor(smtp_port=port, imap_port=0)), "local.smtp_port"),
        (lambda port: MailConfig(local=LocalDoor(smtp_port=0, imap_port=port)), "local.imap_port"),
        (
            lambda port: MailConfig(
                local=LocalDoor(smtp_port=0, imap_port=0),
                private=PrivateDoor(address="127.0.0.1", smtp_port=0, imap_port=port),
            ),
            "private.imap_port",
        ),
        (
            lambda port: MailConfig(local=LocalDoor(smtp_port=0, imap_port=0), leap=LeapDoor(serve=True, port=port)),
            "leap.port",
        ),
        (
            lambda _: MailConfig(
                local=LocalDoor(smtp_port=0, imap_port=0), private=PrivateDoor(address="10.255.255.254")
            ),
            "private.address",
        ),
    ],
)
def test_a_bridge_is_told_which_of_its_ports_it_cannot_have(
    config: Callable[[int], MailConfig], key: str, taken: int, tmp_path: Path
) -> None:
    with pytest.raises(ListenError, match=f'^key "{key}": cannot listen on '):
        check_ports(config(taken), lock=tmp_path / "mail.lock")
    check_ports(MailConfig(local=LocalDoor(smtp_port=0, imap_port=0)), lock=tmp_path / "mail.lock")


def change(file: Path, setting: tuple[str, str], host: str, port: int) -> None:
    """Change where a program listens."""
    before, after = setting
    text, count = re.subn(f"(?m){before}", after.format(host=host, port=port), file.read_text())
    assert count
    file.write_text(text)
