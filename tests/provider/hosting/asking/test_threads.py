"""Services in threads: several at once, given up if overdue, switched off if too many hang."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest
from twisted.internet.defer import Deferred

from provider.api import Declaration, ServiceRefusedError
from provider.hosting.asker import NotAskedError
from provider.hosting.asking.threads import MOST_GIVEN_UP, ThreadAsker

WAIT_S = 20.0


class Gated:
    """Waits for the test inside of `answer`."""

    name = "gated"

    def __init__(self) -> None:
        self.entered: queue.Queue[tuple[bytes, str]] = queue.Queue()
        self.gates: dict[bytes, threading.Event] = {}
        self.closed = False

    def answer(self, body: bytes) -> bytes:
        self.entered.put((body, threading.current_thread().name))
        if body in self.gates:
            assert self.gates[body].wait(WAIT_S)
        match body:
            case b"refuse":
                raise ServiceRefusedError("no")
            case b"exit":
                raise SystemExit(1)
            case _:
                return b"answer to " + body

    def gate(self, body: bytes) -> threading.Event:
        self.gates[body] = threading.Event()
        return self.gates[body]

    async def close(self) -> None:
        self.closed = True


class Reactor:
    """Calls from threads, made when the test wants them."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], object]] = queue.Queue()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        self._calls.put(lambda: function(*arguments))

    def run_one(self) -> None:
        self._calls.get(timeout=WAIT_S)()


class World:
    def __init__(self) -> None:
        self.service, self.reactor = Gated(), Reactor()
        self.asker = ThreadAsker(self.service, Declaration(threads=3), call_on_reactor=self.reactor.call)
        self.gates: list[threading.Event] = []
        # Those of other tests may not have ended yet.
        self._others = set(threading.enumerate())

    @property
    def threads(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread not in self._others]

    def ask(self, body: bytes, *, gated: bool = False) -> tuple[Deferred[bytes], list[object]]:
        results: list[object] = []
        if gated:
            self.gates.append(self.service.gate(body))
        asked = self.asker.ask(b"", body)
        asked.addCallbacks(results.append, lambda failure: results.append(type(failure.value)))
        return asked, results


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    for gate in world.gates:
        gate.set()
    Deferred.fromCoroutine(world.asker.stop())
    assert world.service.closed


def test_an_answer_comes_from_a_thread_of_the_service(world: World) -> None:
    _, results = world.ask(b"q")
    assert world.service.entered.get(timeout=WAIT_S) == (b"q", "service gated")
    assert results == []
    world.reactor.run_one()
    assert results == [b"answer to q"]


def test_a_thread_is_used_again(world: World) -> None:
    for number in range(5):
        _, results = world.ask(b"%d" % number)
        world.reactor.run_one()
        assert results == [b"answer to %d" % number]
    assert [thread.name for thread in world.threads] == ["service gated"]


def test_one_that_blocks_leaves_the_others_their_threads(world: World) -> None:
    _, blocked = world.ask(b"slow", gated=True)
    _, quick = world.ask(b"quick")
    world.reactor.run_one()
    assert (blocked, quick) == ([], [b"answer to quick"])
    world.gates[0].set()
    world.reactor.run_one()
    assert blocked == [b"answer to slow"]


def test_a_service_has_no_more_places_than_threads() -> None:
    for at_once, places in ((2, 2), (512, 3)):
        declaration = Declaration(at_once=at_once, threads=3)
        assert ThreadAsker(Gated(), declaration, call_on_reactor=print).declaration.at_once == places


@pytest.mark.parametrize(("body", "kind"), [(b"refuse", ServiceRefusedError), (b"exit", SystemExit)])
def test_an_error_in_a_thread_is_a_failure_and_the_thread_lives_on(
    world: World, body: bytes, kind: type[BaseException]
) -> None:
    _, results = world.ask(body)
    world.reactor.run_one()
    assert results == [kind]
    _, results = world.ask(b"q")
    world.reactor.run_one()
    assert results == [b"answer to q"]


def test_an_overdue_thread_is_given_up_and_another_takes_its_place(world: World) -> None:
    asked, results = world.ask(b"slow", gated=True)
    [thread] = world.threads
    asked.cancel()
    assert len(results) == 1
    assert world.asker.problem is None
    _, others = world.ask(b"q")
    world.reactor.run_one()
    assert others == [b"answer to q"]
    # It ends at last, and nothing comes of it.
    world.gates[0].set()
    world.reactor.run_one()
    assert len(results) == 1
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_a_service_whose_threads_hang_is_switched_off(world: World) -> None:
    for number in range(MOST_GIVEN_UP):
        assert world.asker.problem is None
        asked, _ = world.ask(b"slow %d" % number, gated=True)
        asked.cancel()
    assert world.asker.problem == (
        'the service "gated" is switched off while 4 or more of its threads do not end: 8 are overdue'
    )
    _, results = world.ask(b"q")
    assert results == [NotAskedError]


def test_a_service_comes_back_when_most_of_its_threads_have_ended(world: World) -> None:
    for number in range(MOST_GIVEN_UP):
        world.ask(b"slow %d" % number, gated=True)[0].cancel()
    for number in range(4):
        world.gates[number].set()
        world.reactor.run_one()
    assert (world.asker.problem or "").endswith(": 4 are overdue")
    _, results = world.ask(b"q")
    assert results == [NotAskedError]
    world.gates[4].set()
    world.reactor.run_one()
    assert world.asker.problem is None
    _, results = world.ask(b"q")
    world.reactor.run_one()
    assert results == [b"answer to q"]


def test_threads_that_end_late_do_not_switch_a_service_off(world: World) -> None:
    for number in range(2 * MOST_GIVEN_UP):
        asked, _ = world.ask(b"slow %d" % number, gated=True)
        asked.cancel()
        world.gates[-1].set()
        world.reactor.run_one()
    assert world.asker.problem is None


def test_stopping_waits_for_no_thread_and_asks_none(world: World) -> None:
    asked, _ = world.ask(b"slow", gated=True)
    stopping = Deferred.fromCoroutine(world.asker.stop())
    assert stopping.called
    _, results = world.ask(b"q")
    assert results == [NotAskedError]
    asked.cancel()
    for thread in threading.enumerate():
        assert thread.daemon or not thread.name.startswith("service ")
