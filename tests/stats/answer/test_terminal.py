from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from client.testing import wait_for
from loopixmix.errors import MisuseError
from stats.answer.surveys import NotOpenError
from stats.answer.terminal import TerminalTalk, answer_survey
from stats.questionnaire.answers import Answer, AnswerError
from stats.questionnaire.questionnaire import Questionnaire, Travel
from tests.worlds.stats.respondents import ALL_KINDS, CLOSES_S, Person, RespondentWorld, new_questionnaire


class Typist:
    """Somebody at a terminal, who types these lines one after the other. `said`: all that was shown."""

    def __init__(self, *lines: str, sure: tuple[bool, ...] = (True, True)) -> None:
        self.lines = list(lines)
        self.sure = list(sure)
        self.said: list[str] = []
        self.talk = TerminalTalk(self.said.append, lambda _: self.lines.pop(0), lambda _: self.sure.pop(0))

    @property
    def seen(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    world = RespondentWorld(tmp_path)
    yield world.person()
    world.close()


def person_of(path: Path, questionnaire: Questionnaire) -> Person:
    return RespondentWorld(path, questionnaire).person()


def answered(
    person: Person, typist: Typist, *, given: Mapping[str, Answer] | None = None, is_sure: bool = False
) -> bool:
    clock = person.world.clock
    survey = person.join()
    return wait_for(
        answer_survey(typist.talk, person.desk, survey, given=given, is_sure=is_sure, now_s=clock.seconds()), clock
    )


def test_consent_questions_and_a_look_at_what_is_sent(person: Person) -> None:
    typist = Typist("2", "33")
    assert answered(person, typist)
    for words in (
        "The spring survey",
        "Nobody learns what you answer.",
        "2.7 times as likely as before (eps = 1)",
        "1 of 2: How are you?\n  1  Good\n  2  So-so\n  3  Bad\nType a number.",
        "What is sent",
        "How are you?\n  So-so\n  With a probability of 90.9 %",
        "  18 to 39 years",
        "eps = 1 of your privacy budget, of which 0 of 10 is spent",
    ):
        assert words in typist.seen, words
    assert len(person.reports(person.join())) == 2


def test_without_consent_nothing_is_asked(person: Person) -> None:
    with pytest.raises(AnswerError, match="nothing was answered"):
        answered(person, Typist(sure=(False,)))
    assert person.reports(person.join()) == []


def test_who_does_not_want_to_send_it_sends_nothing(person: Person) -> None:
    typist = Typist("1", "33", sure=(True, False))
    assert not answered(person, typist)
    assert typist.said[-1] == "nothing was sent"
    assert person.reports(person.join()) == []


def test_a_mistake_is_told_and_asked_again(person: Person) -> None:
    typist = Typist("7", "1 2", "Good", "old", "33")
    assert answered(person, typist)
    assert "That does not go: the numbers are 1 to 3." in typist.seen
    assert "That does not go: one number is allowed." in typist.seen
    assert "That does not go: the answer is a whole number." in typist.seen


def test_questions_that_travel_apart_may_be_left_out(person: Person) -> None:
    assert answered(person, Typist("", "33"))
    assert [report.place.sheet for report in person.reports(person.join())] == [1]
    # Later only the other one is asked.
    typist = Typist("1")
    assert answered(person, typist)
    assert "1 of 1: How are you?" in typist.seen
    typist = Typist()
    assert not answered(person, typist)
    assert "you answered it" in typist.seen


def test_who_leaves_out_everything_sends_nothing(person: Person) -> None:
    with pytest.raises(AnswerError, match="no question was answered"):
        answered(person, Typist("", ""))


def test_all_kinds_of_questions_are_typed(tmp_path: Path) -> None:
    person = person_of(tmp_path, new_questionnaire(*ALL_KINDS, travel=Travel.TOGETHER))
    typist = Typist(
        "",
        "1",
        "0",
        "200",
        "52.52, 13.40",
        "Home -> Work",
        "Park -> Bridge",
        "The bus is late",
        "999",
        sure=(True, True),
    )
    assert answered(person, typist)
    for words in ("That does not go", "none", "65 to 120 years", "Home -> Work", "Transport", "801 to 1,000"):
        assert words in typist.seen, words
    person.world.close()


def test_given_answers_are_taken_without_a_question(person: Person) -> None:
    typist = Typist()
    assert answered(person, typist, given={"mood": "Bad", "age": 12}, is_sure=True)
    assert "  0 to 17 years" in typist.seen
    with pytest.raises(MisuseError, match="no question 'shoe'; it has: mood, age"):
        answered(person, typist, given={"shoe": 44}, is_sure=True)
    with pytest.raises(AnswerError, match="the answer is one of: Good"):
        answered(person, typist, given={"mood": "Fine"}, is_sure=True)


def test_a_survey_that_is_closed_is_told(person: Person) -> None:
    survey = person.join()
    person.world.clock.rightNow = float(CLOSES_S)
    answering = answer_survey(Typist().talk, person.desk, survey, given=None, is_sure=False, now_s=float(CLOSES_S))
    with pytest.raises(NotOpenError, match="the survey closed on"):
        wait_for(answering, person.world.clock)
