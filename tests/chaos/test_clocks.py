"""Clocks that are set under running nodes, machines that sleep, authorities that are away: all mends by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.worlds.chaos import clocks
from tests.worlds.chaos.ledger import Ledger
from tests.worlds.chaos.networks import PARAMS, ChaosNetwork, running_network, small_plan
from tests.worlds.chaos.trials import Trial

DAY_S = 86_400.0
EPOCH_S = PARAMS.epoch_length_s
RECOVERY_S = 60.0
# The alarm over lost loops looks at the last fifty: after a mix with a wrong clock, alone in its layer, it ends when
# some forty have come back. At one loop a second that alone takes most of a minute.
PLAN = msgspec.structs.replace(small_plan(), params=msgspec.structs.replace(PARAMS, node_loop_rate_per_s=2.0))
TOLD_S = 10.0
"""A status that was written before a clock was set is renewed by then."""

pytestmark = [pytest.mark.chaos, pytest.mark.needs(clocks.NEEDS)]


class Bench:
    """A network with clocks, and messages that flow before and after what befalls it."""

    def __init__(self, network: ChaosNetwork, trial: Trial) -> None:
        self.network = network
        self._trial = trial
        self._ledger = Ledger(network)
        self._ledger.send(5)

    def check_recovery(self, name: str) -> None:
        """Note how long it takes from now until all is well and every message has arrived."""
        begun_s = time.monotonic()
        self._ledger.send(5)
        # Statuses from before do not count.
        time.sleep(3.0)
        self.network.wait_until_well(within_s=RECOVERY_S)
        well_s = time.monotonic() - begun_s
        self._ledger.send(5)
        self._ledger.settle(within_s=RECOVERY_S)
        self._trial.check(f"{name}_lost", len(self._ledger.lost()), most=0)
        self._trial.check(f"{name}_doubled", len(self._ledger.doubled()), most=0)
        self._trial.check(f"{name}_recovery_s", well_s, most=RECOVERY_S)

    def told(self, name: str, word: str, *, within_s: float = TOLD_S) -> bool:
        """Tell whether a node says `word` in its problem soon."""
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + within_s:
            if word in self.network.problems().get(name, ""):
                return True
            time.sleep(0.5)
        return False


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosNetwork]:
    with running_network(tmp_path_factory.mktemp("clocks") / "net", base_port=20_000, clocks=True, plan=PLAN) as made:
        yield made


@pytest.mark.parametrize("epochs", [3.1, 5.7])
def test_a_machine_that_slept_for_epochs_goes_on(network: ChaosNetwork, trial: Trial, epochs: float) -> None:
    bench = Bench(network, trial)
    network.sleep_through(epochs * EPOCH_S)
    bench.check_recovery(f"sleep_{epochs:g}_epochs")


def test_a_mix_whose_clock_was_a_day_ahead_takes_part_again(network: ChaosNetwork, trial: Trial) -> None:
    """It is the only one of its layer: while it is wrong, nothing passes."""
    bench = Bench(network, trial)
    [mix] = [name for name in network.nodes if name.startswith("mix-2")]
    network.clocks[mix].step(DAY_S)
    assert bench.told(mix, "86400 s", within_s=80.0)
    time.sleep(10.0)
    network.clocks[mix].step(-DAY_S)
    bench.check_recovery("mix_a_day_ahead")


def test_an_authority_that_was_a_day_back_says_so_and_goes_on(network: ChaosNetwork, trial: Trial) -> None:
    bench = Bench(network, trial)
    network.clocks["authority"].step(-DAY_S)
    assert bench.told("authority", "the clock is wrong, or was then") or bench.told("authority", "in the future of")
    time.sleep(30.0)
    network.clocks["authority"].step(DAY_S)
    bench.check_recovery("authority_a_day_back")


def test_an_authority_that_was_a_day_ahead_goes_on(network: ChaosNetwork, trial: Trial) -> None:
    bench = Bench(network, trial)
    network.clocks["authority"].step(DAY_S)
    time.sleep(30.0)
    network.clocks["authority"].step(-DAY_S)
    bench.check_recovery("authority_a_day_ahead")


def test_a_network_that_was_ahead_waits_for_the_time_of_its_document(tmp_path: Path, trial: Trial) -> None:
    """All clocks were ahead, and a document of the future was signed: no epoch is signed twice, and none goes back."""
    params = msgspec.structs.replace(PLAN.params, epoch_length_s=20, grace_s=3)
    plan = msgspec.structs.replace(PLAN, params=params)
    with running_network(tmp_path / "net", base_port=20_100, plan=plan, clocks=True) as network:
        bench = Bench(network, trial)
        ahead_s = 3.1 * params.epoch_length_s
        network.sleep_through(ahead_s)
        network.wait_until_well(within_s=RECOVERY_S)
        network.sleep_through(-ahead_s)
        assert bench.told("authority", "until that epoch comes")
        assert bench.told("mix-1", "the clock here was set back")
        assert bench.told("provider-1", "the clock here was set back")
        assert "clock" in (network.client_problem("alice") or "")
        begun_s = time.monotonic()
        network.wait_until_well(within_s=ahead_s + RECOVERY_S)
        # The loops of clients, whose streams never rest, were lost: that is told until new ones have come back.
        trial.check("network_ahead_waits_s", time.monotonic() - begun_s, most=ahead_s + RECOVERY_S)
        bench.check_recovery("network_ahead")


def test_an_outage_that_outlasts_a_document_is_no_attack(tmp_path: Path, trial: Trial) -> None:
    params = msgspec.structs.replace(PARAMS, epoch_length_s=40, grace_s=5)
    plan = msgspec.structs.replace(small_plan(), params=params)
    with running_network(tmp_path / "net", base_port=20_050, plan=plan) as network:
        bench = Bench(network, trial)
        bad_before = _bad_macs(network)
        network.stop("authority")
        alarms, until_s = 0, time.monotonic() + 3.5 * params.epoch_length_s
        while time.monotonic() < until_s:
            alarms += any("loops were lost" in problem for problem in network.problems().values())
            time.sleep(1.0)
        assert any("expired" in problem for problem in network.problems().values())
        network.start("authority")
        bench.check_recovery("outage")
        for _ in range(20):
            alarms += any("loops were lost" in problem for problem in network.problems().values())
            time.sleep(1.0)
        trial.check("outage_alarms", alarms, most=0)
        trial.check("outage_bad_macs", _bad_macs(network) - bad_before, most=5)


def _bad_macs(network: ChaosNetwork) -> int:
    counts: Counter[str] = Counter()
    for name in network.nodes:
        told = network.status(name)
        counts.update(told.dropped if told is not None else {})
    return counts["bad_mac"]
