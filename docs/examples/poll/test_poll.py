"""The poll without a network: the real service, application and page, joined by fake clients."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from poll_app import Voter
from poll_page import PollPages
from poll_service import Poll
from twisted.internet.task import Clock

from client.api import RequestTimeoutError, ServiceFailedError
from client.testing import FakeKeyDirectory, FakeNetwork, wait_for
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.pages import PageContext
from loopixmix.web.showing.frame import Frame
from loopixmix.web.showing.markup import element, render
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.visit import Visit
from provider.api import ServiceContext, Setting

SETTINGS: dict[str, Setting] = {"question": "What shall we build?", "options": ["A playground", "More trees"]}


class World:
    """Alice, Bob and a provider with a poll. Nothing happens until the clock moves."""

    def __init__(self, directory: Path) -> None:
        self.clock, rng = Clock(), random.Random(1)
        self.network = FakeNetwork(clock=self.clock, rng=rng, delay_s=1.0)
        keys = FakeKeyDirectory(rng=rng)
        context = ServiceContext(
            provider=bytes(32), directory=directory, clock=self.clock, rng=rng, keys=keys, settings=SETTINGS
        )
        self.network.add_service(Poll(context), provider="away")
        self.alice = Voter(self.network.client("alice@home"))
        self.bob = Voter(self.network.client("bob@away"))
        self.page = PollPages(PageContext(client=self.alice.client, directory=directory, clock=self.clock, rng=rng))

    def visit(self, query: FormBody | None = None, form: FormBody | None = None) -> Visit:
        frame = Frame(application="Poll", prefix="")
        return Visit(frame=frame, query=query or FormBody(), form=form, form_token="token")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_votes_are_counted(world: World) -> None:
    assert wait_for(world.alice.question(), world.clock) == ("What shall we build?", ["A playground", "More trees"])
    wait_for(world.alice.vote("More trees"), world.clock)
    assert wait_for(world.bob.result(), world.clock) == {"A playground": 0, "More trees": 1}


def test_a_vote_for_something_else_is_refused(world: World) -> None:
    with pytest.raises(ServiceFailedError):
        wait_for(world.alice.vote("A bridge"), world.clock)


def test_an_invitation_is_told_though_it_came_before_anybody_listened(world: World) -> None:
    wait_for(world.bob.client.add_contact("alice@home"), world.clock)
    wait_for(world.alice.invite("bob@away"), world.clock)
    world.clock.advance(10)
    told: list[str] = []
    world.bob.on_invited(told.append)
    world.clock.pump([1.0] * 5)
    assert told == ["alice@home invites you to vote"]


def test_an_invitation_by_somebody_unknown_is_not_told(world: World) -> None:
    wait_for(world.alice.invite("bob@away"), world.clock)
    told: list[str] = []
    world.bob.on_invited(told.append)
    world.clock.pump([1.0] * 10)
    assert told == []


def test_a_lost_request_is_an_error_that_says_so(world: World) -> None:
    world.network.lose_next()
    with pytest.raises(RequestTimeoutError):
        wait_for(world.alice.result(), world.clock)


def test_the_page_casts_a_vote_and_leads_to_the_result(world: World) -> None:
    sent = world.visit(form=FormBody({"option": ("More trees",)}))
    assert wait_for(world.page.vote(sent), world.clock) == SeeOther("/result?cast=yes")
    shown = wait_for(world.page.result(world.visit(FormBody({"cast": ("yes",)}))), world.clock)
    body = render(element("main", shown.content)).decode()
    assert "Your vote is counted." in body
    assert "Votes in all: 1." in body


def test_the_page_asks_again_if_nothing_was_chosen(world: World) -> None:
    shown = wait_for(world.page.vote(world.visit(form=FormBody())), world.clock)
    assert isinstance(shown, Shown)
    assert shown.status == 422
    assert wait_for(world.bob.result(), world.clock) == {"A playground": 0, "More trees": 0}
