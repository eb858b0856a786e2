"""A real measurement of the demo network: kept, read, turned into its scenario, drawn over its simulation."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from client.demo.main import CLIENTS
from loopixmix.errors import MisuseError
from loopixmix.testnet.plan import TestnetPlan
from simulations import run
from simulations.commands.plot import plot
from simulations.importing.comparison import comparison
from simulations.importing.measurement import Measurement, load_measurement, save_measurement
from simulations.importing.scenarios import scenario_of
from simulations.measures.catalogue import MEASURES
from simulations.plots.overlay import overlay_figure
from simulations.scenario import Scenario, change, scenario_named
from tests.worlds.simulations.results_by_hand import result_by_hand

SAMPLE = Path(__file__).parents[2] / "vectors" / "measured-demo-network.json"


@pytest.fixture(scope="module")
def measured() -> Measurement:
    return load_measurement(SAMPLE)


def test_the_sample_is_of_the_demo_network(measured: Measurement) -> None:
    plan = TestnetPlan()
    network = measured.network
    assert (network.params, network.width, network.providers) == (plan.params, plan.width, plan.providers)
    assert network.users == len(CLIENTS)
    assert {*measured.outcome.figures, *measured.outcome.distributions} <= set(MEASURES)


def test_what_is_saved_is_loaded(tmp_path: Path, measured: Measurement) -> None:
    save_measurement(measured, tmp_path / "m.json")
    assert load_measurement(tmp_path / "m.json") == measured


def broken(**changes: object) -> str:
    return json.dumps(json.loads(SAMPLE.read_text()) | changes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is no measurement"),
        ("\xff", "is no measurement"),
        ("{}", "missing required field"),
        (broken(format=99), "is of format 99: this version reads 1"),
        (broken(duration_s=-1), "duration_s"),
        (broken(surprise=1), "surprise"),
        (broken(outcome={"engine": "measured", "figures": {"speed": 1.0}}), 'no measure is called "speed"'),
    ],
)
def test_what_is_no_measurement_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(MisuseError, match=complaint) as refused:
        load_measurement(path)
    assert str(refused.value).startswith(str(path))
    with pytest.raises(MisuseError, match="there is no such file"):
        load_measurement(tmp_path / "nowhere.json")


def test_the_scenario_that_comes_along_is_the_one_it_implies(measured: Measurement) -> None:
    implied = scenario_of(measured)
    kept = scenario_named("demo-network")
    assert change(implied, {"name": "x", "description": "", "run": {}}) == change(
        kept, {"name": "x", "description": "", "run": {}}
    )


def test_theory_of_the_implied_scenario_is_near_what_was_measured(measured: Measurement) -> None:
    """Rates and pools, which hang on nothing but the deployed code's traffic, agree within a tenth."""
    theory = run(scenario_of(measured), engine="exact").records[0].outcome.figures
    figures = measured.outcome.figures
    for measure in ("mix_rate_per_s", "throughput_per_s", "pool_mean", "provider_pool_mean", "entropy_live_bits"):
        assert figures[measure] == pytest.approx(theory[measure], rel=0.1), measure
    assert figures["cover_share"] == pytest.approx(theory["cover_share"], abs=0.02)
    assert figures["dropped_share"] == 0.0
    # What a loaded machine adds to a delivery is no part of the model: it takes longer, but not twice as long.
    assert theory["delivery_mean_s"] * 0.9 < figures["delivery_mean_s"] < theory["delivery_mean_s"] * 2


def test_rows_hold_both_intervals_and_theory(measured: Measurement) -> None:
    scenario = change(scenario_of(measured), {"name": "by-hand"})
    rows = {row.measure: row for row in comparison(measured, result_by_hand({}, scenario=scenario))}
    assert set(rows) == {"pool_mean"}  # what both have
    row = rows["pool_mean"]
    assert row.measured.mean == measured.outcome.figures["pool_mean"]
    assert row.measured.low is not None
    assert row.difference == pytest.approx(row.measured.mean / row.simulated.mean - 1)
    assert row.theory is None


def test_the_overlay_draws_both_with_units(measured: Measurement) -> None:
    result = result_by_hand({}, scenario=Scenario(name="by-hand"))
    left, right = overlay_figure(measured, result).axes
    assert left.get_xlabel() == "time to delivery (s)"
    assert right.get_xlabel() == "ratio to simulated (theory: black tick)"
    labels = [str(line.get_label()) for line in left.lines]
    assert any(label.startswith("measured (") for label in labels)
    assert {"simulated (nodes)", "theory"} <= set(labels)
    measured_line = left.lines[labels.index(next(label for label in labels if label.startswith("measured (")))]
    assert measured_line.get_xdata() == pytest.approx(measured.outcome.distributions["delivery_s"].quantiles)
    assert len(overlay_figure(measured, result, columns=1, form="tail").axes) == 1


def test_what_cannot_lie_over_each_other_is_refused(measured: Measurement) -> None:
    result = result_by_hand({})
    with pytest.raises(MisuseError, match=r'no distribution "latency_s" was measured \(there is: delivery_s\)'):
        overlay_figure(measured, result, measure="latency_s")
    with pytest.raises(MisuseError, match="these results are of a sweep"):
        overlay_figure(measured, result_by_hand({"mix.delay_mean_s": [0.1, 0.2]}))
    entropy = msgspec.structs.replace(
        measured.outcome, distributions={"entropy_bits": measured.outcome.distributions["delivery_s"]}
    )
    with pytest.raises(MisuseError, match='the engine "nodes" gives no distribution "entropy_bits"'):
        overlay_figure(msgspec.structs.replace(measured, outcome=entropy), result, measure="entropy_bits")


def test_the_command_simulates_and_draws(tmp_path: Path) -> None:
    arguments = ["overlay", str(SAMPLE), "--replicates", "1", "--duration", "2", "--jobs", "1"]
    result = CliRunner().invoke(plot, [*arguments, "--out", str(tmp_path / "o.svg")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "delivery_mean_s" in result.output
    assert (tmp_path / "o.svg").read_bytes().startswith(b"<?xml")
