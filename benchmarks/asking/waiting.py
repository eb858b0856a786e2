"""How long requests of several packets take at default rates, over what rates and round trips alone would give.

Ten clients, each a daemon of its own, ask at one time, as most of it is waiting. Loss is made by the mixes, each of
which loses packets at random.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from benchmarks.asking.services import LOSS, SIZED, installed
from benchmarks.neighbours import pause, react_quietly
from benchmarks.report import Figure, barred
from client.remote import RemoteClient, remote_client
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import answer_pieces
from loopixmix.requests.parts import REPETITION_KEY_BYTES, request_head
from loopixmix.sphinx import Geometry
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import PlannedClient, PlannedService, TestnetPlan

BASE_PORT = 31_400
PARAMS = NetworkParams()
FIGURES = ("request_4kb_vs_model", "answer_100kb_vs_model", "answer_100kb_lossy_ratio")
CLIENTS = 10
RUNS = 50
SHORT_BYTES = 100
REQUEST_BYTES = 4_000
ANSWER_BYTES = 100_000
LOSS_SHARE = 0.05
MODEL_BAR = 1.25
LOSSY_BAR = 1.4
WARM_S = 60.0
TIMEOUT_S = 300.0


class Waits(msgspec.Struct, frozen=True):
    """How long each request took, in seconds, and the mean round trip of a packet while they were under way."""

    waits_s: list[float]
    round_trip_s: float

    @property
    def mean_s(self) -> float:
        """The mean wait."""
        return statistics.fmean(self.waits_s)

    @property
    def standard_error_s(self) -> float:
        """How far the mean may be off by chance."""
        return statistics.stdev(self.waits_s) / math.sqrt(len(self.waits_s))


def measure() -> list[Figure]:
    """Return the waits for a request of 4 KB and for an answer of 100 KB, and for the latter under loss."""
    found: list[Figure] = []
    react_quietly(lambda: _measure(found))
    return found


async def _measure(found: list[Figure]) -> None:
    # Networks start and stop while the reactor waits: it has nothing else to do then.
    with network() as running:
        short, long = await _ask(running, [(REQUEST_BYTES, SHORT_BYTES), (SHORT_BYTES, ANSWER_BYTES)])
    found += over_model("request_4kb", short, REQUEST_BYTES, SHORT_BYTES)
    found += over_model("answer_100kb", long, SHORT_BYTES, ANSWER_BYTES)
    with network(loss_share=LOSS_SHARE) as running:
        [lossy] = await _ask(running, [(SHORT_BYTES, ANSWER_BYTES)])
    ratio = lossy.mean_s / long.mean_s
    found += [
        barred("answer_100kb_lossy_ratio", ratio, "of the mean without loss", bar=LOSSY_BAR, better="lower"),
        Figure(name="answer_100kb_lossy_mean_s", value=lossy.mean_s, unit=f"s, +- {lossy.standard_error_s:.2f}"),
    ]


@contextmanager
def network(*, loss_share: float = 0.0) -> Iterator[TestNetwork]:
    """Run a network at default rates, whose mixes together lose that share of the packets in each direction."""
    guests = tuple(PlannedClient(f"guest-{number}", provider=2, guest=True) for number in range(1, CLIENTS + 1))
    plan = TestnetPlan(
        width=1,
        providers=2,
        base_port=BASE_PORT,
        params=PARAMS,
        services=(PlannedService(SIZED),),
        clients=guests,
    )
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as temporary, installed(Path(temporary)):
        if loss_share:
            os.environ[LOSS] = str(1 - (1 - loss_share) ** (1 / PARAMS.layers))
        try:
            made = TestNetwork.create(Path(temporary) / "net", plan)
            with made.running(timeout_s=120.0):
                yield made
        finally:
            os.environ.pop(LOSS, None)


def model_s(request_bytes: int, answer_bytes: int, round_trip_s: float) -> float:
    """Return the mean time that rates and the round trip of a packet give, without any extras."""
    geometry = Geometry.for_network(PARAMS)
    content = bytes(REPETITION_KEY_BYTES + request_bytes)
    packets = request_head(bytes(16), content, last_epoch=0, size=geometry).pieces
    parts = answer_pieces(answer_bytes, geometry)
    return packets / PARAMS.payload_rate_per_s + parts / PARAMS.free_pulls_per_s + round_trip_s


def over_model(name: str, waits: Waits, request_bytes: int, answer_bytes: int) -> list[Figure]:
    """Return the figure that is held against the model, and what it was made of."""
    expected_s = model_s(request_bytes, answer_bytes, waits.round_trip_s)
    return [
        barred(f"{name}_vs_model", waits.mean_s / expected_s, "of the model's mean", bar=MODEL_BAR, better="lower"),
        Figure(name=f"{name}_mean_s", value=waits.mean_s, unit=f"s, +- {waits.standard_error_s:.2f}"),
        Figure(name=f"{name}_model_s", value=expected_s, unit="s"),
        Figure(name=f"{name}_slowest_s", value=max(waits.waits_s), unit="s"),
    ]


async def _ask(running: TestNetwork, sizes: Sequence[tuple[int, int]]) -> list[Waits]:
    """Ask `RUNS` times for each pair of request and answer bytes, with all clients at one time."""
    found: list[Waits] = []
    clients = [
        remote_client(running.directory / planned.name, reactor=reactor, rng=random.SystemRandom())
        for planned in running.plan.clients
    ]
    await pause(WARM_S)  # loops tell the clients of round trips and loss
    for request_bytes, answer_bytes in sizes:
        waits_s: list[float] = []
        work = [Deferred.fromCoroutine(_runs(client, request_bytes, answer_bytes, waits_s)) for client in clients]
        for each in work:
            await each
        trips_s = [(await client.status()).loop_round_trip_mean_s for client in clients]
        found.append(Waits(waits_s, statistics.fmean(trips_s)))
    for client in clients:
        client.close()
    return found


async def _runs(client: RemoteClient, request_bytes: int, answer_bytes: int, waits_s: list[float]) -> None:
    body = f"{answer_bytes} ".encode().ljust(request_bytes, b"x")
    rng = random.Random(request_bytes)
    for _ in range(RUNS // CLIENTS):
        await pause(rng.uniform(0.0, 3.0))
        begin_s = time.monotonic()
        answer = await client.request(f"{SIZED}@provider-1", body, timeout_s=TIMEOUT_S)
        if len(answer) != answer_bytes:
            raise RuntimeError(f"the answer has {len(answer)} bytes, and not {answer_bytes}")
        waits_s.append(time.monotonic() - begin_s)
