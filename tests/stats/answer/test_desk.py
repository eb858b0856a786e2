from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.testing import wait_for
from loopixmix.errors import MisuseError
from stats.answer.answering import AlreadyAnsweredError
from stats.answer.desk import RespondentDesk
from stats.answer.joining import UnsoundSurveyError, WrongSurveyError
from stats.answer.ledger import MILLION, BudgetSpentError, PrivacyLimits
from stats.answer.store import rows
from stats.answer.store.rows import ReportState
from stats.answer.surveys import NotOpenError
from stats.answer.times import TooLateError
from stats.questionnaire.questionnaire import Mode, Periods, PersonKind, Questionnaire, Travel, encode_canonical
from stats.questionnaire.questions import SingleChoice
from stats.report.report import decode_report
from tests.worlds.stats.respondents import (
    AGE,
    CLOSES_S,
    CODE,
    DAY_S,
    MOOD,
    OPENS_S,
    Person,
    RespondentWorld,
    new_questionnaire,
)

ANSWERS = {"mood": 1, "age": 2}
WEEKLY = Periods(length_s=DAY_S, count=10)
MOOD_AGAIN = SingleChoice(name="mood", text=MOOD.text, options=MOOD.options, again=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RespondentWorld]:
    made = RespondentWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def person(world: RespondentWorld) -> Person:
    return world.person()


def world_of(path: Path, *questionnaires: Questionnaire) -> RespondentWorld:
    return RespondentWorld(path, *questionnaires)


def test_from_an_invitation_until_the_collector_has_the_reports(person: Person) -> None:
    survey = person.join()
    assert [stock.ordered for stock in wait_for(person.client.tokens(), person.world.clock)] == [1, 1]
    person.answer(survey, ANSWERS)
    assert not person.advance()
    assert person.states(survey) == [ReportState.DRAWN, ReportState.DRAWN]
    person.pass_days(2)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    assert person.advance()
    taken = person.world.collector.taken
    assert sorted(report.sheet for report in taken) == [0, 1]
    assert {len(data) for data in person.world.collector.reports_asked} == {1_000}


def test_the_questionnaire_is_asked_for_once(person: Person) -> None:
    for _ in range(2):
        person.join()
    assert [body[0] for body in person.world.collector.asked] == [2]
    assert sum(stock.ordered for stock in wait_for(person.client.tokens(), person.world.clock)) == 2


def test_each_report_leaves_at_a_time_of_its_own(person: Person) -> None:
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, ANSWERS)
    person.advance()
    first, second = person.reports(survey)
    assert first.not_before_s != second.not_before_s
    assert first.report_id != second.report_id


def test_what_is_sent_is_what_was_drawn_however_often(person: Person) -> None:
    survey = person.join()
    person.answer(survey, ANSWERS)
    drawn = {report.place.sheet: report.drawn for report in person.reports(survey)}
    person.world.collector.refuses = True
    person.pass_days(1.5)
    person.world.collector.refuses = False
    person.pass_days(2)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    asked = person.world.collector.reports_asked
    assert len(asked) > len(set(asked)) == 2
    for report in person.world.collector.taken:
        # Only the token was put in.
        assert replace(report, token=b"") == decode_report(drawn[report.sheet])


def test_a_refused_report_is_given_up_after_three_attempts(person: Person) -> None:
    survey = person.join()
    person.answer(survey, ANSWERS)
    person.world.collector.refuses = True
    person.pass_days(6)
    assert person.states(survey) == [ReportState.REFUSED, ReportState.REFUSED]
    assert len(person.world.collector.reports_asked) == 6


def test_no_report_is_late_if_there_is_no_network_but_for_its_period(person: Person) -> None:
    survey = person.join()
    person.pass_days(0.1)
    person.answer(survey, ANSWERS)
    person.world.network.cut()
    person.pass_days(1)
    assert ReportState.LATE not in person.states(survey)
    person.world.clock.advance(CLOSES_S - person.world.clock.seconds())
    person.advance()
    assert person.states(survey) == [ReportState.LATE, ReportState.LATE]
    assert person.world.collector.reports_asked == []


def test_a_token_that_never_comes_makes_the_report_late(person: Person) -> None:
    survey = person.join()
    person.answer(survey, ANSWERS)
    # As if the issuer had refused: all orders are gone.
    person.client._wallet._orders.clear()
    person.pass_days(10)
    assert person.states(survey) == [ReportState.LATE, ReportState.LATE]


def test_a_refused_code_is_told_and_a_right_one_takes_its_place(person: Person) -> None:
    survey = person.join(code="mistyped")
    person.answer(survey, ANSWERS)
    person.advance()
    assert person.desk.problem == ""
    # As if the issuer had refused: all orders are gone.
    person.client._wallet._orders.clear()
    person.advance()
    assert "the issuer refused the code" in person.desk.problem
    person.join(code=CODE)
    person.pass_days(2)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    assert person.desk.problem == ""


def test_a_second_code_is_not_spent_while_the_first_one_counts(person: Person) -> None:
    survey = person.join()
    person.answer(survey, ANSWERS)
    assert person.join(code="of-another-person").kept.code == CODE
    assert sum(stock.ordered for stock in wait_for(person.client.tokens(), person.world.clock)) == 2


def test_a_person_answers_once_in_a_period(person: Person) -> None:
    survey = person.join()
    person.answer(survey, {"mood": 0})
    with pytest.raises(AlreadyAnsweredError):
        person.answer(survey, ANSWERS)
    # What was not answered yet may follow, and the promise for the period is paid for once.
    person.answer(survey, {"age": 0})
    [loss] = wait_for(person.desk.budget(), person.world.clock).losses
    assert loss.eps == MILLION
    assert loss.eps0 == 2 * 2_995_733


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "no question is answered"),
        ({"mood": 3}, "from 0 to 2"),
        ({"mood": -1}, "from 0 to 2"),
        ({"shoe": 1}, "no question 'shoe'"),
    ],
)
def test_what_is_no_answer_changes_nothing(person: Person, values: dict[str, int], reason: str) -> None:
    survey = person.join()
    with pytest.raises(MisuseError, match=reason):
        person.answer(survey, values)
    assert person.reports(survey) == []
    assert wait_for(person.desk.budget(), person.world.clock).losses == []


def test_answers_that_travel_together_are_one_report(tmp_path: Path) -> None:
    person = world_of(tmp_path, new_questionnaire(travel=Travel.TOGETHER)).person()
    survey = person.join()
    with pytest.raises(MisuseError, match="there is none to age"):
        person.answer(survey, {"mood": 0})
    person.answer(survey, ANSWERS)
    person.pass_days(2)
    [report] = person.world.collector.taken
    assert len(report.values) == 2
    person.world.close()


def test_an_open_survey_needs_no_token(tmp_path: Path) -> None:
    person = world_of(tmp_path, new_questionnaire(kind=PersonKind.OPEN)).person()
    survey = person.join()
    person.answer(survey, ANSWERS)
    person.pass_days(1.5)
    assert {report.token for report in person.world.collector.taken} == {b""}
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    person.world.close()


def test_without_a_code_no_token_is_ordered(person: Person) -> None:
    with pytest.raises(MisuseError, match="needs the code"):
        person.join(code="")
    survey = wait_for(person.desk.join(person.world.invitation(code=CODE)), person.world.clock)
    assert wait_for(person.desk.order_tokens(survey), person.world.clock) == 2
    assert wait_for(person.desk.order_tokens(survey), person.world.clock) == 0


def test_a_questionnaire_of_another_id_is_refused(person: Person) -> None:
    world = person.world
    world.collector.questionnaires[world.questionnaires[0].survey_id] = new_questionnaire(name="other")
    with pytest.raises(WrongSurveyError, match="another survey"):
        person.join()
    assert wait_for(person.desk.surveys(), world.clock) == []


def test_a_survey_that_the_collector_does_not_have_is_told(person: Person) -> None:
    invitation = replace(person.world.invitation(), survey_id=bytes(32))
    with pytest.raises(WrongSurveyError, match="does not have the survey of this invitation"):
        wait_for(person.desk.join(invitation), person.world.clock)


def test_what_is_no_questionnaire_is_refused(tmp_path: Path) -> None:
    class Babble:
        name = "stats"

        def answer(self, body: bytes) -> bytes:
            return encode_canonical(new_questionnaire())[:-1] + b" }"

    person = world_of(tmp_path).person()
    person.world.network.add_service(Babble(), provider="provider-2")
    with pytest.raises(WrongSurveyError, match="no questionnaire"):
        person.join()
    person.world.close()


def test_an_unsound_questionnaire_is_refused(person: Person) -> None:
    desk = RespondentDesk(replace(person.setting, faults=lambda _: ["the promise is not kept"]))
    with pytest.raises(UnsoundSurveyError, match="the promise is not kept"):
        wait_for(desk.join(person.world.invitation()), person.world.clock)


def test_an_invitation_of_other_parties_is_refused(person: Person) -> None:
    with pytest.raises(MisuseError, match="the invitation names provider-2 and provider-1"):
        wait_for(person.desk.join(replace(person.world.invitation(), issuer="provider-1")), person.world.clock)


def test_too_early_too_late_and_just_too_late_are_told(person: Person) -> None:
    survey = person.join()
    clock = person.world.clock
    early = person.world.person("ben")
    clock.rightNow = OPENS_S - 5.0
    with pytest.raises(NotOpenError, match="opens on 15 January 2027, 08:00 UTC; come back then"):
        early.answer(survey, ANSWERS)
    clock.rightNow = CLOSES_S - 60.0
    with pytest.raises(TooLateError, match="only 60 seconds are left"):
        person.answer(survey, ANSWERS)
    clock.rightNow = float(CLOSES_S)
    with pytest.raises(NotOpenError, match="closed on 25 January 2027, 08:00 UTC; nothing is sent"):
        person.answer(survey, ANSWERS)
    assert wait_for(person.desk.budget(), clock).losses == []


def test_a_spent_budget_refuses_before_anything_is_drawn(tmp_path: Path) -> None:
    world = world_of(tmp_path, new_questionnaire(), new_questionnaire(name="autumn"))
    person = world.person()
    wait_for(person.desk.set_limits(PrivacyLimits(eps=MILLION, eps0=20 * MILLION, days=30)), world.clock)
    person.answer(person.join(0), ANSWERS)
    autumn = person.join(1)
    with pytest.raises(BudgetSpentError, match="eps = 2 of privacy would be lost within 30 days; you allow 1"):
        person.answer(autumn, ANSWERS)
    assert person.reports(autumn) == []
    world.close()


def test_true_answers_leave_only_if_the_person_trusts_collectors(tmp_path: Path) -> None:
    world = world_of(tmp_path, new_questionnaire(mode=Mode.CENTRAL))
    person = world.person()
    survey = person.join()
    with pytest.raises(BudgetSpentError, match="true answers"):
        person.answer(survey, ANSWERS)
    wait_for(person.desk.set_limits(PrivacyLimits(trusts_collectors=True)), world.clock)
    person.answer(survey, ANSWERS)
    assert wait_for(person.desk.budget(), world.clock).losses[0].eps0 is None
    world.close()


def test_who_is_asked_again_answers_by_the_same_draw(tmp_path: Path) -> None:
    world = world_of(tmp_path, new_questionnaire(MOOD_AGAIN, periods=WEEKLY))
    person = world.person()
    survey = person.join()
    for mood in (1, 1, 2, 1, 2):
        person.answer(survey, {"mood": mood})
        person.pass_days(1)
        wait_for(person.desk.order_tokens(survey), world.clock)
    taken = sorted(world.collector.taken, key=lambda report: report.period)
    assert [report.period for report in taken] == [0, 1, 2, 3, 4]
    good, bad = taken[0].values, taken[2].values
    assert [report.values for report in taken] == [good, good, bad, good, bad]
    # Two answers were drawn, and each is paid for once.
    losses = wait_for(person.desk.budget(), world.clock).losses
    assert [loss.eps0 for loss in losses] == [2_995_733, 0, 2_995_733, 0, 0]
    world.close()


def test_a_question_that_is_not_asked_again_is_drawn_anew(tmp_path: Path) -> None:
    world = world_of(tmp_path, new_questionnaire(AGE, periods=WEEKLY))
    person = world.person()
    survey = person.join()
    for _ in range(2):
        person.answer(survey, {"age": 1})
        person.pass_days(1)
        wait_for(person.desk.order_tokens(survey), world.clock)
    assert [loss.eps0 for loss in wait_for(person.desk.budget(), world.clock).losses] == [2_995_733, 2_995_733]
    world.close()


def test_tokens_are_ordered_some_periods_ahead(tmp_path: Path) -> None:
    world = world_of(tmp_path, new_questionnaire(MOOD_AGAIN, periods=WEEKLY))
    person = world.person()
    survey = person.join()
    [stock] = wait_for(person.client.tokens(), world.clock)
    assert stock.ordered == 3
    person.pass_days(1)
    assert wait_for(person.desk.order_tokens(survey), world.clock) == 1
    world.clock.rightNow = float(CLOSES_S)
    assert wait_for(person.desk.order_tokens(survey), world.clock) == 0
    world.close()


def files_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.iterdir() if file.is_file())


def test_when_the_client_has_the_report_the_answer_is_erased_from_the_disk(person: Person) -> None:
    survey = person.join()
    person.answer(survey, ANSWERS, mood="So-so-marked-7261", age="18 to 40")
    assert b"So-so-marked-7261" in files_of(person.world.path)
    drawn = person.reports(survey)[0].drawn
    person.pass_days(0.1)
    assert person.states(survey) == [ReportState.POSTED, ReportState.POSTED]
    assert b"So-so-marked-7261" not in files_of(person.world.path)
    person.pass_days(2)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    everything = files_of(person.world.path)
    assert b"So-so-marked-7261" not in everything
    assert drawn[35:60] not in everything
    # The client keeps no copy either.
    assert person.client._requests._posted == {}


def test_when_the_survey_is_over_code_and_permanent_responses_are_erased(tmp_path: Path) -> None:
    world = world_of(tmp_path, new_questionnaire(MOOD_AGAIN, periods=WEEKLY))
    person = world.person()
    survey = person.join()
    person.answer(survey, {"mood": 1})
    assert CODE.encode() in files_of(tmp_path)
    world.clock.rightNow = float(CLOSES_S)
    person.advance()
    assert CODE.encode() not in files_of(tmp_path)
    assert person.store.read(lambda connection: rows.responses_of(connection, survey.survey_id)) == {}
    world.close()


def test_a_survey_is_forgotten_but_not_what_it_cost(person: Person) -> None:
    survey = person.join()
    person.answer(survey, ANSWERS)
    with pytest.raises(MisuseError, match="on their way"):
        wait_for(person.desk.forget(survey), person.world.clock)
    person.pass_days(2)
    wait_for(person.desk.forget(survey), person.world.clock)
    assert wait_for(person.desk.surveys(), person.world.clock) == []
    assert len(wait_for(person.desk.budget(), person.world.clock).losses) == 1
    with pytest.raises(MisuseError, match="was not taken"):
        wait_for(person.desk.survey(survey.survey_id), person.world.clock)
