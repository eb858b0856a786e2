"""The short form of `make chaos`, for `make test`: in one minute a network goes through a bit of all of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.worlds.chaos import clocks
from tests.worlds.chaos.ledger import Ledger
from tests.worlds.chaos.meanwhile import meanwhile
from tests.worlds.chaos.networks import PARAMS, ChaosNetwork, running_network, small_plan
from tests.worlds.chaos.strangers import Strangers, addresses
from tests.worlds.chaos.trials import Trial

BASE_PORT = 20_900
DAY_S = 86_400.0
AHEAD_S = 3.0
EPOCHS_ASLEEP = 3.1
AWAY_S = 0.5
"""So long after its end a process is started again."""
STRANGERS = 300
STRANGE_ADDRESSES = 8
BEGINNING = b"GET /v1/documents/current HTTP/1.1\r\nHost: "
"""Of a request that no stranger ever ends."""
AGAIN_S = 1.0
RECOVERY_S = 60.0
# Twice as many loops as usual: after the mix with the wrong clock, the alarm of those who missed loops ends earlier.
PLAN = msgspec.structs.replace(small_plan(), params=msgspec.structs.replace(PARAMS, node_loop_rate_per_s=2.0))


@contextlib.contextmanager
def strangers_at(port: int) -> Iterator[None]:
    """Keep some hundred connections open that send half a request; one that is ended is made again."""
    strangers = Strangers(port)

    def work(ended: threading.Event) -> None:
        while not ended.is_set():
            strangers.connect(STRANGERS - strangers.open_count(), addresses(STRANGE_ADDRESSES))
            strangers.send(BEGINNING)
            ended.wait(AGAIN_S)

    try:
        with meanwhile(work):
            yield
    finally:
        strangers.close()


def kill_and_start(network: ChaosNetwork, name: str) -> None:
    network.kill(name)
    time.sleep(AWAY_S)
    network.start(name)


@pytest.mark.needs(clocks.NEEDS)
def test_after_kills_a_wrong_clock_and_a_sleep_every_message_has_come_once(tmp_path: Path, trial: Trial) -> None:
    with running_network(tmp_path / "net", base_port=BASE_PORT, clocks=True, plan=PLAN) as network:
        ledger = Ledger(network)
        with strangers_at(BASE_PORT), ledger.flowing(every_s=0.3):
            for victim in ("mix-1", "provider-2", "bob"):
                kill_and_start(network, victim)
            network.clocks["mix-2"].step(DAY_S)
            time.sleep(AHEAD_S)
            network.clocks["mix-2"].step(-DAY_S)
            network.sleep_through(EPOCHS_ASLEEP * PARAMS.epoch_length_s)
            begun_s = time.monotonic()
            # With the strangers still there.
            network.wait_until_well(within_s=RECOVERY_S)
            recovery_s = time.monotonic() - begun_s
        settled_s = ledger.settle(within_s=RECOVERY_S)
        trial.check("short_sent", len(ledger.taken), least=10)
        trial.check("short_lost", len(ledger.lost()), most=0)
        trial.check("short_doubled", len(ledger.doubled()), most=0)
        trial.check("short_recovery_s", recovery_s + settled_s, most=RECOVERY_S)
