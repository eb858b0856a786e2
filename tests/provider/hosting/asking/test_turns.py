"""Asking a service: what counts as its answer, and for how long it is waited for."""

from __future__ import annotations

import asyncio

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from loopixmix.requests.parts import MAX_BODY_BYTES
from provider.api import Declaration, ServiceRefusedError
from provider.hosting.asker import FailedElsewhereError, LostQuestionError, NotAskedError
from provider.hosting.asking.turns import Turns


class WrittenAsker:
    """Answers what the test says, when it says so."""

    name = "written"
    problem = None
    declaration = Declaration(timeout_s=10.0)

    def __init__(self, answer: Deferred[bytes]) -> None:
        self._answer = answer

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        return self._answer

    async def stop(self) -> None:
        pass


def ask(answer: Deferred[bytes], clock: Clock) -> list[object]:
    """Ask; return a list that the result comes into."""
    results: list[object] = []
    asked = Turns(WrittenAsker(answer), clock=clock).ask(bytes(16), b"q")
    asked.addCallbacks(results.append, lambda failure: results.append(type(failure.value)))
    return results


@pytest.mark.parametrize("answer", [b"", b"a", bytes(MAX_BODY_BYTES)])
def test_bytes_are_an_answer(answer: bytes) -> None:
    assert ask(succeed(answer), Clock()) == [answer]


@pytest.mark.parametrize("answer", ["text", None, bytearray(b"a"), bytes(MAX_BODY_BYTES + 1)])
def test_all_else_is_a_failure(answer: bytes, logged: list[LogEvent]) -> None:
    assert ask(succeed(answer), Clock()) == [None]
    assert len(logged) == 1
    assert "text" not in str(logged)


@pytest.mark.parametrize(
    ("error", "lines"), [(ServiceRefusedError("no: secret"), 0), (KeyError("secret"), 1), (SystemExit(1), 1)]
)
def test_an_error_is_a_failure_whose_kind_alone_is_logged(
    error: BaseException, lines: int, logged: list[LogEvent]
) -> None:
    assert ask(fail(error), Clock()) == [None]
    assert len(logged) == lines
    assert "secret" not in repr(logged)


def test_an_error_in_the_program_of_a_service_is_told_as_that(logged: list[LogEvent]) -> None:
    for error in (FailedElsewhereError("no"), LostQuestionError("gone")):
        assert ask(fail(error), Clock()) == [None]
    assert ["program" in str(event["log_format"]) for event in logged] == [True, True]


def test_a_service_that_hides_its_coroutine_is_told_the_cure(logged: list[LogEvent]) -> None:
    async def answer() -> bytes:
        return b""

    assert ask(succeed(answer()), Clock()) == [None]  # type: ignore[arg-type]
    assert logged[0]["cure"] == ": write its answer with async def"


def test_a_service_that_sleeps_by_asyncio_is_told_what_to_use(logged: list[LogEvent]) -> None:
    async def answer() -> bytes:
        await asyncio.sleep(1.0)
        return b""

    assert ask(Deferred.fromCoroutine(answer()), Clock()) == [None]
    assert logged[0]["what"].startswith("RuntimeError at ")
    assert f"{__file__}:{answer.__code__.co_firstlineno + 1} (answer)" in logged[0]["what"]
    assert "await Pause(context.clock).wait(seconds)" in logged[0]["what"]


def test_who_was_not_asked_has_not_failed() -> None:
    assert ask(fail(NotAskedError("away")), Clock()) == [NotAskedError]


def test_an_answer_is_waited_for_so_long_and_cancelled(logged: list[LogEvent]) -> None:
    clock, cancelled = Clock(), list[Deferred[bytes]]()
    results = ask(Deferred(cancelled.append), clock)
    clock.advance(9.9)
    assert results == []
    clock.advance(0.2)
    assert results == [None]
    assert len(cancelled) == len(logged) == 1


def test_an_answer_in_time_leaves_no_call() -> None:
    clock, answer = Clock(), Deferred[bytes]()
    results = ask(answer, clock)
    answer.callback(b"a")
    assert (results, clock.getDelayedCalls()) == ([b"a"], [])


def test_stopping_breaks_off_what_is_asked() -> None:
    clock, cancelled = Clock(), list[Deferred[bytes]]()
    turns = Turns(WrittenAsker(Deferred(cancelled.append)), clock=clock)
    turns.ask(bytes(16), b"q")
    turns.stop()
    assert (len(cancelled), clock.getDelayedCalls()) == (1, [])


class ListedAsker(WrittenAsker):
    """Answers by a list, one after the other."""

    def __init__(self, answers: list[Deferred[bytes]]) -> None:
        self.answers = answers

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        return self.answers.pop(0)


def problems_after(answers: list[Deferred[bytes]]) -> list[str | None]:
    """Ask for each answer, waiting for it; return the problem that is told after each."""
    clock, found = Clock(), list[str | None]()
    turns = Turns(ListedAsker(list(answers)), clock=clock)
    for _ in answers:
        turns.ask(bytes(16), b"q")
        clock.advance(11.0)
        found.append(turns.problem)
    return found


def test_a_service_that_hangs_is_told_until_it_answers() -> None:
    found = problems_after([Deferred(), Deferred(), Deferred(), Deferred(), succeed(b"a")])
    assert found[:2] == [None, None]
    assert found[2:4] == [
        f'the service "written" has answered none of its last {count} requests: it did not answer within 10 s'
        for count in (3, 4)
    ]
    assert found[4] is None


async def fails() -> bytes:
    raise ValueError("word-77")


def test_a_service_that_fails_each_time_is_told_with_the_place_and_without_the_words() -> None:
    [*_, problem] = problems_after([Deferred.fromCoroutine(fails()) for _ in range(3)])
    assert problem is not None
    assert problem.endswith(f"ValueError at {__file__}:{fails.__code__.co_firstlineno + 1} (fails)")
    assert "word-77" not in problem


@pytest.mark.parametrize("error", [LostQuestionError("gone"), FailedElsewhereError("failed")])
def test_a_program_that_dies_or_fails_each_time_is_told(error: Exception) -> None:
    [*_, problem] = problems_after([fail(error) for _ in range(3)])
    assert problem is not None
    assert "its program" in problem or "the log of its program" in problem


def test_who_refuses_or_answers_now_and_then_is_no_problem() -> None:
    overdue, refused = Deferred[bytes], lambda: fail(ServiceRefusedError("no"))
    assert set(problems_after([overdue(), overdue(), refused(), overdue(), overdue(), succeed(b"")])) == {None}
