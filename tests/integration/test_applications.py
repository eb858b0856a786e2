"""An application on a test network of its own: the poll of docs/first-service.md, with real processes."""

from __future__ import annotations

import ast
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.terminal import Terminal

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "poll"
BASE_PORT = 30_300
DEMO = f"""
from loopixmix.testnet.plan import TestnetPlan
import poll_demo
poll_demo.main(TestnetPlan(width=1, base_port={BASE_PORT}))
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Somebody who has installed the poll."""
    terminal = Terminal(tmp_path_factory.mktemp("user") / "home")
    terminal.install(EXAMPLE)
    yield terminal
    terminal.close()


REMOTE = """
import poll_demo, poll_outside
poll_demo.additions = poll_outside.additions
"""
PROGRAM = """
import random, sys
from pathlib import Path
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from client import remote
from poll_app import Voter

async def vote(reactor):
    net, directory = map(Path, sys.argv[1:])
    client = await remote.start(
        directory, network=net / "network.toml", guest=True, reactor=reactor, rng=random.SystemRandom()
    )
    status = await client.status()
    print(status.guest, status.address, await Voter(client).question())
    client.close()

react(lambda reactor: Deferred.fromCoroutine(vote(reactor)))
"""


PETITION = f"""
from loopixmix.testnet.plan import TestnetPlan
import petition_demo
petition_demo.main(TestnetPlan(width=1, base_port={BASE_PORT + 60}))
"""


def test_a_service_of_ones_own_takes_tokens_on_a_test_network(tmp_path: Path) -> None:
    person = Terminal(tmp_path / "home")
    person.install(ROOT / "docs" / "examples" / "petition")
    said = person.python("-c", PETITION, patience_s=240)
    person.close()
    assert said.splitlines() == ["We want more trees.", "For the birds", "For the children", "For the shade"]


def test_the_demonstration_counts_the_votes_of_guests(user: Terminal) -> None:
    assert ast.literal_eval(user.python("-c", DEMO, patience_s=240)) == {"A playground": 1, "More trees": 2}


def test_a_test_network_has_what_an_application_needs(user: Terminal, tmp_path: Path) -> None:
    net = tmp_path / "net"
    sizes = ("--width", 1, "--providers", 2, "--base-port", BASE_PORT + 20)
    assert "6 nodes and 3 clients" in user.run("testnet", "init", net, "--with", "poll", *sizes)
    try:
        assert f"client status {net}/ann" in user.run("testnet", "up", net, patience_s=240)
        report = user.json("testnet", "status", net)
        assert {name: entry["health"] for name, entry in report.items() if entry["health"] != "ok"} == {}
        assert {"ann", "ben", "cem", "provider-2"} <= set(report)
        status = user.json("client", "status", net / "ben")
        assert (status["address"], status["guest"], status["provider"]) == ("", True, "provider-2")
        view = user.json("client", "network", net / "ben")
        assert {each["name"]: "poll" in each["services"] for each in view["providers"]} == {
            "provider-1": True,
            "provider-2": False,
        }
        assert user.run("client", "request", net / "ben", "poll", "vote More trees") == "counted"
        erin = tmp_path / "erin"
        try:
            expected = "True  ('What shall we build?', ['A playground', 'More trees'])\n"
            assert user.python("-c", PROGRAM, net, erin, patience_s=240) == expected
        finally:
            os.kill(int((erin / "client.lock").read_text()), signal.SIGTERM)
        assert "all of it runs already" in user.run("testnet", "up", net, patience_s=240)
    finally:
        assert "stopped 9 processes" in user.run("testnet", "down", net)
    stopped = user.attempt("testnet", "status", net, "--json")
    assert stopped.returncode == 1
    assert {entry["health"] for entry in json.loads(stopped.stdout).values()} == {"stopped"}


def test_a_service_may_be_a_program_that_is_started_with_the_network(user: Terminal) -> None:
    program = DEMO.replace("import poll_demo", REMOTE)
    assert ast.literal_eval(user.python("-c", program, patience_s=240)) == {"A playground": 1, "More trees": 2}


def test_the_demonstration_is_short() -> None:
    assert len((EXAMPLE / "poll_demo.py").read_text().splitlines()) <= 55
