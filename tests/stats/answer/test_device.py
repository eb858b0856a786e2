from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from client.testing import wait_for
from loopixmix.errors import MisuseError, UnavailableError
from stats.answer.device import Device, Reported
from stats.answer.ledger import MILLION, BudgetSpentError, PrivacyLimits
from stats.questionnaire.answers import Answer, AnswerError
from stats.questionnaire.questionnaire import Periods
from stats.questionnaire.questions import CounterQuestion, NumberQuestion
from tests.worlds.stats.respondents import DAY_S, RespondentWorld, new_questionnaire

DAILY = Periods(length_s=DAY_S, count=10)
VISITS = CounterQuestion(name="visits", text="Visitors", most=1000, buckets=5, again=True)
AGE = NumberQuestion(name="age", text="Age of the machine", edges=(0, 18, 40, 65, 120))


class Sensor:
    """A device on a network in memory."""

    def __init__(self, path: Path) -> None:
        self.world = RespondentWorld(path, new_questionnaire(VISITS, AGE, periods=DAILY))
        self.person = self.world.person()
        self.device = self.again()

    def again(self) -> Device:
        """Return the device as it is after it was started anew."""
        access = self.person.setting.access
        return Device(self.person.desk, access, self.world.invitation(), clock=self.world.clock)

    def report(self, values: Mapping[str, Answer]) -> Reported:
        return wait_for(self.device.report(values), self.world.clock)

    def work_for(self, days: float) -> None:
        for _ in range(int(days * 24)):
            self.world.pass_s(3_600)
            wait_for(self.device.work(), self.world.clock)

    @property
    def counters(self) -> dict[str, int]:
        found = wait_for(self.device.counters(), self.world.clock)
        return {name: value for name, value in vars(found).items() if value}


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    made = Sensor(tmp_path)
    yield made
    made.world.close()


def test_values_are_reported_once_in_a_period(sensor: Sensor) -> None:
    wait_for(sensor.device.work(), sensor.world.clock)
    assert sensor.report({"visits": 12, "age": 3}) is Reported.DRAWN
    assert sensor.report({"visits": 500, "age": 3}) is Reported.KEPT
    assert sensor.counters == {"drawn": 1, "kept": 1, "waiting": 2}
    sensor.work_for(0.9)
    assert sensor.counters == {"drawn": 1, "kept": 1, "accepted": 2}
    assert sensor.device.problem == ""


def test_what_is_asked_again_is_repeated_in_each_period_by_the_same_draw(sensor: Sensor) -> None:
    sensor.report({"visits": 12, "age": 3})
    sensor.work_for(3)
    taken = sorted(sensor.world.collector.taken, key=lambda report: (report.sheet, report.period))
    assert [(report.sheet, report.period) for report in taken] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert len({report.values for report in taken if report.sheet == 0}) == 1
    assert sensor.counters["repeated"] >= 2


def test_a_device_that_was_started_anew_repeats_the_newest_values(sensor: Sensor) -> None:
    sensor.report({"visits": 12})
    sensor.report({"visits": 900})
    sensor.device = sensor.again()
    sensor.work_for(2)
    losses = wait_for(sensor.person.desk.budget(), sensor.world.clock).losses
    # The newest value is another one, and so another draw.
    assert [loss.eps0 > 0 for loss in losses if loss.eps0 is not None][:2] == [True, True]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"visits": -1}, "0 or more"),
        ({"visits": "many"}, "whole number"),
        ({"shoe": 1}, "no question 'shoe'"),
        ({}, ""),
    ],
)
def test_what_is_no_answer_is_refused(sensor: Sensor, values: Mapping[str, Answer], reason: str) -> None:
    if not values:
        assert sensor.report(values) is Reported.KEPT
        return
    with pytest.raises((AnswerError, MisuseError), match=reason):
        sensor.report(values)
    assert sensor.counters == {}


def test_a_spent_budget_refuses_and_is_the_problem_of_later_periods(sensor: Sensor) -> None:
    wait_for(sensor.person.desk.set_limits(PrivacyLimits(eps=MILLION, eps0=200 * MILLION, days=30)), sensor.world.clock)
    sensor.report({"visits": 12})
    sensor.work_for(1.2)
    assert "you allow 1" in sensor.device.problem
    with pytest.raises(BudgetSpentError):
        sensor.report({"visits": 12})
    assert sensor.counters["accepted"] == 1


def test_too_many_waiting_reports_are_dropped_and_counted(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stats.answer.device.MOST_WAITING", 1)
    assert sensor.report({"visits": 12}) is Reported.DRAWN
    assert sensor.report({"age": 12}) is Reported.DROPPED
    assert sensor.counters == {"drawn": 1, "dropped": 1, "waiting": 1}


def test_without_a_network_it_waits_and_says_why(sensor: Sensor) -> None:
    sensor.world.network.cut()
    wait_for(sensor.device.work(), sensor.world.clock, within_s=1_000)
    assert sensor.device.problem
    with pytest.raises(UnavailableError):
        wait_for(sensor.device.report({"visits": 12}), sensor.world.clock, within_s=1_000)
    sensor.world.network.mend()
    assert sensor.report({"visits": 12}) is Reported.DRAWN


def test_a_program_lets_it_work(sensor: Sensor) -> None:
    clock = sensor.world.clock
    running = Deferred.fromCoroutine(sensor.device.run(lambda seconds: deferLater(clock, seconds, lambda: None)))  # type: ignore[arg-type]
    for _ in range(10):
        clock.advance(1)
    sensor.report({"visits": 12})
    for _ in range(20):
        clock.advance(4_000)
    assert sensor.counters["accepted"] >= 1
    running.addErrback(lambda _: None)
    running.cancel()
