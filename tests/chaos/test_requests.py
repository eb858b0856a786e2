"""A service counts what it is asked, while its program, its provider and the asking client are killed.

The service does not recognise repetitions: that no request is carried out twice is its provider's work.
"""

from __future__ import annotations

import base64
import contextlib
import random
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from loopixmix.errors import LoopixmixError
from loopixmix.testnet.plan import Additions, PlannedService, serving_program
from tests.worlds.chaos.networks import ChaosNetwork, running_network, small_plan, wait_until
from tests.worlds.chaos.trials import Trial

TALLY = """
import os

class Tally:
    name = "tally"

    def __init__(self, context):
        self.file = os.open(context.directory / "carried-out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def answer(self, body):
        os.write(self.file, body + b"\\n")
        return b"counted " + body
"""
SEED = 18
KILLS = 24
REQUESTS_EACH = 4
END_S = 150.0
ENDED = ("answered", "failed")


def install(site: Path) -> Path:
    """Install the service in a directory of its own."""
    information = site / "tallies-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "tallies.py").write_text(TALLY)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tallies\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[loopixmix.services]\ntally = tallies:Tally\n")
    return site


class Requests:
    """Numbered requests of alice, which her client keeps until they are answered."""

    def __init__(self, network: ChaosNetwork) -> None:
        self._network = network
        self.taken: dict[str, str] = {}
        self._next = 0

    def post(self, count: int) -> None:
        """Post requests, each until the client has taken it: it may be killed or starting."""
        for _ in range(count):
            name = f"request-{self._next}"
            self._next += 1
            body = {
                "service": "tally@provider-1",
                "idempotency_key": name,
                "body": base64.b64encode(name.encode()).decode(),
            }
            wait_until(lambda body=body, name=name: self._taken(name, body), within_s=30, what=f"{name} is taken")

    def _taken(self, name: str, body: dict[str, str]) -> bool:
        with contextlib.suppress(httpx.HTTPError, LoopixmixError):
            answer = self._network.call("alice", "POST", "/v1/posted", body=body)
            answer.raise_for_status()
            self.taken[name] = answer.json()["request_id"]
        return name in self.taken

    def states(self) -> Counter[str]:
        """Return how many requests are in each state; none if the client does not answer."""
        found: Counter[str] = Counter()
        with contextlib.suppress(httpx.HTTPError, LoopixmixError):
            for request_id in self.taken.values():
                found[self._network.call("alice", "GET", f"/v1/posted/{request_id}").json()["state"]] += 1
        return found


@pytest.mark.chaos
def test_whatever_is_killed_a_request_is_carried_out_at_most_once_and_ends(tmp_path: Path, trial: Trial) -> None:
    chance = random.Random(SEED)
    site = install(tmp_path / "site")
    program = serving_program("tally")
    plan = small_plan(more=Additions(services=(PlannedService("tally", 1, program=program.name),), programs=(program,)))
    with running_network(tmp_path / "net", base_port=24_100, plan=plan, variables={"PYTHONPATH": str(site)}) as network:
        asked = Requests(network)
        for _ in range(KILLS):
            asked.post(REQUESTS_EACH)
            time.sleep(chance.uniform(0.0, 2.0))
            victim = chance.choice(["alice", "provider-1", program.name])
            network.kill(victim)
            time.sleep(chance.uniform(0.0, 1.0))
            network.start(victim)
        network.wait_until_well()
        with contextlib.suppress(Exception):
            wait_until(
                lambda: sum(asked.states()[state] for state in ENDED) == len(asked.taken), within_s=END_S, what="ends"
            )
        states = asked.states()
        carried_out = Counter(
            (network.directory / program.name / "carried-out").read_text(encoding="ascii").splitlines()
        )
        trial.check("requests_without_an_end", len(asked.taken) - sum(states[state] for state in ENDED), most=0)
        trial.check("requests_carried_out_twice", sum(count > 1 for count in carried_out.values()), most=0)
        # An answer says that it was carried out; a kill between the two leaves a request that failed.
        trial.check("requests_answered_and_not_carried_out", states["answered"] - len(carried_out), most=0)
        trial.check("requests_answered_share", states["answered"] / len(asked.taken), least=0.8)
