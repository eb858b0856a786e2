"""The operator's commands, as they are typed."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from leap_plugin.gateways.cli import gateway
from leap_plugin.gateways.configuration import PURPOSE, STORE_FILE, listening_place, load_gateway, resolver_place
from leap_plugin.gateways.program import GatewayStatus
from leap_plugin.gateways.store.schema import SCHEMA
from leap_plugin.gateways.telling import status_lines, status_of
from loopixmix.errors import ConfigError, LoopixmixError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens import encode_key_set
from tests.worlds.databases import locked
from tests.worlds.tokens import token_key


def said(*words: str) -> Result:
    return CliRunner().invoke(gateway, [str(word) for word in words])


def made(directory: Path) -> Path:
    assert said("init", str(directory / "g"), "--domain", "gate.example").exit_code == 0
    return directory / "g"


def problem(*words: str) -> str:
    result = said(*words)
    assert isinstance(result.exception, LoopixmixError), result.output
    return str(result.exception)


def test_a_new_gateway_is_off_and_private(tmp_path: Path) -> None:
    path = made(tmp_path)
    config = load_gateway(path).config
    assert not config.exit.enabled
    assert not config.entrance.enabled
    for name in ("store.key", "opt-out.key", "gateway.toml"):
        assert stat.S_IMODE((path / name).stat().st_mode) == 0o600
    assert "never overwritten" in problem("init", str(path), "--domain", "gate.example")
    assert "both sides of this gateway are off" in problem("run", str(path))


@pytest.mark.parametrize("domain", ["", "Gate.example", "gate", "x.mix.invalid", "gäte.example", "a b.example"])
def test_a_domain_is_a_domain(domain: str, tmp_path: Path) -> None:
    assert "domain" in problem("init", str(tmp_path / "g"), "--domain", domain)
    assert not (tmp_path / "g" / "gateway.toml").exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("enabled = false", "enabled = true", "opt_out_url"),
        ('host = "127.0.0.1"', 'host = "relay.example"', "on this machine"),
        ("connections = 4", "connections = 0", "connections"),
        ("footer = true", "foter = true", "foter"),
        ('user = ""', 'user = "me"', "password_file"),
        ('listen = "127.0.0.1:2525"', 'listen = "127.0.0.1"', "HOST:PORT"),
        ('resolvers = ""', 'resolvers = "dns.example"', "no IP address"),
    ],
)
def test_a_wrong_configuration_is_told_in_one_line(old: str, new: str, expected: str, tmp_path: Path) -> None:
    path = made(tmp_path)
    config = path / "gateway.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    told = problem("run", str(path), "--check-config")
    assert expected in told
    assert "\n" not in told


def test_an_exit_without_keys_of_tokens_is_found_before_it_runs(tmp_path: Path) -> None:
    path = made(tmp_path)
    config = path / "gateway.toml"
    text = config.read_text().replace("enabled = false", "enabled = true", 1)
    config.write_text(text.replace('opt_out_url = ""', 'opt_out_url = "https://gate.example/stop"'))
    assert "that of the gateway's client" in problem("run", str(path), "--check-config")
    (path / "client").mkdir()
    assert "no key for the purpose mail-exit" in problem("run", str(path), "--check-config")
    (path / "mail-exit.keys").write_bytes(encode_key_set([token_key(purpose=PURPOSE)]))
    assert "all is well" in said("run", str(path), "--check-config").output


def test_what_an_entrance_lacks_is_found_before_it_runs(tmp_path: Path) -> None:
    path = made(tmp_path)
    (path / "client").mkdir()
    assert "both sides of this gateway are off" in problem("run", str(path), "--check-config")
    exit_part, _, entrance = (path / "gateway.toml").read_text().partition("[entrance]")
    entrance = entrance.replace("enabled = false", "enabled = true", 1).replace(
        'certificate = ""', 'certificate = "c.pem"'
    )
    entrance = entrance.replace('postmaster = ""', 'postmaster = "alice@provider-1"')
    (path / "gateway.toml").write_text(f"{exit_part}[entrance]{entrance}")
    assert "no certificate with its key" in problem("run", str(path), "--check-config")


def test_opt_outs_by_hand(tmp_path: Path) -> None:
    path = str(made(tmp_path))
    assert said("opt-out", path, "Bob+x@example.org").exit_code == 0
    assert json.loads(said("status", path, "--json").output)["opted_out"] == 1
    assert "sent again" in said("opt-in", path, "bob@example.org").output
    assert "had not opted out" in said("opt-in", path, "bob@example.org").output
    assert "no mail address" in problem("opt-out", path, "nobody")


def test_a_gateway_that_does_not_run_is_no_success(tmp_path: Path) -> None:
    path = str(made(tmp_path))
    told = said("status", path)
    assert told.output.splitlines()[0] == "problem: the gateway does not run"
    assert (told.exit_code, said("status", path, "--json").exit_code) == (1, 1)
    assert "nothing to stop" in problem("stop", path)


def test_no_gateway_is_told(tmp_path: Path) -> None:
    for command in ("run", "status", "stop"):
        assert "no gateway's directory" in problem(command, str(tmp_path))


def test_places_to_listen() -> None:
    assert listening_place("[::1]:25") == ("::1", 25)
    for bad in ("25", ":25", "a:b", "a:70000"):
        with pytest.raises(ConfigError):
            listening_place(bad)


def test_places_of_resolvers() -> None:
    assert resolver_place("192.0.2.1") == ("192.0.2.1", 53)
    assert resolver_place("192.0.2.1:5300") == ("192.0.2.1", 5300)
    assert resolver_place("2001:db8::1") == ("2001:db8::1", 53)
    assert resolver_place("[2001:db8::1]:5300") == ("2001:db8::1", 5300)
    for bad in ("", "192.0.2.1:x", "192.0.2.1:0", "[2001:db8::1]:"):
        with pytest.raises(ConfigError):
            resolver_place(bad)


def test_the_status_does_not_wait_for_the_store(tmp_path: Path) -> None:
    path = made(tmp_path)
    Store(SCHEMA, sqlite_url(path / STORE_FILE)).close()
    assert status_of(path).waiting == 0
    with locked(path / STORE_FILE):
        begun_s = time.monotonic()
        report = status_of(path)
        assert time.monotonic() - begun_s < 3.0
    assert (report.waiting, report.ways_back, report.opted_out) == (None, None, None)
    now = GatewayStatus(pid=1, address="gate@home", domains=("gate.example",), exit=None, entrance=None)
    running = msgspec.structs.replace(report, running=True, now=now)
    assert running.problem is not None
    assert "the store does not answer" in running.problem
    assert not any("waiting" in line for line in status_lines(running))
