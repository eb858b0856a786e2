"""Where does a long transfer end?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.flow_matching import Transfer, attack_flow_matching, best_of, match_flows, match_pulls
from simulations.scenario.values import Attacks, FlowMatching, Mix, Scenario, SeedChoice, Traffic, Users
from simulations.seeds import Seeds

TRIALS = 60


def transfer_of(packets: int = 100, candidates: int = 100, noise_per_s: float = 10.0, cover: float = 0.0) -> Transfer:
    return Transfer(
        packets=packets,
        candidates=candidates,
        rate_per_s=2.0,
        cover_per_s=cover,
        noise_per_s=noise_per_s,
        stages=4,
        delay_mean_s=0.2,
    )


@pytest.mark.parametrize(
    ("packets", "candidates", "noise_per_s", "cover"),
    [(100, 100, 10.0, 0.0), (300, 20, 30.0, 1.0), (200, 2, 30.0, 0.0)],
)
def test_the_right_candidate_is_named_as_often_as_theory_says(
    packets: int, candidates: int, noise_per_s: float, cover: float
) -> None:
    """H0: the share expected. 60 trials, 5 standard deviations (below 1e-6), and 0.03 that the normal is off."""
    result = match_flows(transfer_of(packets, candidates, noise_per_s, cover), TRIALS, np.random.default_rng(1))
    assert 2 * result.baseline < result.expected + 0.5 * (candidates == 2)
    assert result.expected < 0.97
    error = math.sqrt(result.expected * (1 - result.expected) / TRIALS)
    assert abs(result.success.share - result.expected) < 5 * error + 0.03


def test_long_flows_are_linkable_in_spite_of_mixing() -> None:
    """MixMatch's finding. Not spread, 500 packets among 100 others of the same size and time are always found."""
    assert match_flows(transfer_of(500, noise_per_s=0.0), 20, np.random.default_rng(2)).success.share == 1.0
    few = match_flows(transfer_of(4, noise_per_s=0.0), TRIALS, np.random.default_rng(2))
    assert few.success.share < 0.3


def brute_force(transfer: Transfer, trials: int) -> float:
    """Another simulation as the oracle: no bins, no convolution, the density of latency summed packet by packet."""
    generator = np.random.default_rng(9)
    scale, right = transfer.delay_mean_s, 0
    window_s = transfer.bins * transfer.step_s

    def rate(at_s: np.ndarray, sent_s: np.ndarray) -> np.ndarray:
        waited = np.maximum(at_s[:, None] - sent_s[None, :], 0.0) / scale
        return (waited**3 * np.exp(-waited) / 6 / scale).sum(1)

    for _ in range(trials):
        sent_s = [generator.random(transfer.packets) * transfer.duration_s for _ in range(transfer.candidates)]
        scores = []
        for own_s in sent_s:
            came_s = own_s + generator.gamma(4, scale, transfer.packets)
            other_s = generator.random(generator.poisson(transfer.noise_per_s * window_s)) * window_s
            at_s = np.concatenate([came_s, other_s])
            scores.append(np.log((transfer.noise_per_s + rate(at_s, sent_s[0])) / (transfer.noise_per_s + 2.0)).sum())
        right += int(np.argmax(scores) == 0)
    return right / trials


def test_packet_by_packet_the_same_share_is_found() -> None:
    """H0: the same share. 60 trials each, 5 standard deviations of the difference (below 1e-6)."""
    transfer = transfer_of(60, 10, 5.0)
    share = match_flows(transfer, TRIALS, np.random.default_rng(3)).success.share
    assert 0.2 < share < 0.9
    error = math.sqrt(share * (1 - share) * 2 / TRIALS)
    assert abs(brute_force(transfer, TRIALS) - share) < 5 * error


def test_spread_and_pulled_at_a_constant_rate_only_guessing_is_left() -> None:
    """H0: 1/candidates. 800 trials among 10, 5 standard deviations (below 1e-6)."""
    share = match_pulls(transfer_of(500, 10, 0.01, 1.0), 1.0, 800, np.random.default_rng(4)).share
    assert abs(share - 0.1) < 5 * math.sqrt(0.1 * 0.9 / 800)


def test_the_best_of_normal_scores() -> None:
    assert best_of(0.0, 1.0, 99) == pytest.approx(0.01, rel=1e-4)
    assert best_of(0.0, 1.0, 0) == pytest.approx(1.0)
    assert best_of(1.0, 1.0, 1) == pytest.approx(0.5 * (1 + math.erf(0.5)))
    assert best_of(40.0, 1.0, 10**6) == pytest.approx(1.0)
    generator = np.random.default_rng(5)
    drawn = (2.5 + 0.5 * generator.standard_normal(40_000)) > generator.standard_normal((40_000, 30)).max(1)
    assert best_of(2.5, 0.5, 30) == pytest.approx(drawn.mean(), abs=5 * 0.5 / 200)


def test_a_scenario_gives_the_wires_and_the_providers_success() -> None:
    seeds = Seeds(SeedChoice(), replicate=0)
    spread = Scenario(attacks=Attacks(flow_matching=FlowMatching(trials=25)))
    figures = attack_flow_matching(spread, seeds)
    assert figures["attack.flow_matching.bound"] == figures["attack.flow_matching.baseline"] == 0.01
    assert figures["attack.flow_matching.success.low"] <= 0.01 <= figures["attack.flow_matching.success.high"]
    assert figures["attack.flow_matching.provider.success"] > 0.95
    shown = Scenario(attacks=Attacks(flow_matching=FlowMatching(spread=False, packets=20, trials=60)))
    found = attack_flow_matching(shown, seeds)
    assert found["attack.flow_matching.success.low"] > 0.1
    assert found["attack.flow_matching.bound"] == 1.0
    assert found == attack_flow_matching(shown, seeds)
    assert attack_flow_matching(Scenario(), seeds) == {}


def test_more_delay_hides_more() -> None:
    seeds = Seeds(SeedChoice(), replicate=0)
    shares = []
    for delay_s in (0.05, 0.5, 5.0):
        scenario = Scenario(
            mix=Mix(delay_mean_s=delay_s),
            users=Users(messages_per_day=20_000),
            attacks=Attacks(flow_matching=FlowMatching(spread=False, packets=60, trials=50)),
        )
        shares.append(attack_flow_matching(scenario, seeds)["attack.flow_matching.success"])
    assert shares[0] > shares[1] + 0.1 > shares[2] + 0.2


@pytest.mark.parametrize(
    ("traffic", "matching", "named"),
    [
        (Traffic(payload_rate_per_s=0), FlowMatching(), r"traffic\.payload_rate_per_s is 0"),
        (Traffic(), FlowMatching(packets=10_000_000), r"fewer packets, candidates or trials"),
        (Traffic(), FlowMatching(candidates=1_000_000, packets=1000), r"fewer packets, candidates or trials"),
        (Traffic(loop_rate_per_s=1e9), FlowMatching(), r"fewer packets, candidates or trials"),
        (Traffic(payload_rate_per_s=1e-6), FlowMatching(), r"a higher traffic\.payload_rate_per_s"),
    ],
)
def test_contradictions_name_their_keys(traffic: Traffic, matching: FlowMatching, named: str) -> None:
    scenario = Scenario(traffic=traffic, attacks=Attacks(flow_matching=matching))
    with pytest.raises(MisuseError, match=named):
        attack_flow_matching(scenario, Seeds(SeedChoice(), replicate=0))


@pytest.mark.parametrize("changes", [{"packets": 0}, {"candidates": 1}, {"noise_per_s": -1.0}, {"cover": -1.0}])
def test_transfers_out_of_range_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(MisuseError):
        transfer_of(**changes)  # type: ignore[arg-type]


def test_no_trials_are_refused() -> None:
    with pytest.raises(MisuseError):
        match_flows(transfer_of(), 0, np.random.default_rng(1))
    with pytest.raises(MisuseError):
        match_pulls(transfer_of(), 0.0, 1, np.random.default_rng(1))
    with pytest.raises(MisuseError):
        best_of(0.0, -1.0, 1)
