"""What alice and bob do in the demo, done by fakes: the scenario asks for no more than the client's API."""

from __future__ import annotations

import random

from twisted.internet.task import Clock

from client.api import UnavailableError
from client.demo.scenario import MESSAGES_EACH_WAY, Conversation, Demonstration, Party
from client.testing import FakeNetwork
from tests.worlds.clients.contract import run_with


class Echo:
    """Answers what it was asked."""

    name = "echo"

    async def answer(self, body: bytes) -> bytes:
        return body


class Told:
    """Keeps what a person would see."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.parts = 0
        self.failed: list[str] = []

    def step(self, text: str, total: int) -> None:
        self.steps.append((text, total))
        self.parts = 0

    def done(self, parts: int) -> None:
        assert parts <= self.steps[-1][1]
        self.parts = parts

    def fail(self) -> None:
        self.failed.append(self.steps[-1][0])


class Slow:
    """A client whose daemon is still starting when it is first asked."""

    def __init__(self, client: object, failures: int) -> None:
        self._client = client
        self._failures = failures

    def __getattr__(self, name: str) -> object:
        if name == "register" and self._failures:
            self._failures -= 1
            return self._fail
        return getattr(self._client, name)

    async def _fail(self, *_: object, **__: object) -> None:
        raise UnavailableError("the client daemon is not running")


def play(*, failures: int = 0, echo: type[Echo] = Echo) -> tuple[Conversation, Told]:
    clock, told = Clock(), Told()
    network = FakeNetwork(clock=clock, rng=random.Random(1))
    network.add_service(echo(), provider="home")
    network.add_provider("away")
    alice = Party(Slow(network.client(), failures), clock, name="alice", provider="home")  # type: ignore[arg-type]
    bob = Party(network.client(), clock, name="bob", provider="away")
    scenario = Demonstration(alice, bob, clock=clock, rng=random.Random(2), progress=told)
    return run_with(scenario.run(), lambda: clock.advance(0.1)), told


def test_everything_arrives_as_it_was_sent() -> None:
    conversation, told = play()
    assert conversation.texts_received == conversation.texts_sent == 2 * MESSAGES_EACH_WAY
    assert conversation.texts_intact
    assert len(conversation.text_times_s) == conversation.texts_sent
    assert conversation.file_intact
    assert conversation.echoed
    assert conversation.anonymous_answered
    assert (conversation.alice.address, conversation.bob.address) == ("alice@home", "bob@away")
    assert len(told.steps) == 6
    assert told.failed == []
    assert told.parts == told.steps[-1][1]


def test_a_daemon_that_is_still_starting_is_waited_for() -> None:
    conversation, _ = play(failures=3)
    assert conversation.alice.registered


class Mumbling(Echo):
    """Answers something else."""

    async def answer(self, body: bytes) -> bytes:
        return body[:3]


def test_a_step_that_fails_is_told_as_one() -> None:
    conversation, told = play(echo=Mumbling)
    assert not conversation.echoed
    assert told.failed == ["asking the echo service, anonymously"]
