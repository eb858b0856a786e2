"""What every implementation of `client.api.Client` does with callbacks that fail, hang, or are stopped.

A test module makes a subclass of `CallbackContract` whose name starts with `Test` and gives it a fixture `world`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred

from client.api import BadRequestError, Client, MessageProgress, NumberedChange, PostedRequest
from client.http.calling.client import CallingClient
from tests.worlds.clients.contract import ALICE, BOB, ReaderError, World, post, send
from tests.worlds.clients.fakes import FakeWorld

RAISED = (ReaderError("full"), CancelledError(), asyncio.CancelledError())
"""What callbacks raise: an error, and what is left of something that was cancelled, on Twisted and on asyncio."""


class Failing:
    """A callback that raises an error the first time, or more often."""

    def __init__(self, error: BaseException, *, times: int = 1) -> None:
        self.told: list[Any] = []
        self.times = times
        self._error = error

    def plain(self, thing: object) -> None:
        self.told.append(thing)
        if len(self.told) <= self.times:
            raise self._error

    async def awaited(self, thing: object) -> None:
        self.plain(thing)


class Gate:
    """A place to wait, on Twisted and on asyncio."""

    def __init__(self) -> None:
        self.waiting = 0
        self._openers: list[Callable[[], object]] = []

    async def passing(self) -> None:
        self.waiting += 1
        try:
            future = asyncio.get_running_loop().create_future()
        except RuntimeError:
            deferred: Deferred[None] = Deferred()
            self._openers.append(lambda: deferred.callback(None))
            await deferred
        else:
            self._openers.append(lambda: future.set_result(None))
            await future
        self.waiting -= 1

    def open(self) -> None:
        openers, self._openers = self._openers, []
        for opener in openers:
            opener()


def errors(client: Client) -> list[type[BaseException]]:
    """Return the kinds of what callbacks of a client raised."""
    return [type(failure.error) for failure in client.callback_failures]


class EventWorld(World, Protocol):
    """A world of clients over HTTP."""

    alice: CallingClient
    fake: FakeWorld

    def restart_alice(self, meanwhile: Callable[[], object]) -> None:
        """Stop Alice's daemon, do something, and start it again."""


def each_failure(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with each error, raised by a plain function and by a coroutine function."""
    errors = pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__module__)
    return errors(pytest.mark.parametrize("form", ["plain", "awaited"])(test))


class CallbackContract:
    """The tests; see the module's docstring."""

    @each_failure
    def test_a_message_is_offered_again_and_the_next_one_comes(
        self, world: World, error: BaseException, form: str
    ) -> None:
        world.run(world.alice.add_contact(BOB))
        world.run(world.bob.add_contact(ALICE))
        failing = Failing(error)
        stop = world.bob.on_received("text", getattr(failing, form))
        send(world, b"one", key="1")
        world.pass_time()
        send(world, b"two", key="2")
        for _ in range(2):
            world.pass_time()
        assert sorted(message.body for message in failing.told) == [b"one", b"one", b"two"]
        assert world.run(world.bob.status()).unread == 0
        check_told(world.bob, "on_received", form, error)
        stop()

    @each_failure
    def test_an_answer_is_offered_again_before_the_next_one(
        self, world: World, error: BaseException, form: str
    ) -> None:
        failing = Failing(error, times=2)
        stop = world.alice.on_answer(getattr(failing, form))
        post(world, b"one", key="1")
        world.pass_time()
        post(world, b"two", key="2")
        for _ in range(3):
            world.pass_time()
        assert [request.answer for request in failing.told] == [b"one", b"one", b"one", b"two"]
        check_told(world.alice, "on_answer", form, error, times=2)
        stop()

    @each_failure
    def test_after_a_step_the_next_one_is_told(self, world: World, error: BaseException, form: str) -> None:
        world.run(world.alice.add_contact(BOB))
        failing = Failing(error)
        stop = world.run(world.alice.on_progress(getattr(failing, form)))
        send(world, b"one", key="1")
        world.pass_time()
        assert [step.state for step in failing.told if isinstance(step, NumberedChange)] == [
            "queued",
            "sending",
            "stored",
        ]
        check_told(world.alice, "on_progress", form, error)
        stop()

    def test_a_callback_that_hangs_holds_up_no_other_one(self, world: World) -> None:
        world.run(world.alice.add_contact(BOB))
        world.run(world.bob.add_contact(ALICE))
        gate = Gate()
        answers: list[PostedRequest] = []
        bodies: list[bytes] = []
        stops = [
            world.alice.on_answer(lambda answer: gate.passing()),
            world.alice.on_answer(answers.append),
            world.bob.on_received("slow", lambda message: gate.passing()),
            world.bob.on_received("quick", lambda message: bodies.append(message.body)),
        ]
        post(world, b"one", key="1")
        send(world, b"one", key="1", kind="slow")
        send(world, b"two", key="2", kind="quick")
        for _ in range(2):
            world.pass_time()
        assert ([answer.answer for answer in answers], bodies) == ([b"one"], [b"two"])
        for stop in stops:
            stop()
        world.pass_time()
        assert gate.waiting == 2
        gate.open()
        world.pass_time()
        assert (gate.waiting, errors(world.alice), errors(world.bob)) == (0, [], [])

    def test_a_callback_may_stop_itself_and_is_not_interrupted(self, world: World) -> None:
        done: list[str] = []
        gate = Gate()

        async def take(answer: PostedRequest) -> None:
            stop()
            stop()
            await gate.passing()
            done.append(answer.service)

        stop = world.alice.on_answer(take)
        post(world, b"one", key="1")
        world.pass_time()
        post(world, b"two", key="2")
        world.pass_time()
        assert (gate.waiting, done) == (1, [])
        gate.open()
        world.pass_time()
        assert (gate.waiting, done, errors(world.alice)) == (0, ["echo"], [])

    def test_progress_is_told_without_awaiting_that_it_has_begun(self, world: World) -> None:
        world.run(world.alice.add_contact(BOB))
        told: list[NumberedChange | MessageProgress] = []
        stop = world.alice.on_progress(told.append)
        world.pass_time()
        send(world, b"one", key="1")
        world.pass_time()
        stop()
        stop()
        send(world, b"two", key="2")
        world.pass_time()
        assert [step.number for step in told if isinstance(step, NumberedChange)] == [1, 2, 3]

    def test_what_lies_ahead_is_refused_to_those_who_wait_for_it_and_told_to_nobody(self, world: World) -> None:
        world.run(world.alice.add_contact(BOB))
        told: list[NumberedChange | MessageProgress] = []
        following = world.alice.on_progress(told.append, after=2)
        for _ in range(2):
            with pytest.raises(BadRequestError, match="there was no step 2 yet"):
                world.run(following)
        send(world, b"one", key="1")
        world.pass_time()
        following()
        assert told == []
        check_ended(world.alice, "on_progress", "there was no step 2 yet: the newest is 0")

    def test_answers_that_lie_ahead_are_refused_too(self, world: World) -> None:
        told: list[PostedRequest] = []
        following = world.alice.on_answer(told.append, after=1)
        with pytest.raises(BadRequestError, match="no request has ended with the number 1 yet"):
            world.run(following)
        post(world, b"one", key="1")
        world.pass_time()
        following()
        assert told == []
        check_ended(world.alice, "on_answer", "no request has ended with the number 1 yet: the newest is 0")
        again = world.alice.on_answer(told.append, after=1)
        assert world.run(again) is again
        post(world, b"two", key="2")
        world.pass_time()
        assert [answer.answer for answer in told] == [b"two"]
        again()

    def test_nobody_waits_for_what_was_stopped(self, world: World) -> None:
        following = world.alice.on_progress(lambda event: None)
        following()
        assert world.run(following) is following

    @pytest.mark.parametrize("after", [-1, 10**30, "1", 1.0, True])
    def test_a_number_of_a_wrong_form_is_refused_at_once(self, world: World, after: object) -> None:
        with pytest.raises(BadRequestError, match="after"):
            world.alice.on_progress(lambda event: None, after=cast(int, after))

    @pytest.mark.parametrize("after", [-1, 10**30, None, "1", 1.0, True])
    def test_a_number_of_no_answer_is_refused(self, world: World, after: object) -> None:
        with pytest.raises(BadRequestError, match="after"):
            world.alice.on_answer(lambda answer: None, after=cast(int, after))


class EventContract:
    """The tests of `on_event`, which the clients over HTTP have."""

    @each_failure
    def test_after_an_event_the_next_one_is_told(self, world: EventWorld, error: BaseException, form: str) -> None:
        world.run(world.alice.add_contact(BOB))
        failing = Failing(error)
        stop = world.run(world.alice.on_event(getattr(failing, form)))
        send(world, b"one", key="1")
        world.pass_time()
        states = [event.state.value for event in failing.told if isinstance(event, NumberedChange)]
        assert states == ["queued", "sending", "stored"]
        check_told(world.alice, "on_event", form, error)
        stop()

    @pytest.mark.parametrize("after", ["7-7", "latest", "999999-999999", "1", "0-0-0"])
    def test_an_id_of_no_event_is_refused(self, world: EventWorld, after: str) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.alice.on_event(lambda event: None, after=after))

    def test_a_program_learns_why_it_is_told_no_event(self, world: EventWorld) -> None:
        following = world.alice.on_event(lambda event: None, after="7-7")
        world.pass_time()
        check_ended(world.alice, "on_event", "there was no event 7-7 yet: the newest is 0-0")
        assert not world.alice._running  # type: ignore[attr-defined]
        following()

    def test_a_quiet_client_loses_no_event_over_a_restart(self, world: EventWorld) -> None:
        world.run(world.alice.add_contact(BOB))
        told: list[object] = []
        stop = world.run(world.alice.on_progress(told.append))
        events: list[object] = []
        stop_events = world.run(world.alice.on_event(events.append))
        world.restart_alice(lambda: world.run(world.fake.alice.send(BOB, b"x", kind="text", idempotency_key="1")))
        for _ in range(4):
            world.pass_time()
        for heard in (told, events):
            assert [step.number for step in heard if isinstance(step, NumberedChange)] == [1, 2, 3]
        stop()
        stop_events()


def check_ended(client: Client, door: str, why: str) -> None:
    """Check what a client keeps of a callback that is told nothing any more, and nothing else."""
    [failure] = client.callback_failures
    assert failure.callback.startswith(f"{door}(")
    assert (failure.ended, type(failure.error), str(failure.error)) == (True, BadRequestError, why)


def check_told(client: Client, door: str, form: str, error: BaseException, *, times: int = 1) -> None:
    """Check what a client keeps of a callback of `Failing` that failed."""
    failures = client.callback_failures
    assert [failure.number for failure in failures] == [*range(1, times + 1)]
    for failure in failures:
        assert failure.callback == f"{door}({__name__}.Failing.{form})"
        assert failure.error is error
        assert not failure.ended
