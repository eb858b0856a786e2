"""Whom does Alice write to? Weeks of rounds, with and without cover."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.disclosure import (
    Correspondence,
    attack_disclosure,
    correspondence_of,
    disclose_links,
    disclose_mailboxes,
    disclose_messages,
    rounds_needed,
)
from simulations.attacks.sessions import Habit
from simulations.scenario.values import Attacks, Disclosure, Scenario, SeedChoice, Users
from simulations.seeds import Seeds

DAY_S = 86_400.0


def setting_of(**changes: object) -> Correspondence:
    values: dict[str, object] = {
        "users": 300,
        "contacts": 5,
        "habit": Habit(1.0, 3600.0),
        "messages_per_s": 4 / DAY_S,
        "others_messages_per_s": 40 / DAY_S,
        "frames_per_s": 3.0,
        "duration_s": 7 * DAY_S,
        "round_s": 60.0,
        "stages": 4,
        "delay_mean_s": 0.2,
    }
    return Correspondence(**(values | changes))  # type: ignore[arg-type]


def found_by_chance(found: float, baseline: float, contacts: int) -> bool:
    """H0: who only guesses. 5 standard deviations of the binomial (which bounds the hypergeometric): below 1e-6."""
    return abs(found - baseline) < 5 * math.sqrt(baseline * (1 - baseline) / contacts)


def test_without_cover_alice_is_disclosed_within_the_published_number_of_rounds() -> None:
    """Danezis 2003: after the rounds needed for l = 3 (99 %) all but a few contacts stand out; after a tenth few do."""
    setting = setting_of(duration_s=365 * DAY_S)
    needed = rounds_needed(setting.users, setting.contacts, setting.background_per_round, 3.0)
    days = needed / 4
    enough = disclose_messages(setting_of(duration_s=days * DAY_S), 60, np.random.default_rng(1))
    little = disclose_messages(setting_of(duration_s=days / 10 * DAY_S), 60, np.random.default_rng(1))
    assert enough.rounds == pytest.approx(needed, rel=0.1)
    assert enough.success.low > 0.9
    assert little.success.high < 0.6
    assert little.success.low > little.baseline


def test_the_formula_is_that_of_the_two_distributions() -> None:
    """Means and variances of what a contact and another get in t rounds, drawn, stand as far apart as it says."""
    generator = np.random.default_rng(2)
    users, contacts, background = 200, 8, 30
    rounds = round(rounds_needed(users, contacts, background, 2.0))
    contact = generator.binomial(1, 1 / contacts, (4000, rounds)).sum(1)
    contact = contact + generator.binomial(background * rounds, 1 / users, 4000)
    other = generator.binomial(background * rounds, 1 / users, 4000)
    apart = (contact.mean() - other.mean()) / (contact.std() + other.std())
    assert apart == pytest.approx(2.0, rel=0.05)


def test_round_by_round_the_same_share_is_found() -> None:
    """Another simulation as the oracle, of single messages in rounds. H0: the same share; 100 Alices each, 5 sd."""
    setting = setting_of(stages=0, duration_s=4 * DAY_S, others_messages_per_s=80 / DAY_S, users=101)
    quick = disclose_messages(setting, 100, np.random.default_rng(3))
    generator = np.random.default_rng(4)
    found = 0
    for _ in range(100):
        contacts_of = np.stack([generator.choice(100, 5, replace=False) for _ in range(100)])
        mine = generator.poisson(setting.messages_per_s * 60, setting.rounds)
        arrivals = np.zeros((setting.rounds, 100))
        total = generator.poisson(100 * setting.others_messages_per_s * setting.duration_s)
        to = contacts_of[generator.integers(0, 100, total), generator.integers(0, 5, total)]
        np.add.at(arrivals, (generator.integers(0, setting.rounds, total), to), 1)
        when = np.repeat(np.arange(setting.rounds), mine)
        np.add.at(arrivals, (when, generator.integers(0, 5, when.size)), 1)
        scores = arrivals[mine > 0].mean(0) - arrivals[mine == 0].mean(0)
        found += int(np.count_nonzero(np.argsort(scores)[-5:] < 5))
    share = quick.success.share
    assert 0.2 < share < 0.95
    assert abs(found / 500 - share) < 5 * math.sqrt(2 * share * (1 - share) / 500)


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_with_cover_the_links_tell_nothing(share: float) -> None:
    """H0: the contacts are named by chance only. 100 Alices with 5 contacts each."""
    setting = setting_of(habit=Habit(share, 7200.0), users=101)
    result = disclose_links(setting, 100, np.random.default_rng(5))
    assert result.baseline == 0.05
    assert found_by_chance(result.success.share, 0.05, 500)
    seen = disclose_messages(setting, 100, np.random.default_rng(5))
    assert not found_by_chance(seen.success.share, 0.05, 500)


def test_a_corrupt_provider_learns_from_when_alice_is_linked_and_from_nothing_else() -> None:
    much = {"messages_per_s": 40 / DAY_S, "others_messages_per_s": 2 / DAY_S, "users": 51, "duration_s": 60 * DAY_S}
    going = disclose_mailboxes(setting_of(habit=Habit(0.3, 14_400.0), **much), 60, np.random.default_rng(6))
    staying = disclose_mailboxes(setting_of(**much), 60, np.random.default_rng(6))
    assert going.success.low > 0.5
    assert found_by_chance(staying.success.share, staying.baseline, 300)


def test_a_scenario_gives_success_baseline_and_rounds() -> None:
    open_ = Scenario(attacks=Attacks(disclosure=Disclosure(cover=False)))
    seeds = Seeds(SeedChoice(), replicate=0)
    figures = attack_disclosure(open_, seeds)
    assert figures["attack.disclosure.baseline"] == pytest.approx(10 / 999)
    assert figures["attack.disclosure.rounds"] == pytest.approx(112, rel=0.05)
    noise = 999 * 40 / 1440 * 999 / 1e6
    assert figures["attack.disclosure.rounds_needed"] == pytest.approx(
        (20 * (math.sqrt(noise) + math.sqrt(0.09 + noise))) ** 2
    )
    assert figures["attack.disclosure.success.low"] > 0.8
    assert figures == attack_disclosure(open_, seeds)
    covered = Scenario(attacks=Attacks(disclosure=Disclosure(cover=True)))
    hidden = attack_disclosure(covered, seeds)
    assert hidden["attack.disclosure.success.high"] < 0.03
    assert hidden["attack.disclosure.provider.success.high"] < 0.03
    assert attack_disclosure(Scenario(), seeds) == {}


def test_a_million_users_fit() -> None:
    """Bounded in memory and time: days of rounds, a million users, one Alice."""
    scenario = Scenario(
        users=Users(count=1_000_000), attacks=Attacks(disclosure=Disclosure(days=2, round_s=600, cover=False))
    )
    assert attack_disclosure(scenario, Seeds(SeedChoice(), replicate=0))["attack.disclosure.success"] <= 1


@pytest.mark.parametrize(
    ("users", "disclosure", "named"),
    [
        (Users(count=10, contacts=9), Disclosure(), r"users\.contacts .9. must be below users\.count - 1"),
        (Users(), Disclosure(days=0.01, round_s=3600), r"attacks\.disclosure\.round_s"),
        (Users(), Disclosure(days=3660, round_s=1), r"a longer round_s"),
        (Users(), Disclosure(messages_per_day=1e9), r"messages_per_day"),
        (Users(online_share=0.5, session_mean_s=1e-6), Disclosure(), r"users\.session_mean_s"),
    ],
)
def test_contradictions_name_their_keys(users: Users, disclosure: Disclosure, named: str) -> None:
    scenario = Scenario(users=users, attacks=Attacks(disclosure=disclosure))
    with pytest.raises(MisuseError, match=named):
        attack_disclosure(scenario, Seeds(SeedChoice(), replicate=0))
    with pytest.raises(MisuseError, match=r"attacks\.disclosure"):
        correspondence_of(msgspec.structs.replace(scenario, attacks=Attacks()))


@pytest.mark.parametrize(("users", "contacts", "background"), [(1, 1, 1.0), (10, 0, 1.0), (10, 1, -1.0)])
def test_rounds_out_of_range_are_refused(users: int, contacts: int, background: float) -> None:
    with pytest.raises(MisuseError):
        rounds_needed(users, contacts, background)


def test_no_targets_are_refused() -> None:
    with pytest.raises(MisuseError):
        disclose_messages(setting_of(), 0, np.random.default_rng(1))
