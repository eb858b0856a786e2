"""Epsilon as a measure of a scenario."""

from __future__ import annotations

import msgspec
import pytest

from simulations.exact import ENGINE as EXACT
from simulations.flows.rates import flows_of
from simulations.scenario.reading import ScenarioError, change
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.unlinkability import check_unlinkability, epsilon_of, experiment_of, papers_experiment
from simulations.vector import ENGINE

PAPER = change(
    Scenario(),
    {
        "topology.providers": 0,
        "users.count": 100,
        "traffic.payload_rate_per_s": 2.0,
        "traffic.loop_rate_per_s": 0.0,
        "traffic.drop_rate_per_s": 0.0,
        "traffic.node_loop_rate_per_s": 0.0,
        "traffic.replies": False,
        "mix.delay_mean_s": 1.0,
        "unlinkability.repetitions": 4,
    },
)


def _seeds(scenario: Scenario, replicate: int = 0) -> Seeds:
    return Seeds(scenario.seeds, replicate=replicate)


def test_the_papers_setting_as_a_scenario_is_the_papers_experiment() -> None:
    experiment = experiment_of(PAPER, _seeds(PAPER))
    assert experiment is not None
    paper = papers_experiment(layers=3, delay_rate_per_s=1.0)
    assert experiment.rate_per_s == paper.rate_per_s
    assert [(s.width, s.others_per_s, s.delay_mean_s) for s in experiment.stages] == [
        (s.width, s.others_per_s, s.delay_mean_s) for s in paper.stages
    ]


def test_a_scenario_without_the_table_has_no_epsilon() -> None:
    scenario = Scenario()
    assert epsilon_of(scenario, _seeds(scenario)) == {}
    check_unlinkability(scenario)


def test_the_figure_repeats_and_tells_how_far_it_is() -> None:
    told: list[float] = []
    first = epsilon_of(PAPER, _seeds(PAPER), progress=told.append)
    assert first == epsilon_of(PAPER, _seeds(PAPER)) != epsilon_of(PAPER, _seeds(PAPER, 1))
    assert 0 < first["epsilon"] < 1
    assert told[-1] == 1.0


def test_providers_hold_packets_like_one_more_layer() -> None:
    deployed = change(Scenario(), {"unlinkability.repetitions": 1})
    experiment = experiment_of(deployed, _seeds(deployed))
    assert experiment is not None
    assert [stage.width for stage in experiment.stages] == [stage.width for stage in flows_of(deployed).stages]


def test_corrupt_mixes_are_those_of_the_scenario_but_one_of_the_last_layer_is_honest() -> None:
    corrupted = change(PAPER, {"corruption.share": 1.0})
    experiment = experiment_of(corrupted, _seeds(corrupted))
    assert experiment is not None
    assert [stage.corrupt for stage in experiment.stages] == [(True,) * 3, (True,) * 3, (False, True, True)]
    assert epsilon_of(corrupted, _seeds(corrupted))["epsilon"] > 0.8


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"traffic.payload_rate_per_s": 0.0}, "traffic.payload_rate_per_s"),
        ({"unlinkability.payload_period_s": 0.4}, "unlinkability.payload_period_s"),
        ({"unlinkability.observed_s": 1e6}, "unlinkability.observed_s"),
        ({"unlinkability.repetitions": 0}, "unlinkability"),
    ],
)
def test_what_cannot_be_measured_names_its_key(values: dict[str, object], named: str) -> None:
    with pytest.raises(ScenarioError, match=named):
        check_unlinkability(change(PAPER, values))


def test_the_vector_engine_adds_the_figure_and_refuses_what_has_none() -> None:
    asked = change(PAPER, {"run.duration_s": 2.0, "run.warm_up_s": 1.0, "run.drain_s": 1.0, "run.targets": 2})
    outcome = ENGINE.run(asked, _seeds(asked), progress=lambda share: None)
    assert outcome.figures["epsilon"] == epsilon_of(asked, _seeds(asked))["epsilon"]
    without = msgspec.structs.replace(asked, unlinkability=None)
    plain = ENGINE.run(without, _seeds(without), progress=lambda share: None)
    assert outcome.figures == {**plain.figures, "epsilon": outcome.figures["epsilon"]}
    with pytest.raises(ScenarioError, match="payload_period_s"):
        ENGINE.check(change(PAPER, {"unlinkability.payload_period_s": 0.1}))


def test_the_exact_engine_gives_the_fluid_and_nothing_with_corrupt_mixes() -> None:
    outcome = EXACT.run(PAPER, _seeds(PAPER), progress=lambda share: None)
    # H0: Loopix' 0.188 of very many packets; the standard error of 20,000 repetitions is 0.0014.
    assert abs(outcome.figures["epsilon"] - 0.188) < 0.007
    assert any("epsilon" in note for note in outcome.notes)
    corrupted = change(PAPER, {"corruption.share": 0.34})
    assert "epsilon" not in EXACT.run(corrupted, _seeds(corrupted), progress=lambda share: None).figures
    never = change(PAPER, {"unlinkability.payload_period_s": 500.0})
    assert "epsilon" not in EXACT.run(never, _seeds(never), progress=lambda share: None).figures
    with pytest.raises(ScenarioError, match="payload_period_s"):
        EXACT.check(change(PAPER, {"unlinkability.payload_period_s": 0.1}))
