"""False alarms are as rare as stated, and changes are found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from loopixmix.errors import MisuseError
from stats.estimate.alarms import AlarmRule, alarms, change_points, same_share
from stats.estimate.reports import counted
from stats.estimate.supporting import SupportCounts, support_counts
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import drawn_reports

KRR = RandomisedResponse(4, Weights(12, 1))
CALM = np.array([0.4, 0.3, 0.2, 0.1])
RUSH = np.array([0.2, 0.3, 0.2, 0.3])


def days(
    shares: list[np.ndarray], rng: np.random.Generator, *, people: int = 1_000, mechanism: Mechanism = KRR
) -> list[SupportCounts]:
    return [support_counts(mechanism, drawn_reports(mechanism, each, people, rng)) for each in shares]


def panels(each: int, rng: np.random.Generator, *, people: int = 300) -> list[SupportCounts]:
    """Return twice as many periods: the same people send the same reports, and then others do so."""
    first, second = days([CALM] * 2, rng, people=people)
    return [first] * each + [second] * each


def test_false_alarms_are_as_rare_as_stated_also_when_other_people_answer() -> None:
    # H0: nothing changes but the people. The rule promises at most 5 % of periods with an alarm. 600 series, of each
    # the fifth of 8 periods: at most 5 % + 4 * 0.9 % with one wrong verdict in 30,000 seeds. Fisher's test is somewhat
    # careful, so at least 1 % is asked for, without which a rule that never alarms would pass.
    rng, rule, series = np.random.default_rng(14), AlarmRule(false_alarms=0.05, baseline=4), 600
    told = [alarms(panels(4, rng), rule) for _ in range(series)]
    rate = sum(any(alarm.place == 4 for alarm in each) for each in told) / series
    assert 0.01 < rate < 0.05 + 4 * 0.009


def test_false_change_points_are_as_rare_as_stated_also_when_other_people_answer() -> None:
    # H0: nothing changes but the people. At most 20 % of all series have a change point; 150 series: at most
    # 20 % + 4 * 3.3 %.
    rng, series = np.random.default_rng(14), 150
    told = [change_points(panels(4, rng), false_alarms=0.2) for _ in range(series)]
    assert 0 < sum(map(bool, told)) / series < 0.2 + 4 * 0.033


@pytest.mark.parametrize("mechanism", [KRR, HadamardResponse(4, Weights(12, 1))], ids=lambda each: type(each).__name__)
def test_a_day_that_is_unlike_the_others_is_told(mechanism: Mechanism) -> None:
    series = days([CALM] * 6 + [RUSH] + [CALM] * 2, np.random.default_rng(1), people=3_000, mechanism=mechanism)
    found = alarms(series, AlarmRule())
    assert {(alarm.place, alarm.value) for alarm in found if alarm.place == 6} == {(6, 0), (6, 3)}
    rise = next(alarm for alarm in found if (alarm.place, alarm.value) == (6, 3))
    assert rise.share == pytest.approx(0.3, abs=0.08)
    assert rise.baseline == pytest.approx(0.1, abs=0.04)
    assert rise.p_value < 0.01 / 4


def test_each_weekday_is_held_against_the_same_one() -> None:
    weeks = ([CALM] * 5 + [RUSH] * 2) * 4
    series = days(weeks, np.random.default_rng(2))
    assert any(alarm.place % 7 == 5 for alarm in alarms(series, AlarmRule(baseline=5)))
    assert alarms(series, AlarmRule(baseline=3, season=7, false_alarms=0.001)) == []


def test_the_baseline_is_the_periods_before() -> None:
    assert AlarmRule(baseline=3).before(10) == [9, 8, 7]
    assert AlarmRule(baseline=3).before(1) == [0]
    assert AlarmRule(baseline=3, season=4).before(9) == [5, 1]
    assert AlarmRule().before(0) == []


def test_a_lasting_change_has_a_place() -> None:
    found = change_points(days([CALM] * 7 + [RUSH] * 5, np.random.default_rng(3)))
    assert [(change.place, change.value) for change in found] == [(7, 0), (7, 3)]
    assert (found[0].before, found[0].after) == pytest.approx((0.4, 0.2), abs=0.04)


def test_there_and_back_are_two_changes() -> None:
    found = change_points(days([CALM] * 5 + [RUSH] * 5 + [CALM] * 5, np.random.default_rng(4)))
    assert [change.place for change in found if change.value == 3] == [5, 10]


def test_the_test_is_fishers() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        told = rng.integers(1, 60, 2)
        first, second = rng.integers(0, told + 1)
        lower = fisher_exact([[first, told[0] - first], [second, told[1] - second]], "less").pvalue
        upper = fisher_exact([[first, told[0] - first], [second, told[1] - second]], "greater").pvalue
        [made] = same_share(*(np.array([each]) for each in (first, told[0], second, told[1])))
        assert made == pytest.approx(min(1, 2 * min(lower, upper)))


def test_empty_periods_and_series_tell_nothing() -> None:
    nothing = support_counts(KRR, counted({}))
    assert alarms([nothing] * 3, AlarmRule()) == []
    assert alarms([], AlarmRule()) == []
    assert change_points([nothing]) == []
    assert change_points([nothing] * 3) == []


def test_rules_out_of_range_are_refused() -> None:
    for bad in ({"false_alarms": 0.0}, {"false_alarms": 1.0}, {"baseline": 0}, {"season": 401}):
        with pytest.raises(MisuseError):
            AlarmRule(**bad)  # type: ignore[arg-type]
    with pytest.raises(MisuseError):
        change_points([], false_alarms=0)
