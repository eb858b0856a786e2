from __future__ import annotations

import re

import pytest

from client.testing import FakeClient, wait_for
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.showing.frame import Frame, document
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.visit import Visit
from tests.worlds.elections import CLOSES_AT
from tests.worlds.voting import VotingWorld
from votes.board.requests import RequestKind
from votes.voting.page.pages import VotingPages

ANSWERS = {"board": ("0", "2"), "trees": ("0",)}
FRAME = Frame(application="Election", prefix="/pages/election")


class Browser:
    """A voter at the pages, without a browser."""

    def __init__(self, world: VotingWorld, client: FakeClient) -> None:
        self.world = world
        self.pages = VotingPages(world.booth(0), world.questions(client), clock=world.clock)

    def visit(self, answers: dict[str, tuple[str, ...]] | None = None) -> Visit:
        form = None if answers is None else FormBody(answers)
        return Visit(frame=FRAME, query=FormBody(), form=form, form_token="token")

    def page(self, answer: Shown | SeeOther) -> str:
        """Return the text of a page, without its tags."""
        assert isinstance(answer, Shown)
        html = document(FRAME, answer.title, answer.content).decode()
        return " ".join(re.sub(r"<[^>]*>", " ", html).split())

    def vote(self, answers: dict[str, tuple[str, ...]] | None = None) -> Shown | SeeOther:
        return wait_for(self.pages.vote(self.visit(answers)), self.world.clock)

    def preview(self) -> str:
        return self.page(wait_for(self.pages.preview(self.visit()), self.world.clock))

    def code(self) -> str:
        """Return the tracking code of the ballot that is looked at."""
        found = re.search(r"Tracking code ([0-9A-Z-]+)", self.preview())
        assert found is not None
        return found[1]

    def cast(self, code: str) -> Shown | SeeOther:
        return wait_for(self.pages.cast(self.visit({}), code), self.world.clock)

    def ballots(self) -> str:
        return self.page(wait_for(self.pages.ballots(self.visit()), self.world.clock))


@pytest.fixture
def browser(world: VotingWorld) -> Browser:
    return Browser(world, world.client())


def test_the_page_asks_every_question(browser: Browser) -> None:
    text = browser.page(browser.vote())
    for words in ("Who is to be on the board?", "Ada", "Blank vote", "Trees", "You can vote until", "Fingerprint"):
        assert words in text


def test_a_ballot_is_looked_at_before_anything_leaves(browser: Browser) -> None:
    assert browser.vote(ANSWERS) == SeeOther("/preview")
    text = browser.preview()
    assert "Board Ada Cleo" in text
    assert "Trees Yes" in text
    assert "Tracking code" in text
    assert browser.world.service.asked == []


def test_from_a_ballot_to_its_place_on_the_board(browser: Browser) -> None:
    world = browser.world
    browser.vote(ANSWERS)
    code = browser.code()
    assert browser.cast(code) == SeeOther("/ballots")
    assert "It waits for its time" in browser.ballots()
    while world.clock.seconds() < CLOSES_AT:
        world.clock.advance(600)
    text = browser.ballots()
    assert "The board has stored it" in text
    assert code in text
    checked = browser.page(wait_for(browser.pages.check(browser.visit({}), 1), world.clock))
    assert "Your ballot is entry 5 of the board's" in checked


def test_a_second_press_of_the_button_casts_nothing(browser: Browser) -> None:
    browser.vote(ANSWERS)
    code = browser.code()
    for _ in range(2):
        assert browser.cast(code) == SeeOther("/ballots")
    assert len(browser.pages._booth.home.ballots()) == 1


def test_the_ballot_that_is_cast_is_the_one_that_was_looked_at(browser: Browser) -> None:
    """Another page of the browser, or the one before, may still show an earlier ballot."""
    browser.vote(ANSWERS)
    before = browser.code()
    browser.vote({"board": ("1",), "trees": ("1",)})
    assert browser.cast(before) == SeeOther("/preview")
    challenged = wait_for(browser.pages.challenge(browser.visit({}), before), browser.world.clock)
    assert challenged == SeeOther("/preview")
    assert browser.pages._booth.home.ballots() == []
    assert browser.world.service.asked == []
    assert browser.cast(browser.code()) == SeeOther("/ballots")


def test_a_challenged_ballot_is_published_and_never_cast(browser: Browser) -> None:
    browser.vote(ANSWERS)
    answer = wait_for(browser.pages.challenge(browser.visit({}), browser.code()), browser.world.clock)
    assert "goes to the board with all that opens it" in browser.page(answer)
    assert "The board has not answered yet" in browser.ballots()
    for _ in range(5):
        browser.world.clock.advance(10)
    assert "The board published it on" in browser.ballots()
    checked = browser.page(wait_for(browser.pages.check(browser.visit({}), 1), browser.world.clock))
    assert "The opening of your ballot is entry 5" in checked
    assert browser.world.service.asked[0][0] == RequestKind.CHALLENGE
    browser.vote(ANSWERS)
    browser.cast(browser.code())
    assert [(kept.counter, kept.challenged) for kept in browser.pages._booth.home.ballots()] == [(1, True), (2, False)]
    assert "challenged" in browser.ballots()


def test_a_mistake_comes_back_with_what_was_entered(browser: Browser) -> None:
    answer = browser.vote({"board": ("0", "1", "2"), "trees": ("1",)})
    assert isinstance(answer, Shown)
    assert answer.status == 422
    text = browser.page(answer)
    assert "3 options are chosen; 1 to 2 may be chosen" in text
    missing = browser.vote({"board": ("0",)})
    assert "This is not complete yet" in browser.page(missing)


def test_nothing_to_look_at_leads_to_the_questions(browser: Browser) -> None:
    assert wait_for(browser.pages.preview(browser.visit()), browser.world.clock) == SeeOther("/")
    assert wait_for(browser.pages.challenge(browser.visit({}), "any"), browser.world.clock) == SeeOther("/")
    assert wait_for(browser.pages.check(browser.visit({}), 7), browser.world.clock) == SeeOther("/ballots")
    assert "You have cast no ballot yet" in browser.ballots()


def test_a_ballot_that_was_lost_is_told_with_what_to_do(browser: Browser) -> None:
    browser.vote(ANSWERS)
    browser.cast(browser.code())
    browser.world.network.cut()
    while browser.world.clock.seconds() < CLOSES_AT:
        browser.world.clock.advance(600)
    assert "no receipt came" in browser.ballots()
    assert "Cast a new ballot" in browser.ballots()


def test_a_ballot_that_does_not_count_is_made_again_by_one_button(browser: Browser, world: VotingWorld) -> None:
    other = world.booth(0, "another computer")
    other.home.keep_highest(6)
    world.cast(world.client("other"), other)
    while world.board.head().head.size < 6:
        world.clock.advance(60)
    browser.vote(ANSWERS)
    browser.cast(browser.code())
    while world.board.head().head.size < 7:
        world.clock.advance(60)
    for _ in range(10):
        world.clock.advance(60)
    assert "Make it again" in browser.ballots()
    assert wait_for(browser.pages.again(browser.visit({}), 1), world.clock) == SeeOther("/preview")
    assert "Board Ada Cleo" in browser.preview()
    browser.cast(browser.code())
    assert [kept.counter for kept in browser.pages._booth.home.ballots()] == [1, 8]
    # After a restart the choices are forgotten, and made anew.
    browser.pages = Browser(world, world.client("later")).pages
    assert wait_for(browser.pages.again(browser.visit({}), 1), world.clock) == SeeOther("/")
