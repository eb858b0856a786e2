from __future__ import annotations

import re
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest

from client.testing import wait_for
from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.showing.frame import Frame, document
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.visit import Visit
from stats.answer.ledger import BudgetSpentError
from stats.answer.page.pages import RespondentPages
from stats.answer.page.showing import path_of
from stats.answer.store.rows import ReportState
from stats.questionnaire.questionnaire import Mode, Periods, Questionnaire, Travel
from tests.worlds.stats.respondents import (
    ALL_KINDS,
    CLOSES_S,
    CODE,
    DAY_S,
    HOBBIES,
    MOOD,
    OPENS_S,
    RespondentWorld,
    new_questionnaire,
)

FRAME = Frame(application="Surveys", prefix="/pages/surveys")
AGREED = {"consent": ("yes",)}
ANSWERS = {"q-mood": ("1",), "q-age": ("33",), **AGREED}


class Browser:
    """Somebody at the pages, without a browser. The invitation to the first survey is taken."""

    def __init__(self, path: Path, *questionnaires: Questionnaire) -> None:
        self.world = RespondentWorld(path, *questionnaires)
        self.person = self.world.person()
        self.survey = self.person.join()
        self.pages = RespondentPages(self.person.desk, clock=self.world.clock, rng=self.world.rng)
        self.id = self.survey.survey_id.hex()

    def visit(self, form: dict[str, tuple[str, ...]] | None = None) -> Visit:
        body = None if form is None else FormBody(form)
        return Visit(frame=FRAME, query=FormBody(), form=body, form_token="token")

    def go(self, answering: Awaitable[Shown | SeeOther] | Awaitable[Shown] | Awaitable[SeeOther]) -> Shown | SeeOther:
        return wait_for(answering, self.world.clock)

    def text(self, answer: Shown | SeeOther) -> str:
        """Return the text of a page, without its tags."""
        assert isinstance(answer, Shown)
        html = document(FRAME, answer.title, answer.content).decode()
        return " ".join(re.sub(r"<[^>]*>", " ", html).split())

    def answer(self, form: dict[str, tuple[str, ...]] | None = None) -> Shown | SeeOther:
        return self.go(self.pages.survey(self.visit(form), self.id))

    def preview(self) -> str:
        return self.text(self.go(self.pages.preview(self.visit(), self.id)))

    def code(self) -> str:
        """Return the name of what is looked at, from the address of the button that sends it."""
        answer = self.go(self.pages.preview(self.visit(), self.id))
        assert isinstance(answer, Shown)
        found = re.search(r"/send/([0-9a-f]+)", document(FRAME, answer.title, answer.content).decode())
        assert found is not None
        return found[1]

    def send(self, code: str) -> Shown | SeeOther:
        return self.go(self.pages.send(self.visit({}), self.id, code))

    def reports(self) -> str:
        return self.text(self.go(self.pages.reports(self.visit(), self.id)))

    def surveys(self, form: dict[str, tuple[str, ...]] | None = None) -> Shown | SeeOther:
        return self.go(self.pages.surveys(self.visit(form)))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    made = Browser(tmp_path)
    yield made
    made.world.close()


def browser_of(path: Path, *questionnaires: Questionnaire) -> Browser:
    return Browser(path, *questionnaires)


def test_consent_and_what_answering_gives_away_stand_before_the_questions(browser: Browser) -> None:
    text = browser.text(browser.answer())
    for words in (
        "Nobody learns what you answer.",
        "up to 2.7 times as likely as before (eps = 1)",
        "If all mixes work together, they may find it up to 400 times as likely (eps0 = 5.99)",
        "Whoever has a code may answer once in all.",
        "How are you?",
        "How old are you?",
        "Yes, knowing what that gives away",
    ):
        assert words in text
    assert text.index("Nobody learns") < text.index("How are you?") < text.index("Yes, knowing")


def test_without_consent_nothing_goes_on(browser: Browser) -> None:
    answer = browser.answer({"q-mood": ("1",), "q-age": ("33",)})
    assert isinstance(answer, Shown)
    assert answer.status == 422
    assert "Do you want to answer" in browser.text(answer)
    assert browser.go(browser.pages.preview(browser.visit(), browser.id)) == SeeOther(path_of(browser.survey))


def test_what_is_sent_is_looked_at_before_anything_is_drawn(browser: Browser) -> None:
    assert browser.answer(ANSWERS) == SeeOther(path_of(browser.survey, "/preview"))
    text = browser.preview()
    for words in (
        "You send 2 reports of 1,000 bytes each",
        "How are you? Your answer counts as: So-so",
        "With a probability of 90.9 % the report says this. Otherwise it says one of the 2 other answers",
        "How old are you? Your answer counts as: 18 to 39 years",
        "Up to eps = 1 of your privacy budget, of which 0 of 10 is spent",
    ):
        assert words in text
    assert browser.person.reports(browser.survey) == []


def test_from_an_answer_until_the_collector_has_it(browser: Browser) -> None:
    browser.answer(ANSWERS)
    assert browser.send(browser.code()) == SeeOther(path_of(browser.survey, "/reports"))
    text = browser.reports()
    assert "How are you? You answered: So-so It waits for its token" in text
    browser.person.pass_days(0.1)
    assert "Your client has it, and sends it at a random time before" in browser.reports()
    browser.person.pass_days(2)
    assert "The collector has everything. Thank you." in browser.reports()
    assert "of 2 reports, 2 with the collector" in browser.text(browser.surveys())
    assert browser.answer() == SeeOther(path_of(browser.survey, "/reports"))


def test_a_second_press_of_the_button_sends_nothing(browser: Browser) -> None:
    browser.answer(ANSWERS)
    code = browser.code()
    for _ in range(2):
        assert browser.send(code) == SeeOther(path_of(browser.survey, "/reports"))
    assert len(browser.person.reports(browser.survey)) == 2


def test_what_is_sent_is_what_was_looked_at(browser: Browser) -> None:
    """Another page of the browser, or the one before, may still show earlier answers."""
    browser.answer(ANSWERS)
    before = browser.code()
    browser.answer({**ANSWERS, "q-mood": ("2",)})
    assert browser.send(before) == SeeOther(path_of(browser.survey, "/preview"))
    assert browser.person.reports(browser.survey) == []


def test_a_question_may_be_left_out_and_answered_later(browser: Browser) -> None:
    browser.answer({"q-mood": ("skip",), "q-age": ("33",), **AGREED})
    assert "You send 1 report of 1,000 bytes," in browser.preview()
    browser.send(browser.code())
    text = browser.text(browser.answer())
    assert "How are you?" in text
    assert "How old are you?" not in text


def test_none_of_several_options_is_said_and_nothing_is_no_answer(tmp_path: Path) -> None:
    browser = browser_of(tmp_path, new_questionnaire(MOOD, HOBBIES))
    browser.answer({"q-mood": ("1",), **AGREED})
    assert "You send 1 report" in browser.preview()
    browser.answer({"q-mood": ("1",), "q-hobbies": ("none",), **AGREED})
    assert "What do you do? Your answer counts as: none" in browser.preview()
    browser.world.close()


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"q-mood": ("skip",), "q-age": ("",)}, "Answer at least one question."),
        ({"q-mood": ("1",), "q-age": ("old",)}, "How old are you: the answer is a whole number"),
    ],
)
def test_a_mistake_comes_back_with_what_was_entered(
    browser: Browser, entered: dict[str, tuple[str, ...]], words: str
) -> None:
    answer = browser.answer({**entered, **AGREED})
    assert isinstance(answer, Shown)
    assert answer.status == 422
    assert words in browser.text(answer)


EVERYTHING = {
    "q-mood": ("0",),
    "q-hobbies": ("0", "2"),
    "q-age": ("120",),
    "q-home": ("52.52, 13.40",),
    "q-trip-from": ("0",),
    "q-trip-to": ("1",),
    "q-route-0": ("2",),
    "q-route-1": ("0",),
    "q-route-2": ("",),
    "q-wish": ("The rent of my flat, and the bus.",),
    "q-visits": ("999",),
    **AGREED,
}


def test_all_kinds_of_questions_are_answered(tmp_path: Path) -> None:
    browser = browser_of(tmp_path, new_questionnaire(*ALL_KINDS, travel=Travel.TOGETHER))
    assert browser.answer(EVERYTHING) == SeeOther(path_of(browser.survey, "/preview"))
    text = browser.preview()
    for words in (
        "Good",
        "Read; Sing",
        "65 to 120 years",
        "52.5000 to 52.7500, 13.2500 to 13.5000",
        "Home -&gt; Work",
        "Station -&gt; Bridge",
        "Your answer counts as: Rent",
        "801 to 1,000",
        "Chance picks one of the options.",
        "You send 1 report of 1,000 bytes",
    ):
        assert words in text, words
    browser.send(browser.code())
    browser.person.pass_days(2)
    [report] = browser.world.collector.taken
    assert len(report.values) == 8
    browser.world.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"q-trip-to": ("",)}, "Where did you go? choose both places, or none"),
        ({"q-route-0": ("",)}, "Which way? leave places empty only at the end of the route"),
        ({"q-hobbies": ("0", "none")}, "take away either"),
        ({"q-home": ("here",)}, "latitude and longitude in degrees"),
    ],
)
def test_what_fields_together_make_wrong_is_told(tmp_path: Path, wrong: dict[str, tuple[str, ...]], words: str) -> None:
    browser = browser_of(tmp_path, new_questionnaire(*ALL_KINDS))
    answer = browser.answer({**EVERYTHING, **wrong})
    assert isinstance(answer, Shown)
    assert answer.status == 422
    assert words in browser.text(answer)
    browser.world.close()


def test_answers_that_travel_together_are_all_needed(tmp_path: Path) -> None:
    browser = browser_of(tmp_path, new_questionnaire(travel=Travel.TOGETHER))
    assert "No answer" not in browser.text(browser.answer())
    assert "How old are you: write something here" in browser.text(browser.answer({"q-mood": ("1",), **AGREED}))
    browser.world.close()


def test_an_invitation_is_taken_on_the_page(tmp_path: Path) -> None:
    browser = browser_of(tmp_path, new_questionnaire(), new_questionnaire(name="autumn"))
    word = browser.world.invitation(1).encode()
    other = path_of(browser.survey).replace(browser.id, browser.world.questionnaires[1].survey_id.hex())
    assert browser.surveys({"invitation": (word,)}) == SeeOther(other)
    assert "The autumn survey" in browser.text(browser.surveys())
    assert browser.go(browser.pages.home(browser.visit())) in (SeeOther(other), SeeOther(path_of(browser.survey)))
    answer = browser.surveys({"invitation": (f"survey-1:provider-9:00:provider-1:{CODE}",)})
    assert isinstance(answer, Shown)
    assert answer.status == 422
    assert "64 hexadecimal digits" in browser.text(answer)
    browser.world.close()


def test_who_has_no_survey_is_asked_for_an_invitation(browser: Browser) -> None:
    browser.answer(ANSWERS)
    browser.send(browser.code())
    assert browser.go(browser.pages.home(browser.visit())) == SeeOther("/surveys")
    assert "You answered." in browser.text(browser.surveys())


def test_early_late_and_between_are_told_in_the_list(tmp_path: Path) -> None:
    browser = browser_of(tmp_path, new_questionnaire(periods=Periods(length_s=DAY_S, count=10)))
    browser.answer(ANSWERS)
    browser.send(browser.code())
    assert "You answered. The next period begins on 16 January 2027, 08:00 UTC." in browser.text(browser.surveys())
    browser.world.clock.rightNow = OPENS_S - 5.0
    assert "It opens on 15 January 2027, 08:00 UTC." in browser.text(browser.surveys())
    browser.world.clock.rightNow = float(CLOSES_S)
    assert "It takes no answers any more." in browser.text(browser.surveys())
    browser.world.close()


def test_the_budget_is_shown_changed_and_kept(tmp_path: Path) -> None:
    browser = browser_of(tmp_path, new_questionnaire(mode=Mode.CENTRAL))
    browser.answer(ANSWERS)
    with pytest.raises(BudgetSpentError):
        browser.send(browser.code())
    text = browser.text(browser.go(browser.pages.budget(browser.visit())))
    assert "you spent 0 of 10 in case one mix is honest (eps), and 0 of 200" in text
    form = {"eps": ("2.5",), "eps0": ("20",), "days": ("30",), "trust": ("yes",)}
    assert browser.go(browser.pages.budget(browser.visit(form))) == SeeOther("/budget")
    browser.send(browser.code())
    text = browser.text(browser.go(browser.pages.budget(browser.visit())))
    assert "In the last 30 days, you spent 1 of 2.5" in text
    assert "Surveys that got true answers: 1." in text
    assert "The spring survey" in text
    wrong = browser.go(browser.pages.budget(browser.visit({**form, "eps": ("much",)})))
    assert isinstance(wrong, Shown)
    assert wrong.status == 422
    assert "a privacy loss is a number such as 1.5" in browser.text(wrong)
    browser.world.close()


@pytest.mark.parametrize("name", ["00" * 32, "00", "nonsense"])
def test_a_survey_that_is_not_there_is_told(browser: Browser, name: str) -> None:
    with pytest.raises(MisuseError, match="here"):
        browser.go(browser.pages.reports(browser.visit(), name))


def test_a_problem_of_the_network_is_told(browser: Browser) -> None:
    browser.answer(ANSWERS)
    browser.send(browser.code())
    browser.world.collector.refuses = True
    browser.person.pass_days(6)
    assert [each.state for each in browser.person.reports(browser.survey)] == [ReportState.REFUSED] * 2
    assert "The collector did not take it, and never says why." in browser.reports()
