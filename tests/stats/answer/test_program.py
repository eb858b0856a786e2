from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from client.remote import RemoteClient
from client.testing import FakeClient, wait_for
from loopixmix.errors import MisuseError
from stats.answer.program import (
    AnsweringSetting,
    WaitUntil,
    enter_survey,
    look_after,
    open_answers,
    open_guest,
    serve_pages,
)
from stats.answer.store.rows import ReportState
from tests.worlds.clients.memory_web import MemoryWeb
from tests.worlds.stats.respondents import Person, RespondentWorld

ANSWERS = {"mood": 1, "age": 2}
HOSTS = ("provider-2", "provider-3")


async def remote_client(path: Path) -> RemoteClient:
    raise AssertionError(f"nothing here needs the client of {path}")


class Program:
    """A respondent's program on a network in memory. `said`: the lines that it showed."""

    def __init__(self, world: RespondentWorld, client: FakeClient) -> None:
        self.world = world
        self.said: list[str] = []
        self.web = MemoryWeb(world.clock)
        self.setting = AnsweringSetting(
            client, world.clock, world.rng, self.web, self.said.append, self.pause, remote_client
        )

    def pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self.world.clock, seconds, lambda: None)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RespondentWorld]:
    made = RespondentWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def person(world: RespondentWorld) -> Person:
    return world.person()


@pytest.fixture
def program(world: RespondentWorld, person: Person) -> Program:
    return Program(world, person.client)


def guest_of(world: RespondentWorld, *, provider: str = "") -> tuple[str, list[str]]:
    stranger = world.network.client()
    program = Program(world, stranger)
    wait_for(open_guest(program.setting, HOSTS, provider=provider), world.clock)
    return stranger.guest_at, program.said


def test_a_guest_account_is_away_from_collector_and_issuer(world: RespondentWorld) -> None:
    assert {guest_of(world)[0] for _ in range(12)} == {"provider-1"}
    assert guest_of(world, provider="provider-2")[0] == "provider-2"
    # One that takes no guests is followed by another.
    world.network.add_provider("provider-4", guests=False)
    assert {guest_of(world)[0] for _ in range(12)} == {"provider-1"}


def test_if_there_is_no_other_provider_it_is_that_of_the_issuer_and_that_is_said(world: RespondentWorld) -> None:
    world.network._providers.pop("provider-1")
    provider, said = guest_of(world)
    assert provider == "provider-3"
    assert "also issues tokens" in said[0]
    world.network._providers.pop("provider-3")
    with pytest.raises(MisuseError, match="no provider but provider-2"):
        guest_of(world)


def test_the_folder_is_private(tmp_path: Path) -> None:
    open_answers(tmp_path / "answers").close()
    assert (tmp_path / "answers").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (WaitUntil.DRAWN, ReportState.DRAWN),
        (WaitUntil.POSTED, ReportState.POSTED),
        (WaitUntil.ENDED, ReportState.ACCEPTED),
    ],
)
def test_reports_are_looked_after_until_they_are_so_far(
    program: Program, person: Person, until: WaitUntil, state: ReportState
) -> None:
    survey = wait_for(enter_survey(person.desk, program.world.invitation()), program.world.clock)
    person.answer(survey, ANSWERS)
    wait_for(look_after(program.setting, person.desk, until), program.world.clock, within_s=200_000, step_s=900)
    assert state in person.states(survey)
    assert program.said[0] == "of 2 reports, 2 waiting for tokens"
    if until is WaitUntil.ENDED:
        assert program.said[-1] == "of 2 reports, 2 with the collector"


def test_the_page_is_served_until_the_program_is_ended(program: Program, person: Person) -> None:
    survey = person.join()
    serving = Deferred.fromCoroutine(serve_pages(program.setting, person.desk))
    assert "answer here, in a browser on this machine: http://surveys-" in program.said[0]
    person.answer(survey, ANSWERS)
    for _ in range(60):
        program.world.clock.advance(3_600)
    assert person.states(survey) == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    assert not serving.called
    serving.addErrback(lambda _: None)
    serving.cancel()
    assert serving.called
