"""What readers with names, and programs that share one, are told while the daemon and they themselves are killed.

A whole network on this machine: Alice writes to Bob, and the programs read what Bob's daemon receives.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.reading.program import KIND
from benchmarks.report import Figure, barred
from client.api import Letter
from client.http.calling import call
from client.remote_asyncio import asyncio_client
from loopixmix.errors import UnavailableError
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, PlannedClient, TestnetPlan

FIGURES = ("events_lost_over_restarts", "settled_twice")
MESSAGES = 1000
KILLS = 20
"""Every second one hits the daemon, the others a program."""
BETWEEN_S = 1.5
PATIENCE_S = 240.0
DEADLINE_S = 1.0
SLOW_SHARE = 0.03
START_TIMEOUT_S = 90.0
ALICE, BOB = "alice", "bob"
QUEUE = "queue"
PLAN = TestnetPlan(
    width=1,
    providers=1,
    base_port=31_600,
    clients=(PlannedClient(ALICE), PlannedClient(BOB)),
    params=msgspec.structs.replace(FAST_PARAMS, payload_rate_per_s=60.0, pull_rate_per_s=8.0, epoch_length_s=7200),
)


class Stage:
    """Bob's daemon, the programs that read from it, and what they wrote down."""

    def __init__(self, network: TestNetwork) -> None:
        """Begin without programs."""
        self.network = network
        self._commands: dict[str, list[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def read(self, name: str, *, reader: str, within_s: float = 60.0, slow_share: float = 0.0) -> None:
        """Start the program `name`, which reads as `reader`."""
        line = [sys.executable, "-P", "-m", "benchmarks.reading.program", str(self.network.directory / BOB)]
        self._commands[name] = [*line, str(self._log(name)), reader, str(within_s), str(slow_share)]
        self._start(name)

    def kill(self, name: str) -> None:
        """Kill a program as a loss of power would, and start it again."""
        self._running[name].kill()
        self._running[name].wait()
        self._start(name)

    def kill_daemon(self) -> None:
        """Kill Bob's daemon as a loss of power would, and start it again."""
        daemon = self.network.processes.running()[BOB]
        daemon.kill()
        daemon.wait()
        self.network.processes.start(BOB, ["client", "run", str(self.network.directory / BOB)])

    def noted(self, name: str, word: str) -> list[str]:
        """Return the messages of which a program wrote `word`, in their order."""
        path = self._log(name)
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split()[1] for line in lines if line.startswith(f"{word} ")]

    def end(self) -> None:
        """End all programs."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self._running.clear()

    def _start(self, name: str) -> None:
        with (self.network.directory / f"{name}.err").open("ab") as errors:
            self._running[name] = subprocess.Popen(self._commands[name], stderr=errors)

    def _log(self, name: str) -> Path:
        return self.network.directory / f"{name}.log"


def measure() -> Iterator[Figure]:
    """Measure both on one network: first readers with names while messages come, then programs that share them."""
    with staged() as stage:
        sent = asyncio.run(_send(stage.network))
        yield barred(
            "events_lost_over_restarts",
            float(_lost_over_restarts(stage, sent)),
            "messages",
            bar=0,
            better="lower",
            reference=len(sent),
        )
        yield barred(
            "settled_twice",
            float(_settled_twice(stage)),
            "messages",
            bar=0,
            better="lower",
            reference=len(sent),
        )


@contextmanager
def staged() -> Iterator[Stage]:
    """Start a network on which Alice and Bob have accounts."""
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as folder:
        network = TestNetwork.create(Path(folder) / "net", PLAN)
        stage = Stage(network)
        with network.running(timeout_s=START_TIMEOUT_S):
            try:
                yield stage
            finally:
                stage.end()


def _lost_over_restarts(stage: Stage, sent: set[str]) -> int:
    """Return how many messages one of three readers was never told."""
    names = ["archive", "alarm", "count"]
    for name in names:
        stage.read(name, reader=name)
    rng = random.Random(7)
    for number in range(KILLS):
        time.sleep(rng.uniform(0.5, 1.5) * BETWEEN_S)
        if number % 2:
            stage.kill_daemon()
        else:
            stage.kill(names[0])
    for name in names:
        asyncio.run(_until_handled(stage.network, name))
    lost = {name: len(sent - set(stage.noted(name, "told"))) for name in names}
    stage.end()
    return max(lost.values())


def _settled_twice(stage: Stage) -> int:
    """Return how many messages were settled by two programs that share a reader."""
    names = ["first", "second"]
    for name in names:
        stage.read(name, reader=QUEUE, within_s=DEADLINE_S, slow_share=SLOW_SHARE)
    rng = random.Random(8)
    for number in range(KILLS // 2):
        time.sleep(rng.uniform(0.5, 1.5) * BETWEEN_S)
        if number % 2:
            stage.kill_daemon()
        else:
            stage.kill(rng.choice(names))
    asyncio.run(_until_handled(stage.network, QUEUE))
    settled = Counter(message for name in names for message in stage.noted(name, "settled"))
    refused = sum(len(stage.noted(name, "refused")) for name in names)
    if not refused or not all(stage.noted(name, "settled") for name in names):
        raise RuntimeError("no word came too late, or one of the programs had nothing to do: nothing was measured")
    stage.end()
    return sum(count > 1 for count in settled.values())


async def _send(network: TestNetwork) -> set[str]:
    """Let Alice write to Bob, all at once; the messages leave at the rate of the network."""
    rng = random.Random(6)
    async with asyncio_client(network.directory / ALICE, rng=random.SystemRandom()) as alice:
        bob = (await alice.add_contact("bob@provider-1")).address
        letters = [
            Letter(to=bob, body=rng.randbytes(200), kind=KIND, idempotency_key=str(number))
            for number in range(MESSAGES)
        ]
        return set(await alice.send_many(letters))


async def _until_handled(network: TestNetwork, reader: str) -> None:
    """Return once a reader has handled all. The programs need not know of each: an answer may be lost by a kill."""
    deadline_s = time.monotonic() + PATIENCE_S
    async with asyncio_client(network.directory / BOB, rng=random.SystemRandom()) as bob:
        while True:
            with contextlib.suppress(UnavailableError):  # it is being started
                arrived = (await bob.ask(call.newest())).received
                waiting = [each.waiting for each in await bob.readers() if each.name == reader]
                if arrived == MESSAGES and waiting == [0]:
                    return
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"not all messages were handled in {PATIENCE_S:g} s")
            await asyncio.sleep(1.0)
