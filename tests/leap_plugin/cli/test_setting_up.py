"""`loopixmix mail setup`: what it takes from options, what it refuses, and that it may be run again."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from client.api import ClientStatus
from leap_plugin.cli.outside import MailOutside
from leap_plugin.cli.setting_up import ADDRESS_QUESTION, LISTEN_QUESTION, setup
from leap_plugin.directory.configuration import LOCK_FILE, load_mail
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.process.files import DirectoryLock
from tests.leap_plugin.bridge.test_account_client import status


class ClientsOfATest:
    """Stands for the reactor on which clients are started: each says of itself what the test says."""

    def __init__(self, said: ClientStatus) -> None:
        self.said = said
        self.started = 0

    def perform(self, work: Callable[[Any], Awaitable[Any]], /) -> Any:
        self.started += 1
        return self.said


class Person:
    """Somebody who sets a bridge up."""

    def __init__(self, path: Path) -> None:
        self.path = path / "mail"
        self.clients = ClientsOfATest(status())
        for name in ("alice", "bob"):
            (path / name).mkdir()
        self.root = path

    def says(self, *options: str, answers: Sequence[str] = ()) -> Result:
        outside = MailOutside(
            perform=self.clients.perform, rng=random.Random(1), now_s=lambda: 1.8e9, is_asking=lambda: bool(answers)
        )
        typed = "".join(f"{answer}\n" for answer in answers)
        return CliRunner().invoke(setup, [str(self.path), *options], obj=outside, input=typed)

    def adds(self, name: str, *options: str) -> dict[str, Any]:
        self.clients.said = status(f"{name}@provider-1")
        done = self.says("--client", str(self.root / name), "--json", *options)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_an_existing_client_becomes_an_account(person: Person) -> None:
    told = person.adds("alice")
    [account] = told["accounts"]
    assert account["user"] == "alice@provider-1.mix.invalid"
    assert account["here"]["imap"] == {"host": "127.0.0.1", "port": 2143, "security": "plain"}
    assert account["elsewhere"] is None
    assert load_mail(person.path).config.accounts[0].client == str(person.root / "alice")


def test_it_can_be_run_again_to_add_an_account_and_to_show_the_settings(person: Person) -> None:
    first = person.adds("alice", "--security", "tls", "--smtp-port", "1", "--imap-port", "2")
    both = person.adds("bob")
    assert both["accounts"][0] == first["accounts"][0]
    assert both["accounts"][1]["here"]["smtp"] == {"host": "127.0.0.1", "port": 1, "security": "tls"}
    shown = person.says("--show", "--json")
    assert json.loads(shown.stdout) == both
    # Without options there is nobody to be asked, so that it shows.
    assert json.loads(person.says("--json").stdout) == both
    text = person.says("--show").output
    assert both["certificate_sha256"] in text
    assert both["accounts"][1]["password"] in text
    assert "loopixmix mail run" in text
    assert person.clients.started == 2


def test_it_asks_three_questions_and_each_once(person: Person) -> None:
    network = person.root / "network.toml"
    network.touch()
    person.clients.said = status("")
    done = person.says(answers=[str(network), "alice@provider-1", "here"])
    assert [done.output.count(question) for question in ("network file", ADDRESS_QUESTION, LISTEN_QUESTION)] == [
        1,
        1,
        1,
    ]
    # It is registered by its own daemon, which a test does not have.
    assert "registering alice@provider-1" in done.output
    assert isinstance(done.exception, MisuseError)
    assert not person.path.exists()


def test_a_new_client_belongs_to_the_directory_of_the_bridge(person: Person) -> None:
    network = person.root / "network.toml"
    network.touch()
    done = person.says("--network", str(network), "--address", "alice@provider-1")
    assert done.exit_code == 0, done.output
    assert load_mail(person.path).config.accounts[0].client == "clients/alice"


def test_only_a_client_without_an_account_is_asked_for_an_address(person: Person) -> None:
    assert ADDRESS_QUESTION not in person.says(answers=[str(person.root / "alice"), "here"]).output
    person.clients.said = status("")
    done = person.says(answers=[str(person.root / "bob"), "bob@provider-1"])
    assert "registering bob@provider-1" in done.output


def test_an_address_without_a_network_is_refused_and_not_passed_over(person: Person) -> None:
    person.adds("alice")
    for options in (["--address", "bob@provider-1"], ["--invitation", "code"]):
        done = person.says(*options)
        assert done.exit_code == 2
        assert "--network or --client is missing" in done.output


def test_other_devices_are_let_in_later(person: Person) -> None:
    before = person.adds("alice")
    told = json.loads(person.says("--listen", "192.168.1.5", "--json").stdout)
    assert told["accounts"][0]["elsewhere"]["smtp"] == {"host": "192.168.1.5", "port": 2465, "security": "tls"}
    assert told["certificate_sha256"] != before["certificate_sha256"]
    assert told["accounts"][0]["password"] == before["accounts"][0]["password"]


def test_a_bridge_that_runs_is_told_to_be_started_again(person: Person) -> None:
    person.adds("alice")
    with DirectoryLock(person.path / LOCK_FILE):
        assert "counts from its next start" in person.says("--show").output


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "--network or --client is missing"),
        (["--client", "alice", "--network", "network.toml"], "not both"),
        (["--client", "alice", "--security", "none"], "is not one of"),
        (["--client", "gone"], "does not exist"),
        (["--network", "network.toml"], "--address is missing"),
    ],
)
def test_what_lacks_is_named(person: Person, options: list[str], problem: str) -> None:
    (person.root / "network.toml").touch()
    options = [str(person.root / each) if each in ("alice", "network.toml", "gone") else each for each in options]
    done = person.says(*options)
    assert done.exit_code != 0
    assert problem in done.output
    assert not person.path.exists()


@pytest.mark.parametrize(
    ("said", "options", "problem"),
    [
        (status("", guest=True), [], "is a guest"),
        (status(), ["--address", "bob@provider-1"], "has the address alice@provider-1 already"),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    person: Person, said: ClientStatus, options: list[str], problem: str
) -> None:
    person.clients.said = said
    done = person.says("--client", str(person.root / "alice"), *options)
    assert isinstance(done.exception, MisuseError | ConfigError)
    assert problem in str(done.exception)
    assert not person.path.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--listen", "8.8.8.8"], "not for the internet"),
        (["--smtp-port", "7", "--imap-port", "7"], "cannot both have the port"),
    ],
)
def test_ports_that_cannot_be_are_refused_before_a_client_is_started(
    person: Person, options: list[str], problem: str
) -> None:
    done = person.says("--client", str(person.root / "alice"), *options)
    assert isinstance(done.exception, ConfigError)
    assert problem in str(done.exception)
    assert person.clients.started == 0
    assert not person.path.exists()


def test_a_client_is_one_account(person: Person) -> None:
    person.adds("alice")
    done = person.says("--client", str(person.root / "alice"))
    assert isinstance(done.exception, MisuseError)
    assert "already" in str(done.exception)
    assert "its mail.toml" in person.says("--smtp-port", "3").output


def test_there_is_nothing_to_show_before(person: Person) -> None:
    assert isinstance(person.says("--show").exception, ConfigError)
