"""Processes of every kind are killed at random instants while messages flow: nothing is lost, nothing comes twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.worlds.chaos.ledger import Ledger
from tests.worlds.chaos.networks import running_network
from tests.worlds.chaos.trials import Trial

SEED = 15
KILLS = 24
BETWEEN_S = (0.5, 3.0)
SETTLE_S = 60.0


@pytest.mark.chaos
def test_whatever_is_killed_messages_arrive_once(tmp_path: Path, trial: Trial) -> None:
    chance = random.Random(SEED)
    with running_network(tmp_path / "net", base_port=24_000) as network:
        ledger = Ledger(network)
        with ledger.flowing(every_s=0.4):
            for _ in range(KILLS):
                time.sleep(chance.uniform(*BETWEEN_S))
                victim = chance.choice(list(network.roles))
                network.kill(victim)
                time.sleep(chance.uniform(0.0, 1.0))
                network.start(victim)
        network.wait_until_well(within_s=SETTLE_S)
        recovery_s = ledger.settle(within_s=SETTLE_S)
        trial.check("kills_lost", len(ledger.lost()), most=0)
        trial.check("kills_doubled", len(ledger.doubled()), most=0)
        trial.check("kills_recovery_s", recovery_s, most=SETTLE_S)
