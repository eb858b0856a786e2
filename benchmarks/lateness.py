"""How late pulls would leave while a program posts ten megabytes, and while nothing is posted.

A real daemon with its store and local API runs beside a clock on its reactor, which ticks at the rate of pulls and
notes how late each tick is. Windows of posting and of rest take turns. If the two differ, an observer of the link sees
from the times of pulls that somebody is posting.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from benchmarks.bulk import BOB, daemon_of, kill, make_directory
from benchmarks.report import Figure, barred, tell
from client.http.endpoint import find_endpoint
from client.remote_asyncio import asyncio_client

WINDOWS = 12
"""Of posting, and as many of rest."""
WINDOW_S = 4.0
SETTLE_S = 1.0
BODY_BYTES = 10_000_000
TICK_S = 0.05
FIGURES = ("pull_lateness_posting_ms", "pull_lateness_ratio", "pull_lateness_chance")
RATIO_BAR, CHANCE_BAR = 1.2, 0.05
DRAWS = 20_000

PROGRAM = """
import sys, time
from pathlib import Path
from client.directory.configuration import load_client
from client.running.daemon import ClientDaemon
from loopixmix.process.main import run_program

class Probed(ClientDaemon):
    def start(self):
        super().start()
        self._out = open(sys.argv[2], "w", buffering=1)
        self._due = time.monotonic()
        self._tick()

    def _tick(self):
        now = time.monotonic()
        self._out.write(f"{now} {now - self._due}\\n")
        self._due = max(self._due + float(sys.argv[3]), now)
        self._clock.callLater(self._due - now, self._tick)

directory = Path(sys.argv[1])
run_program(directory / "client.lock", lambda world: Probed(load_client(directory), world=world))
"""


def measure() -> list[Figure]:
    """Measure the worst lateness of each window, and whether it tells posting from rest."""
    posting, rest = _windows()
    ratio = statistics.median(posting) / statistics.median(rest)
    return [
        Figure(
            name=FIGURES[0],
            value=1e3 * statistics.median(posting),
            unit="ms",
            reference=1e3 * statistics.median(rest),
            ratio=ratio,
        ),
        barred(FIGURES[1], ratio, "", bar=RATIO_BAR, better="lower"),
        barred(FIGURES[2], chance(posting, rest, random.Random(1)), "", bar=CHANCE_BAR, better="higher"),
    ]


def right_guesses(posting: Sequence[float], rest: Sequence[float]) -> int:
    """Return how many windows the best threshold tells right: those above it are taken for posting."""
    thresholds = [-1.0, *posting, *rest]
    return max(sum(each > t for each in posting) + sum(each <= t for each in rest) for t in thresholds)


def chance(posting: Sequence[float], rest: Sequence[float], rng: random.Random) -> float:
    """Return how often windows that do not differ are told as well as these (a permutation test)."""
    found, both = right_guesses(posting, rest), [*posting, *rest]
    as_good = 0
    for _ in range(DRAWS):
        rng.shuffle(both)
        as_good += right_guesses(both[: len(posting)], both[len(posting) :]) >= found
    return as_good / DRAWS


def _windows() -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as folder:
        path, ticks = Path(folder) / "alice", Path(folder) / "ticks"
        make_directory(path, seed=1)
        with _probed(path, ticks):
            edges = asyncio.run(_post_and_rest(path))
        lines = [line.split() for line in ticks.read_text().splitlines() if line.count(" ") == 1]
    late = [(float(at_s), float(late_s)) for at_s, late_s in lines]
    worst = [max((late_s for at_s, late_s in late if begin <= at_s < end), default=0.0) for begin, end in edges]
    return worst[::2], worst[1::2]


@contextlib.contextmanager
def _probed(path: Path, ticks: Path) -> Iterator[None]:
    command = [sys.executable, "-P", "-c", PROGRAM, str(path), str(ticks), str(TICK_S)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        yield
    finally:
        kill(process)


async def _post_and_rest(path: Path) -> list[tuple[float, float]]:
    """Post in every other window; return when each began and ended."""
    rng = random.Random(2)
    async with asyncio_client(path, rng=random.SystemRandom()) as client:
        await daemon_of(client)
    edges = []
    for number in range(2 * WINDOWS):
        # Made before the window: what this program does on the machine is not to be measured.
        body = base64.b64encode(rng.randbytes(BODY_BYTES)).decode()
        letter = {"to": BOB, "kind": "text", "idempotency_key": f"{number}", "body": body}
        content = json.dumps(letter).encode()
        await asyncio.sleep(SETTLE_S)
        begin_s = time.monotonic()
        if number % 2 == 0:
            await _post(path, content)
        await asyncio.sleep(max(0.0, begin_s + WINDOW_S - time.monotonic()))
        edges.append((begin_s, time.monotonic()))
        tell(f"window {number + 1} of {2 * WINDOWS}")
    return edges


async def _post(path: Path, content: bytes) -> None:
    endpoint = find_endpoint(path)
    async with httpx.AsyncClient(base_url=endpoint.url, timeout=60.0) as http:
        headers = {"Authorization": f"Bearer {endpoint.token}", "Content-Type": "application/json"}
        answer = await http.post("/v1/messages", content=content, headers=headers)
        answer.raise_for_status()
