"""A real network of real processes, measured as a stranger would, and set beside theory."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from loopixmix.testnet.processes import ProcessTable
from simulations import load_scenario, run
from simulations.importing.measurement import load_measurement
from tests.worlds.commands import command_text as loopixmix

BASE_PORT = 30_400


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """One mix a layer and two providers, running."""
    directory = tmp_path / "net"
    made = loopixmix("testnet", "init", str(directory), "--width", "1", "--base-port", str(BASE_PORT))
    assert made.returncode == 0, made.stderr
    try:
        started = loopixmix("testnet", "up", str(directory))
        assert started.returncode == 0, started.stderr
        yield directory
    finally:
        ProcessTable(directory).stop(grace_s=10)


def test_a_running_network_is_measured(network: Path, tmp_path: Path) -> None:
    out, implied = tmp_path / "m.json", tmp_path / "implied.toml"
    files = ("--out", str(out), "--scenario", str(implied))
    result = loopixmix("simulate", "measure", str(network), "--duration", "5", "--json", *files)
    assert result.returncode == 0, result.stderr
    measurement = load_measurement(out)
    assert json.loads(result.stdout) == json.loads(out.read_text())
    with out.with_suffix(".csv").open() as file:
        deliveries = list(csv.DictReader(file))
    times_s = [float(row["delivery_s"]) for row in deliveries if row["delivery_s"]]
    assert measurement.outcome.distributions["delivery_s"].count == len(times_s) > 10
    theory = run(load_scenario(implied), engine="exact").records[0].outcome.figures
    figures = measurement.outcome.figures
    # Poisson streams of some 100 packets/s for 5 s: a quarter is over five standard errors.
    for measure in ("mix_rate_per_s", "throughput_per_s"):
        assert figures[measure] == pytest.approx(theory[measure], rel=0.25), measure
    assert figures["dropped_share"] == 0.0
    # However busy the machine is, nothing is quicker than its delays.
    assert min(times_s) > 0
    assert figures["delivery_mean_s"] > 0.7 * theory["delivery_mean_s"]
    # Its clients have gone with it.
    assert not list(Path(network).glob("m1-*"))


def test_a_network_that_does_not_run_is_said_to(tmp_path: Path) -> None:
    nothing = loopixmix("simulate", "measure", str(tmp_path / "nowhere"))
    assert nothing.returncode == 2
    assert nothing.stderr.count("\n") == 1
    assert "holds no test network" in nothing.stderr
    loopixmix("testnet", "init", str(tmp_path / "net"), "--width", "1", "--base-port", str(BASE_PORT + 50))
    stopped = loopixmix("simulate", "measure", str(tmp_path / "net"))
    assert stopped.returncode == 1
    assert "authority does not run well" in stopped.stderr
    fast = loopixmix("simulate", "measure", str(tmp_path / "net"), "--rate", "1000")
    assert fast.returncode == 2
    assert "more than its payload stream carries" in fast.stderr
