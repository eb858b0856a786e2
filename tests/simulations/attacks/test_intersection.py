"""Who was linked each time a message came?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from simulations.attacks.intersection import attack_intersection, guessed_share, intersect, remaining_share
from simulations.attacks.sessions import Habit, draw_sessions, sending_times
from simulations.scenario.values import Attacks, Disclosure, Scenario, SeedChoice, Users
from simulations.seeds import Seeds

DAY_S = 86_400.0


@given(users=st.integers(1, 60), remaining=st.floats(0, 1))
def test_the_share_guessed_is_the_mean_of_one_over_those_left(users: int, remaining: float) -> None:
    exact = sum(
        math.comb(users - 1, others) * remaining**others * (1 - remaining) ** (users - 1 - others) / (1 + others)
        for others in range(users)
    )
    assert guessed_share(users, remaining) == pytest.approx(exact, rel=1e-6)


def test_far_apart_each_message_leaves_the_share_that_is_linked() -> None:
    times_s = np.arange(5) * 1e6
    assert remaining_share(Habit(0.5, 100.0), times_s) == pytest.approx(0.5**5)
    assert remaining_share(Habit(0.5, 1e9), times_s) == pytest.approx(0.5, rel=0.01)
    assert remaining_share(Habit(0.5, 100.0), np.array([])) == 1.0


def test_following_each_user_singly_leaves_as_many() -> None:
    """The oracle draws every user's sessions. H0: the same mean; 60 and 400 trials, 5 standard errors (below 1e-6)."""
    habit, users, duration_s, rate_per_s = Habit(0.4, 3600.0), 300, 2 * DAY_S, 3 / DAY_S
    generator = np.random.default_rng(5)
    left = []
    for _ in range(60):
        sender = draw_sessions(habit, 1, duration_s, generator)
        everybody = np.ones(users - 1, bool)
        others = draw_sessions(habit, users - 1, duration_s, generator)
        for at_s in sending_times(sender, rate_per_s, generator):
            linked = np.zeros(users - 1, bool)
            linked[others.user[(others.start_s <= at_s) & (others.end_s > at_s)]] = True
            everybody &= linked
        left.append(1 + everybody.sum())
    result = intersect(habit, users, rate_per_s, duration_s, 400, generator)
    error = math.hypot(np.std(left) / math.sqrt(60), (result.remaining.high - result.remaining.low) / 4)
    assert abs(np.mean(left) - result.remaining.mean) < 5 * error
    assert error < 20


def test_it_succeeds_where_users_come_and_go_and_fails_where_they_stay() -> None:
    going = Scenario(users=Users(online_share=0.3), attacks=Attacks(disclosure=Disclosure(days=60)))
    staying = Scenario(users=Users(online_share=1.0), attacks=Attacks(disclosure=Disclosure(days=60)))
    seeds = Seeds(SeedChoice(), replicate=0)
    found = attack_intersection(going, seeds)
    assert found["attack.intersection.success"] > 0.95
    assert found["attack.intersection.remaining_users"] < 3
    nothing = attack_intersection(staying, seeds)
    assert nothing["attack.intersection.success"] == pytest.approx(nothing["attack.intersection.baseline"])
    assert nothing["attack.intersection.remaining_users"] == 1000
    assert found == attack_intersection(going, seeds)
    assert attack_intersection(Scenario(), seeds) == {}


@pytest.mark.parametrize(("share", "days"), [(0.5, 7.0), (0.8, 20.0), (0.2, 3.0)])
def test_success_is_what_the_formula_says(share: float, days: float) -> None:
    """H0: the formula, for the same moments. 400 trials, 6 half widths of the 95 % interval (far below 1e-6)."""
    scenario = Scenario(users=Users(online_share=share), attacks=Attacks(disclosure=Disclosure(days=days)))
    figures = attack_intersection(scenario, Seeds(SeedChoice(), replicate=2))
    half = (figures["attack.intersection.success.high"] - figures["attack.intersection.success.low"]) / 2
    assert abs(figures["attack.intersection.success"] - figures["attack.intersection.bound"]) < 2.6 * half
    assert half < 0.05


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(MisuseError):
        intersect(Habit(0.5, 1.0), 0, 1.0, 1.0, 1, np.random.default_rng(1))
    with pytest.raises(MisuseError):
        intersect(Habit(0.5, 1.0), 1, 1.0, 1.0, 0, np.random.default_rng(1))
    with pytest.raises(MisuseError):
        guessed_share(3, 1.5)
