"""Nodes get next to no processor for a while, over edges of epochs: afterwards all recover by themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from loopixmix.testnet.plan import FAST_PARAMS
from tests.worlds.chaos.ledger import Ledger
from tests.worlds.chaos.meanwhile import meanwhile
from tests.worlds.chaos.networks import ChaosNetwork, running_network, small_plan, wait_until
from tests.worlds.chaos.trials import Trial

STARVED_S = 45.0
TURN_S = 0.5
SHARE = 0.04
"""Of each turn the nodes run for this share."""
RECOVERY_S = 60.0
QUEUED = 200
"""More packets than wait for their delays in a node of this network."""
PARAMS = msgspec.structs.replace(FAST_PARAMS, epoch_length_s=30, grace_s=3)
PLAN = msgspec.structs.replace(small_plan(), params=PARAMS)


@contextmanager
def starving(network: ChaosNetwork, names: Sequence[str]) -> Iterator[None]:
    """Let processes run for a small share of the time, as on a machine that has other work for all its processors."""

    def work(ended: threading.Event) -> None:
        while not ended.is_set():
            network.pause(*names)
            ended.wait(TURN_S * (1 - SHARE))
            network.resume(*names)
            time.sleep(TURN_S * SHARE)

    with meanwhile(work):
        yield


def queued(network: ChaosNetwork) -> dict[str, int]:
    """Return how many packets are in each provider."""
    found = {}
    for name in network.nodes:
        told = network.status(name)
        if told is not None and told.role == "provider":
            found[name] = told.queue
    return found


@pytest.mark.chaos
def test_after_starvation_nodes_and_messages_recover_by_themselves(tmp_path: Path, trial: Trial) -> None:
    with running_network(tmp_path / "net", base_port=21_600, plan=PLAN) as network:
        ledger = Ledger(network)
        with ledger.flowing(every_s=0.5), starving(network, network.nodes):
            time.sleep(STARVED_S)
        recovery_s = network.wait_until_well(within_s=RECOVERY_S)
        recovery_s = max(recovery_s, ledger.settle(within_s=RECOVERY_S))
        trial.check("starvation_lost", len(ledger.lost()), most=0)
        trial.check("starvation_doubled", len(ledger.doubled()), most=0)
        trial.check("starvation_recovery_s", recovery_s, most=RECOVERY_S)
        wait_until(
            lambda: max(queued(network).values()) < QUEUED, within_s=RECOVERY_S, what="short queues of providers"
        )
