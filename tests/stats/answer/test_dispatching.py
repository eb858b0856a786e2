from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from client.testing import FakeClient, wait_for
from stats.answer.store.rows import ReportState
from stats.questionnaire.questionnaire import Questionnaire, Travel
from stats.report.report import decode_report
from tests.worlds.stats.respondents import (
    AGE,
    ALL_KINDS,
    DAY_S,
    DOMAINS,
    HOME,
    MOOD,
    RespondentWorld,
    new_questionnaire,
)

ANSWERS = {"mood": 1, "age": 2}
CHANGES = ("take_token", "post_request", "answer", "forget_request")


class KilledError(BaseException):
    """The program ends here. No `except` of the program's own catches it."""


class KilledProgram:
    """A client that ends its program at one of its calls, before or after the daemon did what it was asked."""

    def __init__(self, client: FakeClient, calls: Iterator[int], at: int, *, after: bool) -> None:
        self._client = client
        self._calls = calls
        self._at = at
        self._after = after

    def __getattr__(self, name: str) -> object:
        found = getattr(self._client, name)
        return self._counted(found) if name in CHANGES else found

    def _counted(self, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def perform(*arguments: object, **named: object) -> object:
            is_last = next(self._calls) == self._at
            if is_last and not self._after:
                raise KilledError
            result = await call(*arguments, **named)
            if is_last:
                raise KilledError
            return result

        return perform


class CountedDraws(random.Random):
    """Counts how often an answer is randomised: a draw of a mechanism is one call of `randrange`."""

    drawn = 0

    def randrange(self, *bounds: int) -> int:  # type: ignore[override]
        self.drawn += 1
        return super().randrange(*bounds)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(9))
def test_a_kill_at_any_step_neither_loses_nor_doubles_a_report(tmp_path: Path, at: int, after: bool) -> None:
    world = RespondentWorld(tmp_path)
    world.rng = CountedDraws(at)
    person = world.person()
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, ANSWERS)
    drawn = {report.place.sheet: decode_report(report.drawn).values for report in person.reports(survey)}
    draws = world.rng.drawn
    calls = itertools.count()
    killed = world.person(client=KilledProgram(person.client, calls, at, after=after))  # type: ignore[arg-type]
    with pytest.raises(KilledError):
        killed.pass_days(3, step_s=3_600)
    back = world.person(client=person.client)
    back.pass_days(3, step_s=3_600)
    assert back.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    assert {report.sheet: report.values for report in world.collector.taken} == drawn
    assert len(world.collector.taken) == 2
    assert world.rng.drawn == draws
    world.close()


def test_two_programs_at_one_folder_send_one_report_each_once(tmp_path: Path) -> None:
    world = RespondentWorld(tmp_path)
    person = world.person()
    survey = person.join()
    person.answer(survey, ANSWERS)
    other = world.person(client=person.client)
    for _ in range(200):
        world.clock.advance(900)
        person.advance()
        other.advance()
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    assert len(world.collector.reports_asked) == 2
    world.close()


def test_a_program_that_was_away_draws_new_times(tmp_path: Path) -> None:
    world = RespondentWorld(tmp_path)
    person = world.person()
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, ANSWERS)
    calls = itertools.count()
    # It is killed when the first report has its token, and comes back after the times that were drawn for it.
    killed = world.person(client=KilledProgram(person.client, calls, 1, after=False))  # type: ignore[arg-type]
    with pytest.raises(KilledError):
        killed.advance()
    assert person.states(survey)[0] is ReportState.READY
    world.clock.advance(2 * DAY_S)
    person.advance()
    assert person.reports(survey)[0].not_before_s > world.clock.seconds()
    person.pass_days(2)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    world.close()


def test_a_client_that_forgot_the_request_is_given_it_again(tmp_path: Path) -> None:
    world = RespondentWorld(tmp_path)
    person = world.person()
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, ANSWERS)
    person.advance()
    for report in person.reports(survey):
        wait_for(person.client.cancel_request(report.request), world.clock)
        wait_for(person.client.forget_request(report.request), world.clock)
    person.pass_days(2)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    assert len(world.collector.taken) == 2
    world.close()


def test_a_request_that_was_cancelled_by_hand_is_not_sent_again(tmp_path: Path) -> None:
    world = RespondentWorld(tmp_path)
    person = world.person()
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, ANSWERS)
    person.advance()
    for report in person.reports(survey):
        wait_for(person.client.cancel_request(report.request), world.clock)
    person.pass_days(2)
    assert person.states(survey) == [ReportState.LATE, ReportState.LATE]
    assert world.collector.taken == []
    world.close()


PLAIN = new_questionnaire(MOOD, AGE)
OTHERS = (
    PLAIN,
    new_questionnaire(MOOD, AGE, name="together", travel=Travel.TOGETHER),
    new_questionnaire(HOME, name="home"),
    new_questionnaire(*ALL_KINDS, name="everything", travel=Travel.TOGETHER),
)


def sizes_of(path: Path, questionnaire: Questionnaire, values: dict[str, int], seed: int) -> set[int]:
    """Return how long the requests of somebody are who answers everything."""
    path.mkdir()
    world = RespondentWorld(path, questionnaire)
    world.rng.seed(seed)
    person = world.person()
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, values)
    person.pass_days(1.5, step_s=3_600)
    world.close()
    reports = world.collector.reports_asked
    assert len(reports) == len(questionnaire.sheets)
    return {len(report) for report in reports}


@settings(max_examples=8, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_requests_of_all_surveys_and_answers_have_one_size(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, seed: int
) -> None:
    questionnaire = data.draw(st.sampled_from(OTHERS))
    names = [name for sheet in questionnaire.sheets for name in sheet.questions]
    values = {name: data.draw(st.integers(0, DOMAINS[name] - 1)) for name in names}
    assert sizes_of(tmp_path_factory.mktemp("one") / "x", questionnaire, values, seed) == {1_000}


def waits_of(path: Path, questionnaire: Questionnaire, values: dict[str, int], people: int) -> list[float]:
    """Return how long the reports of so many people wait from the answer on, until the client sends them."""
    path.mkdir()
    world = RespondentWorld(path, questionnaire)
    found = []
    for number in range(people):
        person = world.person(f"person-{number}")
        survey = person.join()
        world.clock.advance(8_000)
        person.answer(survey, values)
        person.advance()
        for report in person.reports(survey):
            leaves_at_s = wait_for(person.client.answer(report.request), world.clock).leaves_at_s
            assert leaves_at_s is not None
            found.append(leaves_at_s - world.clock.seconds())
    world.close()
    return found


def test_times_have_one_distribution_for_all_surveys_and_answers(tmp_path: Path) -> None:
    """Two-sample Kolmogorov-Smirnov tests at 0.1 %, of 64 reports each: the waits come from one distribution.

    The draws are seeded, so that it passes or fails for good.
    """
    everything = new_questionnaire(*ALL_KINDS, name="long")
    first = waits_of(tmp_path / "first", everything, dict.fromkeys(DOMAINS, 0), 8)
    last = waits_of(tmp_path / "last", everything, {name: domain - 1 for name, domain in DOMAINS.items()}, 8)
    short = waits_of(tmp_path / "short", PLAIN, {"mood": 1, "age": 1}, 32)
    for others in (last, short):
        assert ks_2samp(first, others).pvalue > 0.001
    # And it is the time that was promised: the sum of two even draws, from a day and from six hours.
    assert max(first) < 1.25 * DAY_S
    assert sum(first) / len(first) == pytest.approx(0.625 * DAY_S, rel=0.25)
