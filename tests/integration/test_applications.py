"""An application on a test network of its own: the poll of docs/first-service.md, with real processes."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "poll"
BASE_PORT = 43_300
DEMO = f"""
from loopixmix.testnet.plan import TestnetPlan
import poll_demo
poll_demo.main(TestnetPlan(width=1, base_port={BASE_PORT}))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of somebody who has installed the poll."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    installed = site / "loopixmix_poll-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: 1.0\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (installed / "entry_points.txt").write_text("\n".join(groups))
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (site, EXAMPLE, ROOT))), "PYTHONDONTWRITEBYTECODE": "1"}


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


def run(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loopixmix(environment: Mapping[str, str], *arguments: object) -> str:
    return run(environment, "-m", "loopixmix.main", *map(str, arguments))


def test_the_demonstration_counts_the_votes_of_guests(environment: Mapping[str, str]) -> None:
    assert ast.literal_eval(run(environment, "-c", DEMO)) == {"A playground": 1, "More trees": 2}


def test_a_test_network_has_what_an_application_needs(environment: Mapping[str, str], tmp_path: Path) -> None:
    net = tmp_path / "net"
    sizes = ("--width", 1, "--providers", 2, "--base-port", BASE_PORT + 20)
    assert "6 nodes and 3 more programs" in loopixmix(environment, "testnet", "init", net, "--with", "poll", *sizes)
    try:
        assert f"client status {net}/ann" in loopixmix(environment, "testnet", "up", net)
        report = json.loads(loopixmix(environment, "testnet", "status", net, "--json"))
        assert {name: entry["health"] for name, entry in report.items() if entry["health"] != "ok"} == {}
        assert {"ann", "ben", "cem", "provider-2"} <= set(report)
        status = json.loads(loopixmix(environment, "client", "status", net / "ben", "--json"))
        assert (status["address"], status["guest"], status["provider"]) == ("", True, "provider-2")
        view = json.loads(loopixmix(environment, "client", "network", net / "ben", "--json"))
        assert {each["name"]: "poll" in each["services"] for each in view["providers"]} == {
            "provider-1": True,
            "provider-2": False,
        }
        assert loopixmix(environment, "client", "request", net / "ben", "poll", "vote More trees") == "counted"
        erin = tmp_path / "erin"
        try:
            expected = "True  ('What shall we build?', ['A playground', 'More trees'])\n"
            assert run(environment, "-c", PROGRAM, str(net), str(erin)) == expected
        finally:
            os.kill(int((erin / "client.lock").read_text()), signal.SIGTERM)
        assert "every node runs already" in loopixmix(environment, "testnet", "up", net)
    finally:
        assert "stopped 9 processes" in loopixmix(environment, "testnet", "down", net)
    report = json.loads(loopixmix(environment, "testnet", "status", net, "--json"))
    assert {entry["health"] for entry in report.values()} == {"stopped"}


def test_the_demonstration_is_short() -> None:
    assert len((EXAMPLE / "poll_demo.py").read_text().splitlines()) <= 55
