"""n-1 on the real nodes: one packet is let in, and the loops that are lost tell of it."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.n_minus_one import attack_n_minus_one
from simulations.scenario.values import (
    Attacks,
    Links,
    Mix,
    NMinusOne,
    Run,
    Scenario,
    SeedChoice,
    Topology,
    Traffic,
    Users,
)
from simulations.seeds import Seeds

NAME = "attack.n_minus_one"


def besieged(
    *,
    blocked_share: float = 1.0,
    loops_per_s: float = 5.0,
    duration_s: float = 60.0,
    replicate: int = 0,
    users: int = 2,
) -> dict[str, float]:
    scenario = Scenario(
        topology=Topology(mixes_per_layer=1, providers=1),
        users=Users(count=users, messages_per_day=0, contacts=1),
        traffic=Traffic(node_loop_rate_per_s=loops_per_s),
        mix=Mix(delay_mean_s=0.1),
        links=Links(latency_s=0.01),
        run=Run(warm_up_s=5, duration_s=duration_s),
        attacks=Attacks(n_minus_one=NMinusOne(blocked_share=blocked_share)),
    )
    told: list[float] = []
    figures = attack_n_minus_one(scenario, Seeds(SeedChoice(), replicate=replicate), told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    return figures


@pytest.fixture(scope="module")
def blocked() -> dict[str, float]:
    return besieged()


def agrees(figures: dict[str, float]) -> bool:
    """H0: `expected` is the true share. 5 half widths of an exact 95 % interval are well over 5 standard deviations."""
    half = (figures[f"{NAME}.success.high"] - figures[f"{NAME}.success.low"]) / 2
    return abs(figures[f"{NAME}.success"] - figures[f"{NAME}.expected"]) < 2.6 * half < 0.6


def test_loops_hide_the_target_as_theory_says(blocked: dict[str, float]) -> None:
    """mu/(mu + lambda_M) = 10/15: the next departure is the target's, both being exponential."""
    assert blocked[f"{NAME}.expected"] == pytest.approx(10 / 15, abs=0.02)
    assert agrees(blocked)
    assert blocked[f"{NAME}.success.high"] < 1.0
    assert blocked[f"{NAME}.success.low"] < blocked[f"{NAME}.bound"]


@pytest.mark.parametrize("detector", ["", ".deployed"])
def test_both_detectors_notice_in_the_time_that_it_takes(blocked: dict[str, float], detector: str) -> None:
    """13 loops of 50 at 5 a second are 2.6 s; a loop is late after 10 s. Without attack nobody raises an alarm."""
    assert blocked[f"{NAME}{detector}.detected"] == 1.0
    assert blocked[f"{NAME}{detector}.detected_nodes"] == 1.0
    # 13 loops come within 2.6 +- 0.7 s.
    assert abs(blocked[f"{NAME}{detector}.detection_s"] - blocked[f"{NAME}.detection_expected_s"]) < 3.5
    assert blocked[f"{NAME}.detection_expected_s"] == pytest.approx(10 + 13 / 5 + 0.2)
    assert blocked[f"{NAME}{detector}.false_alarms"] == 0.0
    assert blocked[f"{NAME}.false_alarm_rate"] < 1e-6
    assert blocked[f"{NAME}.detected_expected"] == pytest.approx(1.0)


def test_without_loops_the_attack_works_each_time_and_nobody_notices() -> None:
    figures = besieged(loops_per_s=1e-9, duration_s=30)
    assert figures[f"{NAME}.success"] == 1.0
    assert figures[f"{NAME}.detected_nodes"] == figures[f"{NAME}.deployed.detected_nodes"] == 0.0
    assert f"{NAME}.detection_s" not in figures
    assert besieged(blocked_share=0.1, duration_s=6).keys() & {f"{NAME}.detection_expected_s"} == set()


def test_who_blocks_nothing_gains_little_and_is_not_noticed() -> None:
    figures = besieged(blocked_share=0.0, users=4, duration_s=35)
    assert agrees(figures)
    assert figures[f"{NAME}.success"] < 0.5
    assert figures[f"{NAME}.detected_nodes"] == figures[f"{NAME}.deployed.detected_nodes"] == 0.0
    assert figures[f"{NAME}.detected_expected"] < 1e-6


def test_the_same_seeds_give_the_same_figures() -> None:
    first = besieged(duration_s=6, replicate=3)
    assert first == besieged(duration_s=6, replicate=3)
    assert first != besieged(duration_s=6, replicate=4)


def test_nothing_is_attacked_unless_asked_for_and_a_target_must_come() -> None:
    assert attack_n_minus_one(Scenario(), Seeds(SeedChoice(), replicate=0), lambda _: None) == {}
    with pytest.raises(MisuseError, match=r"run\.duration_s is too short"):
        besieged(duration_s=0.1)
