"""Strangers at the doors of an authority and of a provider: those who belong there are served."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList

from loopixmix.process.limits import allow_descriptors
from loopixmix.testnet.plan import TestnetPlan
from loopixmix.wire import Registered
from tests.worlds.chaos.networks import PARAMS, READY_S, ChaosNetwork, wait_until
from tests.worlds.chaos.strangers import Strangers, addresses, silent_strangers
from tests.worlds.chaos.trials import Trial
from tests.worlds.networks.provider_processes import NODES, ProviderProcesses, command, pause

BASE_PORT = 21_000
LASTS_S = 40.0
NEWCOMERS = 40
COMES_EVERY_S = 0.5
SERVED_S = 40.0
SILENT = 1536
SLOW_BODY = b"PUT /v1/descriptors HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n"
BYTES_PER_S = 25


def pestered(strangers: Strangers, begin: bytes, sources: Sequence[str], count: int, ended: threading.Event) -> None:
    """Keep `count` connections open that send 25 bytes a second in all; those that were ended come again."""
    turn = 0
    while not ended.wait(1.0):
        missing = count - strangers.open_count()
        if missing:
            before = len(strangers.sockets)
            strangers.connect(missing, sources)
            for one in strangers.sockets[before:]:
                one.sendall(begin)
        for one in strangers.sockets[turn : turn + BYTES_PER_S]:
            try:
                one.sendall(b"x")
            except OSError:
                continue
        turn = (turn + BYTES_PER_S) % count


@pytest.mark.chaos
@pytest.mark.parametrize("begin", [b"", SLOW_BODY], ids=["silent", "slow body"])
def test_idle_sockets_do_not_stop_the_authority(tmp_path: Path, trial: Trial, begin: bytes) -> None:
    plan = TestnetPlan(width=1, providers=1, params=PARAMS, base_port=BASE_PORT)
    network = ChaosNetwork(tmp_path / "net", plan)
    network.start(*network.nodes)
    port = network.network.nodes[0].port
    strangers = Strangers(port)
    ended = threading.Event()
    pest = threading.Thread(target=pestered, args=(strangers, begin, addresses(8), 512, ended), daemon=True)
    try:
        wait_until(lambda: not network.problems(), within_s=READY_S, what="the nodes of a new network")
        pest.start()
        wait_until(lambda: len(strangers.sockets) >= 500, within_s=30, what="512 strangers")
        asked = answered = 0
        unwell = 0
        until_s = time.monotonic() + LASTS_S
        while time.monotonic() < until_s:
            asked += 1
            with httpx.Client(trust_env=False, timeout=5.0) as http, contextlib.suppress(httpx.HTTPError):
                answered += http.get(f"http://127.0.0.1:{port}/v1/documents/current").status_code == 200
            unwell += bool(network.problems())
            time.sleep(0.5)
        trial.check("authority_unanswered", asked - answered, most=0)
        trial.check("authority_pestered_unwell", unwell, most=0)
    finally:
        ended.set()
        if pest.ident:
            pest.join()
        strangers.close()
        network.close()


@pytest.mark.chaos
@pytest_twisted.ensureDeferred
async def test_silent_connections_keep_no_newcomer_from_a_provider(tmp_path: Path, trial: Trial) -> None:
    world = ProviderProcesses(tmp_path)
    world.init()
    # The strangers' process has as many as this one.
    assert allow_descriptors(2 * SILENT) == 2 * SILENT
    served_s: list[float] = []
    try:
        for name in NODES:
            world.start(name)
        await world.all_healthy(timeout_s=READY_S)
        code = command("provider", "invite", world.at("provider"), "--uses", str(NEWCOMERS)).strip()

        async def come(number: int, host: str) -> None:
            # Some meet the first rush, and others strangers who have settled.
            await pause(number * COMES_EVERY_S)
            begun_s = time.monotonic()
            answer = await world.client(f"newcomer{number}", host=host).register(code)
            if answer == Registered():
                served_s.append(time.monotonic() - begun_s)

        with silent_strangers(world.ports["provider"], addresses(24), SILENT):
            # From addresses of which the provider knows nothing, as 127.0.0.1 is that of the nodes.
            homes = enumerate(addresses(NEWCOMERS, network=78))
            coming = [Deferred.fromCoroutine(come(*home)).addErrback(lambda _: None) for home in homes]
            until_s = time.monotonic() + SERVED_S
            while len(served_s) < NEWCOMERS and time.monotonic() < until_s:
                await pause(0.2)
            trial.check("newcomers_served", len(served_s), least=NEWCOMERS)
            trial.check("newcomer_waited_s", max(served_s), most=SERVED_S)
            trial.check("provider_pestered_unwell", not world.is_healthy("provider"), most=0)
        await DeferredList(coming)
    finally:
        await world.stop()
