"""The exact engine: every measure it can give, where it refuses, and what it says (`test_agreement` is about truth)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.exact import ENGINE
from simulations.exact.anonymity import entropy_figures
from simulations.flows import traffic as accounts
from simulations.flows.rates import flows_of
from simulations.flows.routing import weight_shares
from simulations.measures.catalogue import MEASURES
from simulations.outcome import PROBABILITIES, Outcome
from simulations.scenario import Scenario, ScenarioError, change
from simulations.scenario.values import Mix, Topology, Users
from simulations.seeds import Seeds

NOT_EXACT = {
    *("delivery_with_absence_s", "delivery_with_absence_mean_s"),
    *("delivery_with_absence_p50_s", "delivery_with_absence_p95_s"),
    *("epsilon", "entropy_min_bits", "guests", "requests_answered", "requests_unanswered_share"),
    *("requests_executed_twice", "request_parts", "answer_parts", "requests_second_round_share"),
}
DEPLOYED: dict[str, object] = {}
PAPERS: dict[str, object] = {"topology.providers": 0, "traffic.replies": False}


def run(values: dict[str, object], *, replicate: int = 0) -> Outcome:
    scenario = change(Scenario(), values)
    return ENGINE.run(scenario, Seeds(scenario.seeds, replicate=replicate), progress=lambda _: None)


def test_it_gives_every_measure_that_theory_has() -> None:
    outcome = run({"corruption.share": 0.2, "topology.mixes_per_layer": 10, "requests.pause_mean_s": 60.0})
    assert set(outcome.figures) | set(outcome.distributions) | NOT_EXACT == set(MEASURES)
    for name in (*outcome.figures, *outcome.distributions):
        assert MEASURES[name] == name


def test_the_default_scenario() -> None:
    figures = run(DEPLOYED).figures
    # By hand: 3,000 packets a second of users, 2,500 answers, loops of 9 mixes and 2 providers at 1/s.
    layer = 3000 + 2500 + 3 * 2 + 2 * 2
    assert figures["mix_rate_per_s"] == pytest.approx((layer + 3) / 3)
    assert figures["pool_mean"] == pytest.approx(layer * 0.2 / 3)
    assert figures["provider_pool_mean"] == pytest.approx((3000 + 2500 + 9 + 2) * 0.2 / 2)
    assert figures["latency_mean_s"] == pytest.approx(0.8, rel=1e-6)
    assert figures["latency_sd_s"] == pytest.approx(0.4, rel=1e-4)
    assert figures["throughput_per_s"] == 3000
    assert figures["user_up_bytes_per_s"] == 4 * 2822
    assert figures["user_down_bytes_per_s"] == 9 * 2822
    assert figures["cover_share"] == pytest.approx(1 - 80 / 86_400 / 3)
    # From the sender's half second for each of two turns on; a pull half a second after the last; 30 ms.
    assert 1.0 + 0.8 + 0.5 + 0.03 < figures["delivery_mean_s"] < 1.0 + 0.8 + 0.5 + 0.03 + 0.3


def test_distributions_belong_to_the_figures() -> None:
    outcome = run({"links.model": "uniform"})
    for name in ("latency", "delivery"):
        law = outcome.distributions[f"{name}_s"]
        assert law.count == 0
        assert len(law.quantiles) == len(PROBABILITIES)
        assert list(law.quantiles) == sorted(law.quantiles)
        assert law.mean == outcome.figures[f"{name}_mean_s"]
        assert law.quantile(0.95) == pytest.approx(outcome.figures[f"{name}_p95_s"])


def test_the_same_again() -> None:
    values: dict[str, object] = {"links.model": "geographic", "corruption.share": 0.1, "topology.mixes_per_layer": 10}
    assert run(values) == run(values)
    assert run(values).figures["latency_mean_s"] != run(values, replicate=1).figures["latency_mean_s"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"traffic.payload_rate_per_s": 0.0, "traffic.loop_rate_per_s": 0.0, "traffic.drop_rate_per_s": 0.0},
            ("no user sends", "traffic.payload_rate_per_s", "traffic.drop_rate_per_s"),
        ),
        ({"processors.unwrap_s": 0.001}, ("processors.unwrap_s", "providers", "topology.providers")),
        ({"processors.unwrap_s": 0.001, "topology.providers": 40}, ("layer 1", "topology.mixes_per_layer")),
        (
            {
                "processors.unwrap_s": 0.0004,
                "topology.mixes_per_layer": 10,
                "topology.providers": 10,
                "corruption.share": 0.1,
                "corruption.placement": "favoured",
                "corruption.routed_share": 0.5,
            },
            ("processors.unwrap_s", "layer 1"),
        ),
    ],
)
def test_without_a_steady_state_it_refuses_and_names_the_keys(
    values: dict[str, object], words: tuple[str, ...]
) -> None:
    with pytest.raises(ScenarioError) as refused:
        ENGINE.check(change(Scenario(), values))
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize(
    ("values", "left_out", "words"),
    [
        ({"users.count": 11}, (), "fewer than 25 packets"),
        ({"users.count": 11, "mix.delay_mean_s": 0.02}, ("entropy_bits", "anonymity_set"), "entropy_bits is left out"),
        ({"traffic.pull_rate_per_s": 0.28}, ("delivery_mean_s",), "traffic.pull_batch"),
        (
            {"users.messages_per_day": 86_000, "traffic.pull_rate_per_s": 2.0},
            ("delivery_p95_s",),
            "users.messages_per_day",
        ),
        (PAPERS, ("delivery_mean_s",), "without providers"),
        ({"links.loss": 0.01}, (), "Links lose packets"),
        ({"links.loss": 0.5}, (), "by about 4 bit"),
        ({"processors.unwrap_s": 0.0001, "mix.delay_mean_s": 0.005}, (), "Delays count from arrival"),
        ({"attacks.fifo.trials": 1000}, (), "Attacks are left out"),
        ({"processors.held_packets": 300}, (), "Erlang's loss formula"),
        ({"processors.unwrap_s": 0.00017}, (), "0.8 of the time"),
        ({"users.online_share": 0.5}, (), "who are linked"),
        ({"links.model": "geographic"}, (), "paths drawn"),
        ({"topology.layers": 1, "topology.providers": 30}, (), "two stages"),
    ],
)
def test_what_is_out_of_range_is_said(values: dict[str, object], left_out: tuple[str, ...], words: str) -> None:
    outcome = run(values)
    assert any(words in note for note in outcome.notes), outcome.notes
    assert not set(left_out) & set(outcome.figures)


def test_in_range_there_is_nothing_to_say() -> None:
    assert run(DEPLOYED).notes == ()


def test_delays_hide_the_work_of_processors_and_the_last_provider_does_not() -> None:
    plain, working = run(DEPLOYED).figures, run({"processors.unwrap_s": 1e-4}).figures
    added_s = working["latency_mean_s"] - plain["latency_mean_s"]
    # The provider at the end works 1e-4 s on the packet and lets it wait for others: M/D/1.
    scenario = change(Scenario(), {"processors.unwrap_s": 1e-4})
    provider = flows_of(scenario).stages[0]
    rho = accounts.utilisation_of(provider, scenario)
    assert added_s == pytest.approx(1e-4 + rho * 1e-4 / (2 * (1 - rho)), rel=0.02)


def test_full_pools_drop() -> None:
    figures = run({"processors.held_packets": 300}).figures
    assert figures["pool_mean"] < 300
    assert 0.5 < figures["dropped_share"] < 0.9


def entropy_of(users: int, delay_mean_s: float, width: int, layers: int) -> float:
    topology = Topology(layers=layers, mixes_per_layer=width)
    scenario = Scenario(topology=topology, users=Users(count=users), mix=Mix(delay_mean_s=delay_mean_s))
    corrupt = np.zeros((layers, width), dtype=np.bool_)
    return entropy_figures(flows_of(scenario), corrupt, weight_shares(topology))["entropy_bits"]


@given(users=st.integers(500, 100_000), delay=st.floats(0.05, 10), width=st.integers(1, 20), layers=st.integers(2, 6))
@settings(max_examples=15)
def test_more_users_and_longer_delays_are_more_entropy(users: int, delay: float, width: int, layers: int) -> None:
    bits = entropy_of(users, delay, width, layers)
    assert entropy_of(2 * users, delay, width, layers) > bits
    assert entropy_of(users, 1.5 * delay, width, layers) > bits
