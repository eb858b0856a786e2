"""Strangers at the doors of an authority and of a provider: those who belong there are served."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from loopixmix.testnet.plan import TestnetPlan
from tests.worlds.chaos.networks import PARAMS, ChaosNetwork, wait_until
from tests.worlds.chaos.strangers import Strangers, addresses
from tests.worlds.chaos.trials import Trial

BASE_PORT = 21_000
LASTS_S = 40.0
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
        wait_until(lambda: not network.problems(), within_s=60, what="the nodes of a new network")
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
