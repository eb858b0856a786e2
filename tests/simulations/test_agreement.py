"""Three engines, one truth: where they overlap they agree within their confidence intervals.

`exact` against `vector`: the null hypothesis is that the mean over replicates of `vector` is what `exact` says, give or
take the stated error of a closed form; `nodes` against `vector`: that a replicate of `nodes` is one more replicate of
`vector`. Student's t with 23 degrees of freedom decides, at a false-alarm rate of one in a million for each measure.
All is seeded.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy import stats

from simulations.exact import ENGINE as EXACT
from simulations.nodes import ENGINE as NODES
from simulations.outcome import Engine
from simulations.scenario.reading import change
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.vector import ENGINE as VECTOR

REPLICATES = 24
FALSE_ALARM = 1e-6
LIMIT = float(stats.t.ppf(1 - FALSE_ALARM / 2, REPLICATES - 1))

SMALL: dict[str, object] = {
    "users.count": 400,
    "users.messages_per_day": 0.0,  # deliveries have tests of their own
    "run.duration_s": 8.0,
    "run.warm_up_s": 3.0,
    "run.drain_s": 3.0,
    "run.targets": 8,
    "seeds.root": 11,
}
MODEL: dict[str, object] = {
    "topology.providers": 0,
    "traffic.replies": False,
    "traffic.node_loop_rate_per_s": 0.0,
}
GRID: dict[str, dict[str, object]] = {
    "deployed": {},
    "one mix": MODEL | {"topology.layers": 1, "topology.mixes_per_layer": 1},
    "three layers of the papers": MODEL | {"topology.mixes_per_layer": 4, "users.count": 800},
    "five layers, three providers, no replies": {
        "topology.layers": 5,
        "topology.mixes_per_layer": 2,
        "topology.providers": 3,
        "traffic.replies": False,
    },
    "many loops of nodes": {"traffic.node_loop_rate_per_s": 40.0},
    "constant links, short delays": {"links.latency_s": 0.05, "mix.delay_mean_s": 0.1},
    "uniform links, busy processors": {"links.model": "uniform", "processors.unwrap_s": 1e-4},
    "links that vary more than delays": {
        "links.model": "uniform",
        "links.low_s": 0.01,
        "links.high_s": 0.5,
        "mix.delay_mean_s": 0.06,
        "topology.mixes_per_layer": 1,
    },
    "half of the users are away": {"users.online_share": 0.5, "users.count": 800},
    "a third corrupt, balanced": {"corruption.share": 0.34},
    "a third corrupt, favoured by senders": {"corruption.share": 0.34, "corruption.placement": "favoured"},
    "weights": {"topology.mix_weights": [[2.0], [1.0, 1.5], [2.0, 2.0]]},
    "weights, the heaviest corrupt": {
        "topology.mix_weights": [[2.0]],
        "corruption.share": 0.34,
        "corruption.placement": "heaviest",
    },
    "no cover": {
        "traffic.loop_rate_per_s": 0.0,
        "traffic.drop_rate_per_s": 0.0,
        "traffic.payload_rate_per_s": 3.0,
    },
}
WITHIN: dict[str, float] = {
    "latency_mean_s": 0.0,
    "latency_sd_s": 0.0,
    "latency_p50_s": 0.0,
    "latency_p95_s": 0.0,
    "pool_mean": 0.0,
    "provider_pool_mean": 0.0,
    "mix_rate_per_s": 0.0,
    "throughput_per_s": 0.0,
    "entropy_live_bits": 0.0,
    # The closed form holds to 0.03 bit with pools of 25 or more.
    "entropy_bits": 0.03,
    "all_corrupt_share": 0.0,
    "cover_share": 0.0,
    "user_up_bytes_per_s": 0.0,
    "user_down_bytes_per_s": 0.0,
    "lost_share": 0.0,
    "dropped_share": 0.0,
    "cost_user_month": 0.0,
}
"""What `exact` and `vector` share, and how far the closed form itself may be off, in the unit of the measure."""


def _silent(share: float) -> None:
    """Tell nobody."""


@cache
def _by_vector(name: str) -> list[dict[str, float]]:
    scenario = change(Scenario(), SMALL | GRID[name])
    return [_figures(VECTOR, scenario, replicate) for replicate in range(REPLICATES)]


def _figures(engine: Engine, scenario: Scenario, replicate: int) -> dict[str, float]:
    engine.check(scenario)
    return engine.run(scenario, Seeds(scenario.seeds, replicate=replicate), progress=_silent).figures


@pytest.mark.parametrize("name", GRID)
def test_what_exact_says_is_the_mean_of_what_vector_does(name: str) -> None:
    scenario = change(Scenario(), SMALL | GRID[name])
    theory = _figures(EXACT, scenario, 0)
    runs = _by_vector(name)
    compared = [measure for measure in WITHIN if measure in theory and measure in runs[0]]
    assert len(compared) >= 10
    for measure in compared:
        values = np.array([run[measure] for run in runs])
        error = float(values.std(ddof=1)) / math.sqrt(REPLICATES)
        rounding = 1e-9 * max(1.0, abs(theory[measure]))
        assert abs(values.mean() - theory[measure]) <= LIMIT * error + WITHIN[measure] + rounding, measure


def test_the_intervals_are_narrow_enough_to_tell() -> None:
    runs = _by_vector("deployed")
    for measure, share in (("latency_mean_s", 0.01), ("pool_mean", 0.02), ("entropy_bits", 0.005)):
        values = np.array([run[measure] for run in runs])
        assert LIMIT * values.std(ddof=1) / math.sqrt(REPLICATES) < share * values.mean()


FEW: dict[str, object] = SMALL | {
    "users.count": 60,
    "traffic.payload_rate_per_s": 0.8,
    "traffic.loop_rate_per_s": 0.2,
    "traffic.drop_rate_per_s": 0.2,
    "run.warm_up_s": 3.0,
    "run.duration_s": 8.0,
    "run.drain_s": 3.0,
    "run.targets": 16,
}
NODES_GRID: dict[str, dict[str, object]] = {
    "deployed": {},
    "links that vary and lose packets": {"links.model": "uniform", "links.loss": 0.05},
    "one layer, three providers, half corrupt": {
        "topology.layers": 1,
        "topology.mixes_per_layer": 2,
        "topology.providers": 3,
        "corruption.share": 0.5,
    },
}
SHARED = (
    "latency_mean_s",
    "latency_sd_s",
    "latency_p50_s",
    "latency_p95_s",
    "latency_fit_shape",
    "latency_fit_scale_s",
    "pool_mean",
    "provider_pool_mean",
    "mix_rate_per_s",
    "throughput_per_s",
    "entropy_bits",
    "entropy_p05_bits",
    "entropy_live_bits",
    "all_corrupt_share",
    "lost_share",
    "dropped_share",
)


@pytest.mark.parametrize("name", NODES_GRID)
def test_the_deployed_code_does_what_vector_does(name: str) -> None:
    scenario = change(Scenario(), FEW | NODES_GRID[name])
    deployed = _figures(NODES, scenario, 0)
    runs = [_figures(VECTOR, scenario, replicate) for replicate in range(REPLICATES)]
    for measure in SHARED:
        values = np.array([run[measure] for run in runs])
        error = float(values.std(ddof=1)) * math.sqrt(1 + 1 / REPLICATES)
        assert abs(deployed[measure] - values.mean()) <= LIMIT * error + 1e-9, measure


def test_a_delay_that_is_one_hundredth_off_would_be_seen() -> None:
    scenario = change(Scenario(), SMALL)
    longer = change(scenario, {"mix.delay_mean_s": scenario.mix.delay_mean_s * 1.01})
    values = np.array([run["latency_mean_s"] for run in _by_vector("deployed")])
    off = abs(values.mean() - _figures(EXACT, longer, 0)["latency_mean_s"])
    assert off > LIMIT * values.std(ddof=1) / math.sqrt(REPLICATES)
