"""How late pulls leave on the link while a program posts ten megabytes, and while nothing is posted.

A real daemon has a link to a watcher in the place of its provider (`benchmarks.watching`), which notes when each pull
comes. Windows of posting and of rest take turns. If the two differ, an observer of the link sees from the times of
pulls that somebody is posting.

The daemon has one core for itself; the watcher and this program, which posts, have the other, and the watcher has it
first. Pulls leave at a constant rate: the observer, too, knows when one is due.
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
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
import psutil

from benchmarks.bulk import Home, daemon_of, kill, make_directory
from benchmarks.neighbours import PLAN, fetch_document, leave, listed_mix, pin, started
from benchmarks.report import Figure, barred, tell
from client.http.endpoint import find_endpoint
from client.remote_asyncio import asyncio_client
from loopixmix.config import load_trust_root
from loopixmix.testnet.network import TestNetwork

BASE_PORT = 31_400
WINDOWS = 12
"""Of posting, and as many of rest."""
WINDOW_S = 4.0
SETTLE_S = 1.0
LINKED_WITHIN_S = 60.0
BODY_BYTES = 10_000_000
PULLS_PER_S = 20.0
PROVIDER = "provider-1"
# The client's rates by default, but for pulls: so many that a window has many, and as many items as by default.
PARAMS = msgspec.structs.replace(
    PLAN.params,
    payload_rate_per_s=2.0,
    loop_rate_per_s=0.5,
    drop_rate_per_s=0.5,
    pull_rate_per_s=PULLS_PER_S,
    pull_batch=1,
)
FIGURES = ("pull_lateness_posting_ms", "pull_lateness_worst_ms", "pull_lateness_ratio", "pull_lateness_chance")
RATIO_BAR, CHANCE_BAR = 1.2, 0.05
DRAWS = 20_000
NICE = 10
"""The watcher runs on the same core, and is to have it when it wants it."""


def measure() -> list[Figure]:
    """Measure the worst lateness of each window, and whether it tells posting from rest."""
    posting, rest = _windows()
    # The bar is on the worst of all windows. It differs from one run to the next; the typical window stands beside it.
    return [
        _in_ms(FIGURES[0], statistics.median(posting), statistics.median(rest)),
        _in_ms(FIGURES[1], max(posting), max(rest)),
        barred(FIGURES[2], max(posting) / max(rest), "", bar=RATIO_BAR, better="lower"),
        barred(FIGURES[3], chance(posting, rest, random.Random(1)), "", bar=CHANCE_BAR, better="higher"),
    ]


def _in_ms(name: str, posting_s: float, rest_s: float) -> Figure:
    return Figure(name=name, value=1e3 * posting_s, unit="ms", reference=1e3 * rest_s, ratio=posting_s / rest_s)


def worst_s(pulls_s: Sequence[float], begin_s: float, end_s: float, interval_s: float) -> float:
    """Return by how much the longest time between two pulls of a window is longer than it should be."""
    gaps_s = [after_s - before_s for before_s, after_s in pairwise(pulls_s) if begin_s <= after_s < end_s]
    if len(gaps_s) < (end_s - begin_s) / interval_s / 2:
        raise ValueError(f"{len(gaps_s)} pulls came within {end_s - begin_s:.1f} s, less than half of what was due")
    return max(gaps_s) - interval_s


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
        path, pulls = Path(folder) / "alice", Path(folder) / "pulls"
        with started(Path(folder), msgspec.structs.replace(PLAN, base_port=BASE_PORT, params=PARAMS)) as network:
            leave(network)
            home = _home(network)
            make_directory(path, seed=1, home=home)
            with _watched(network, pulls), _daemon(path):
                os.nice(NICE)
                edges = asyncio.run(_post_and_rest(path, home, pulls))
        pulls_s = [float(line) for line in pulls.read_text().split("\n")[:-1]]
    worst = [worst_s(pulls_s, begin_s, end_s, 1 / PULLS_PER_S) for begin_s, end_s in edges]
    for number, each_s in enumerate(worst):
        tell(f"window {number + 1}, {'rest' if number % 2 else 'posting'}: {1e3 * each_s:.1f} ms")
    return worst[::2], worst[1::2]


def _home(network: TestNetwork) -> Home:
    trust_root = load_trust_root(network.trust_root)
    document = fetch_document(trust_root, now_s=time.time())
    provider = listed_mix(document, PROVIDER)
    return Home(network.trust_root.read_text(), provider.id, provider.name, document.params)


@contextlib.contextmanager
def _watched(network: TestNetwork, pulls: Path) -> Iterator[None]:
    command = [sys.executable, "-P", "-m", "benchmarks.watching", str(network.directory), PROVIDER, str(pulls)]
    with _process(command):
        yield


@contextlib.contextmanager
def _daemon(path: Path) -> Iterator[None]:
    with _process([sys.executable, "-P", "-m", "loopixmix.main", "client", "run", str(path)]) as process:
        pin(psutil.Process(process.pid), core=0)
        yield


@contextlib.contextmanager
def _process(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        kill(process)


async def _post_and_rest(path: Path, home: Home, pulls: Path) -> list[tuple[float, float]]:
    """Post in every other window, once pulls come; return when each began and ended."""
    rng = random.Random(2)
    async with asyncio_client(path, rng=random.SystemRandom()) as client:
        await daemon_of(client)
    until_s = time.monotonic() + LINKED_WITHIN_S
    while not (pulls.exists() and pulls.read_text()):
        if time.monotonic() > until_s:
            raise RuntimeError("no pull came")
        await asyncio.sleep(SETTLE_S)
    edges = []
    endpoint = find_endpoint(path)
    headers = {"Authorization": f"Bearer {endpoint.token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=endpoint.url, headers=headers, timeout=60.0) as http:
        for number in range(2 * WINDOWS):
            # Made before the window: what this program does on the machine is not to be measured.
            body = base64.b64encode(rng.randbytes(BODY_BYTES)).decode()
            letter = {"to": home.bob, "kind": "text", "idempotency_key": f"{number}", "body": body}
            content = json.dumps(letter).encode()
            await asyncio.sleep(SETTLE_S)
            begin_s = time.monotonic()
            if number % 2 == 0:
                (await http.post("/v1/messages", content=content)).raise_for_status()
            await asyncio.sleep(max(0.0, begin_s + WINDOW_S - time.monotonic()))
            edges.append((begin_s, time.monotonic()))
    return edges
