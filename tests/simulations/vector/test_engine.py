"""The engine `vector`: against closed forms and the rates of `flows_of`, repeatable, whatever its slices, bounded."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simulations.flows.rates import PROVIDERS, flows_of
from simulations.formulas.entropy import one_mix_entropy_bits
from simulations.outcome import Outcome
from simulations.scenario.reading import ScenarioError, change
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.vector.engine import ENGINE
from simulations.vector.figures import figures_of
from simulations.vector.journeys import Where, journeys_of
from simulations.vector.run import Replicate

FALSE_ALARM = 1e-6
SIGMAS = float(stats.norm.ppf(1 - FALSE_ALARM / 2))

SMALL: dict[str, object] = {
    "users.count": 200,
    "run.duration_s": 4.0,
    "run.warm_up_s": 3.0,
    "run.drain_s": 8.0,
    "run.targets": 10,
    "seeds.root": 5,
}
LOSSY: dict[str, object] = SMALL | {
    "links.model": "uniform",
    "links.loss": 0.05,
    "corruption.share": 0.34,
    "topology.providers": 3,
}


def silent(_share: float) -> None:
    """Tell nobody."""


def outcome(changes: dict[str, object], replicate: int = 0) -> Outcome:
    scenario = change(Scenario(), changes)
    return ENGINE.run(scenario, Seeds(scenario.seeds, replicate=replicate), progress=silent)


def replicate_of(changes: dict[str, object], **options: int) -> Replicate:
    scenario = change(Scenario(), changes)
    ran = Replicate(scenario, Seeds(scenario.seeds, replicate=0), **options)
    ran.run(silent)
    return ran


@pytest.mark.parametrize("changes", [SMALL, LOSSY])
def test_the_same_seeds_give_the_same_outcome_bit_for_bit(changes: dict[str, object]) -> None:
    assert outcome(changes) == outcome(changes)
    assert outcome(changes) != outcome(changes, replicate=1)


@pytest.mark.parametrize("changes", [SMALL, LOSSY])
def test_results_do_not_depend_on_slices(changes: dict[str, object]) -> None:
    whole, pieces = replicate_of(changes), replicate_of(changes, slice_journeys=37)
    np.testing.assert_array_equal(pieces.entropies_bits, whole.entropies_bits)
    latencies_s = [np.sort(ran.tallies.latencies.samples_s) for ran in (pieces, whole)]
    np.testing.assert_array_equal(*latencies_s)
    figures = [
        {name: value for name, value in figures_of(ran).items() if not name.startswith("delivery_")}  # drawn from these
        for ran in (pieces, whole)
    ]
    assert figures[0] == pytest.approx(figures[1], rel=1e-9)  # sums in another order


def test_seeds_of_one_subsystem_change_nothing_else() -> None:
    base, other = replicate_of(SMALL), replicate_of(SMALL | {"seeds.measures": 99})
    assert other.tallies.mix_arrivals == base.tallies.mix_arrivals
    assert other.tallies.mixes_held_s == base.tallies.mixes_held_s
    assert other.entropies_bits.tolist() != base.entropies_bits.tolist()


@given(
    layers=st.integers(1, 6),
    width=st.integers(1, 20),
    providers=st.integers(0, 6),
    replies=st.booleans(),
    rates=st.tuples(*[st.floats(0.1, 5.0)] * 4),
    online=st.floats(0.1, 1.0),
)
def test_journeys_bring_every_node_the_rates_of_the_flows(
    layers: int, width: int, providers: int, replies: bool, rates: tuple[float, float, float, float], online: float
) -> None:
    payload, loop, drop, node_loop = rates
    changes: dict[str, object] = {
        "traffic.pull_batch": 100,
        "topology.layers": layers,
        "topology.mixes_per_layer": width,
        "topology.providers": providers,
        "traffic.replies": replies,
        "traffic.payload_rate_per_s": payload,
        "traffic.loop_rate_per_s": loop,
        "traffic.drop_rate_per_s": drop,
        "traffic.node_loop_rate_per_s": node_loop,
        "users.online_share": online,
    }
    scenario = change(Scenario(), changes)
    flows, kinds = flows_of(scenario), journeys_of(scenario)
    for stage in flows.stages:
        passing = ending = 0.0
        for kind in kinds:
            for hop in kind.hops:
                ends_in_mix = hop.where is Where.ORIGIN and bool(kind.origin)
                at_mix = hop.where is Where.LAYER or ends_in_mix
                layer = hop.layer or (kind.origin or 0)
                if at_mix == (stage.name == PROVIDERS) or (at_mix and stage.name != f"layer {layer}"):
                    continue
                if hop.holds:
                    passing += kind.rate_per_s
                else:
                    ending += kind.rate_per_s
        assert passing == pytest.approx(stage.packets_per_s), stage.name
        if stage.name != PROVIDERS:
            assert ending == pytest.approx(stage.ending_per_s), stage.name
    assert sum(kind.rate_per_s for kind in kinds if kind.from_users) == pytest.approx(flows.forward_per_s)


def test_losses_are_those_of_independent_links() -> None:
    """H0: each of the five links loses a twentieth. 5,000 packets or so; binomial, false alarm 1e-6."""
    tallies = replicate_of(SMALL | {"links.loss": 0.05, "users.count": 400}).tallies
    assert tallies.sent > 4000
    assert stats.binomtest(tallies.lost, tallies.sent, 1 - 0.95**5).pvalue > FALSE_ALARM
    assert tallies.latencies.count == tallies.sent - tallies.lost


def test_where_every_mix_is_corrupt_only_providers_mix() -> None:
    """One provider, alone between users and adversary: its pool is 60 packets of 300/s, one mix of Danezis."""
    papers = {"topology.providers": 0, "traffic.replies": False, "traffic.node_loop_rate_per_s": 0.0}
    assert not outcome(SMALL | papers | {"corruption.share": 1.0}).figures["entropy_bits"]
    deployed = outcome(SMALL | {"corruption.share": 1.0, "topology.providers": 1, "traffic.replies": False})
    expected = one_mix_entropy_bits(600.0 + 3.0 * 3 + 1.0, 0.2)
    assert deployed.figures["entropy_bits"] == pytest.approx(expected, abs=0.5)
    assert deployed.figures["all_corrupt_share"] == 1.0


def test_memory_does_not_grow_with_the_time_that_is_simulated() -> None:
    """Seven times as many packets, 0.66 million in all; their events alone would be 100 MB."""
    peak_mb = [_peak_mb(duration_s) for duration_s in (1.0, 20.0)]
    assert peak_mb[1] - peak_mb[0] < 30


def _peak_mb(duration_s: float) -> float:
    code = f"""
import resource
from simulations.scenario import Scenario, change
from simulations.seeds import Seeds
from simulations.vector import tallies
from simulations.vector.run import Replicate

tallies.SAMPLES = 10_000
scenario = change(Scenario(), {{
    "topology.providers": 0, "traffic.replies": False, "traffic.node_loop_rate_per_s": 0.0, "users.count": 10_000,
    "run.warm_up_s": 1.0, "run.duration_s": {duration_s}, "run.drain_s": 1.0, "run.targets": 3, "links.latency_s": 0.01,
}})
Replicate(scenario, Seeds(scenario.seeds, replicate=0)).run(lambda _: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return float(done.stdout)


def test_progress_rises_to_the_end_slice_by_slice() -> None:
    told: list[float] = []
    scenario = change(Scenario(), SMALL)
    Replicate(scenario, Seeds(scenario.seeds, replicate=0), slice_journeys=500).run(told.append)
    assert len(told) > 5
    assert all(0 <= earlier < later <= 1 for earlier, later in pairwise(told))


@pytest.mark.parametrize("changes", [{}, {"unlinkability.observed_s": 2.0}])
def test_progress_of_the_engine_ends_when_all_is_done(changes: dict[str, object]) -> None:
    told: list[float] = []
    scenario = change(Scenario(), SMALL | changes)
    ENGINE.run(scenario, Seeds(scenario.seeds, replicate=0), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert bool(changes) == (len([share for share in told if 0.4 <= share <= 0.6]) > 0)


def test_what_progress_raises_stops_the_run() -> None:
    def interrupt(_share: float) -> None:
        raise KeyboardInterrupt

    scenario = change(Scenario(), SMALL)
    with pytest.raises(KeyboardInterrupt):
        ENGINE.run(scenario, Seeds(scenario.seeds, replicate=0), progress=interrupt)


NOTHING = {f"traffic.{stream}_rate_per_s": 0.0 for stream in ("payload", "loop", "drop")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (NOTHING, ["traffic.payload_rate_per_s", "traffic.loop_rate_per_s", "traffic.drop_rate_per_s"]),
        (
            {"processors.unwrap_s": 0.01},
            ["processors.unwrap_s (0.01)", "processors.cores", "topology.providers", "times the time"],
        ),
        (
            {"processors.unwrap_s": 0.0005, "topology.providers": 9, "topology.mixes_per_layer": 1},
            ["layer 1", "topology.mixes_per_layer"],
        ),
        (
            {
                "processors.unwrap_s": 0.0003,
                "corruption.share": 0.34,
                "corruption.placement": "favoured",
                "corruption.routed_share": 1.0,
                "topology.providers": 9,
            },
            ["layer 1", "topology.mixes_per_layer"],
        ),
        ({"users.count": 100_000_000}, ["users.count", "on their way", "1e+08"]),
    ],
)
def test_what_cannot_be_simulated_is_refused_and_the_keys_named(changes: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ScenarioError) as refusal:
        ENGINE.check(change(Scenario(), changes))
    assert "\n" not in str(refusal.value)
    assert [word for word in words if word not in str(refusal.value)] == []


def test_links_count_for_what_is_on_its_way_but_no_longer_than_the_run() -> None:
    many: dict[str, object] = {"users.count": 1_000_000, "links.latency_s": 1e6}
    with pytest.raises(ScenarioError, match="on their way"):
        ENGINE.check(change(Scenario(), many))
    ENGINE.check(change(Scenario(), many | {"links.latency_s": 0.05}))
    ENGINE.check(change(Scenario(), many | {"users.count": 10_000}))


def test_processors_that_are_fast_enough_are_taken() -> None:
    ENGINE.check(change(Scenario(), {"processors.unwrap_s": 0.0001}))
    ENGINE.check(change(Scenario(), {"processors.unwrap_s": 0.01, "processors.cores": 64}))
