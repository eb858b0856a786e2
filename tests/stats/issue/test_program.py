"""An issuer as a program: by which clock it erases keys. As a process it is in tests/integration."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from loopixmix.process.wallclock import DOUBT_S
from stats.issue.directory import IssuerConfig, IssuerDirectory
from stats.issue.program import IssuerProgram
from stats.issue.surveys import SURVEYS, add_survey
from tests.worlds.networks.stepped_reactors import Computer, SteppedReactor, world_on
from tests.worlds.stats.issuers import OPENS_S, survey_draft

DAY_S = 86_400.0


class ListeningReactor(SteppedReactor):
    """Nobody connects to its Unix sockets."""

    def listenUNIX(self, address: str, factory: object, *, mode: int) -> ListeningReactor:
        return self

    def stopListening(self) -> None:
        """There is nothing to close."""

    def run_until(self, condition: Callable[[], object]) -> None:
        """Let time pass, and the threads of the program work, until a condition holds."""
        deadline_s = time.monotonic() + 30.0
        while not condition():
            assert time.monotonic() < deadline_s
            self.run_for(0.5, step_s=0.5)
            time.sleep(0.01)


@pytest.fixture
def reactor() -> Iterator[ListeningReactor]:
    made = ListeningReactor(Computer(OPENS_S + 10.0))
    made.getThreadPool().start()
    yield made
    # Also after a failure: its threads would keep Python from ending.
    made.getThreadPool().stop()


def test_a_clock_that_is_wrong_for_a_minute_erases_no_key(reactor: ListeningReactor, tmp_path: Path) -> None:
    computer, world = reactor.computer, world_on(reactor)
    directory = IssuerDirectory.create(tmp_path / "issuer", IssuerConfig())

    def add(name: str) -> None:
        add_survey(directory.path, survey_draft(name=name), now_s=computer.time_of_day(), rng=random.Random(1), told=id)

    def secrets() -> int:
        return len([*directory.path.glob(f"{SURVEYS}/*/*.pkcs8"), *directory.path.glob(f"{SURVEYS}/*/secret")])

    add("tea")
    program = IssuerProgram(directory, world=world)
    program.start()
    world.clock_watch.start()
    before = secrets()
    add("coffee")
    computer.set_clock(1000 * DAY_S)
    # By then it has looked through all of them.
    reactor.run_until(lambda: program.status().surveys == 2)
    reactor.run_for(5.0, step_s=1.0)
    assert secrets() == 2 * before
    reactor.run_for(DOUBT_S, step_s=1.0)
    reactor.run_until(lambda: not secrets())
    ended: list[object] = []
    Deferred.fromCoroutine(program.stop()).addBoth(ended.append)
    reactor.run_until(lambda: ended)
