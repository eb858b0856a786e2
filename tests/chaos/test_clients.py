"""A client whose clock is wrong, and one whose provider floods it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.worlds.chaos import clocks, flooding_provider
from tests.worlds.chaos.ledger import Ledger
from tests.worlds.chaos.networks import ChaosNetwork, running_network, wait_until
from tests.worlds.chaos.trials import Trial

DAY_S = 86_400.0
LOOK_S = 15.0
A_ROUND_S = 65.0
"""Longer than a client waits between two times of forgetting what is old."""
RECOVERY_S = 60.0
FLOOD_S = 60.0
MOST_GROWTH_BYTES = 10e6
SLOWEST_STATUS_S = 1.0


def sent(network: ChaosNetwork, name: str) -> int:
    """Return how many packets the slowest of a client's streams has sent."""
    status = network.call(name, "GET", "/v1/status").json()
    return min(int(status[stream]["sent"]) for stream in ("payload", "loop", "drop"))


def problem(network: ChaosNetwork, name: str) -> str:
    return str(network.call(name, "GET", "/v1/status").json()["problem"])


def memory_bytes(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def pulls(network: ChaosNetwork, provider: str) -> int:
    status = network.status(provider)
    return 0 if status is None else int(status.extra["pulls"])  # type: ignore[call-overload]


@pytest.mark.chaos
@pytest.mark.needs(clocks.NEEDS)
def test_a_clock_that_is_set_under_a_client_silences_nothing_and_loses_nothing(tmp_path: Path, trial: Trial) -> None:
    with running_network(tmp_path / "net", base_port=20_600, clocks=True) as network:
        ledger = Ledger(network)
        for by_s in (-3600.0, -10 * DAY_S):
            network.clocks["alice"].step(by_s)
            before, pulled = sent(network, "alice"), pulls(network, "provider-1")
            time.sleep(LOOK_S)
            name = f"clock_back_{-by_s:.0f}_s"
            trial.check(f"{name}_sent", sent(network, "alice") - before, least=LOOK_S / 3)
            trial.check(f"{name}_pulls", pulls(network, "provider-1") - pulled, least=LOOK_S)
            assert "clock" in problem(network, "alice")
            ledger.send(3)
            network.clocks["alice"].step(-by_s)
            trial.check(f"{name}_recovery_s", ledger.settle(within_s=RECOVERY_S), most=RECOVERY_S)
        # Ahead, while something waits that nobody can acknowledge.
        network.stop("provider-2")
        ledger.send(3)
        network.clocks["alice"].step(10 * DAY_S)
        time.sleep(A_ROUND_S)
        assert "clock" in problem(network, "alice")
        network.clocks["alice"].step(-10 * DAY_S)
        network.start("provider-2")
        trial.check("clock_ahead_recovery_s", ledger.settle(within_s=RECOVERY_S), most=RECOVERY_S)
        trial.check("clock_lost", len(ledger.lost()), most=0)
        trial.check("clock_doubled", len(ledger.doubled()), most=0)


@pytest.mark.chaos
@pytest.mark.needs(clocks.NEEDS)
def test_a_client_that_starts_ten_days_ahead_gives_nothing_up(tmp_path: Path, trial: Trial) -> None:
    with running_network(tmp_path / "net", base_port=20_640, clocks=True) as network:
        ledger = Ledger(network)
        network.stop("provider-2")
        ledger.send(3)
        network.stop("alice")
        network.clocks["alice"].step(10 * DAY_S)
        network.start("alice")
        wait_until(lambda: network.client_problem("alice") is not None, within_s=30.0, what="a problem of alice")
        time.sleep(A_ROUND_S)
        assert "the clock here" in problem(network, "alice")
        network.stop("alice")
        network.clocks["alice"].step(-10 * DAY_S)
        network.start("alice", "provider-2")
        trial.check("start_ahead_recovery_s", ledger.settle(within_s=RECOVERY_S), most=RECOVERY_S)
        trial.check("start_ahead_lost", len(ledger.lost()), most=0)
        trial.check("start_ahead_doubled", len(ledger.doubled()), most=0)


@pytest.mark.chaos
def test_a_provider_that_floods_its_client_fills_no_memory(tmp_path: Path, trial: Trial) -> None:
    with running_network(tmp_path / "net", base_port=20_680) as network:
        network.stop("provider-1")
        network.corrupt["provider-1"] = Path(flooding_provider.__file__)
        network.start("provider-1")
        network.wait_until_well()
        ledger = Ledger(network)
        ledger.send(3)
        ledger.settle(within_s=RECOVERY_S)
        before, most, slowest_s = memory_bytes(network.pid("alice")), 0, 0.0
        (network.directory / "provider-1" / flooding_provider.FLOOD_FILE).touch()
        until_s = time.monotonic() + FLOOD_S
        while time.monotonic() < until_s:
            begun_s = time.monotonic()
            network.call("alice", "GET", "/v1/status").raise_for_status()
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
            most = max(most, memory_bytes(network.pid("alice")))
            time.sleep(0.5)
        trial.check("flood_memory_mb", (most - before) / 1e6, most=MOST_GROWTH_BYTES / 1e6)
        trial.check("flood_status_s", slowest_s, most=SLOWEST_STATUS_S)
        (network.directory / "provider-1" / flooding_provider.FLOOD_FILE).unlink()
        ledger.send(3)
        trial.check("flood_recovery_s", ledger.settle(within_s=RECOVERY_S), most=RECOVERY_S)
        trial.check("flood_lost", len(ledger.lost()), most=0)
