"""Of an error in a service its kind and place are told, and nothing of a request."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from provider.hosting.asking.failures import ASYNCIO_CURE, MOST_FRAMES, is_about_asyncio, told

SECRET = b"{hushed of a request"


def failure_of(answer: Callable[[], Awaitable[object]]) -> Failure:
    failures: list[Failure] = []
    Deferred.fromCoroutine(answer()).addErrback(failures.append)  # type: ignore[arg-type]
    return failures[0]


async def read_json() -> object:
    return json.loads(SECRET)


async def deep() -> object:
    return await read_json()


def test_the_innermost_lines_are_told_and_the_message_is_not() -> None:
    line = told(failure_of(deep))
    assert line.startswith("JSONDecodeError at ")
    assert f"{__file__}:{read_json.__code__.co_firstlineno + 1} (read_json)" in line
    assert "hushed" not in line
    assert "twisted" not in line
    assert line.count(".py:") == MOST_FRAMES


def test_an_error_of_a_thread_has_its_lines_too() -> None:
    failures: list[Failure] = []

    def run() -> None:
        try:
            [][1]
        except IndexError as error:
            failures.append(Failure(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert f"IndexError at {__file__}:{run.__code__.co_firstlineno + 2} (run)" == told(failures[0])


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert told(Failure(ValueError("hushed"))) == "ValueError at an unknown place"


async def sleeps() -> object:
    await asyncio.sleep(1.0)
    return None


async def awaits_a_future() -> object:
    loop = asyncio.new_event_loop()
    try:
        return await loop.create_future()
    finally:
        loop.close()


async def waits_for_a_queue() -> object:
    return await asyncio.Queue[int]().get()


async def times_out() -> object:
    async with asyncio.timeout(1.0):
        return None


async def needs_an_event_loop() -> object:
    class NoEventLoopError(RuntimeError): ...

    raise NoEventLoopError


@pytest.mark.parametrize("answer", [sleeps, awaits_a_future, waits_for_a_queue, times_out, needs_an_event_loop])
def test_waiting_by_asyncio_is_told_with_its_cure(answer: Callable[[], Awaitable[object]]) -> None:
    assert told(failure_of(answer)).endswith(ASYNCIO_CURE)


async def other_runtime_error() -> object:
    raise RuntimeError("no running event")


async def own_loop_fails() -> object:
    """Fail within a loop of its own, as a plain `def answer` may have one in its thread."""

    async def fails() -> None:
        asyncio.Queue.put_nowait(None, 1)  # type: ignore[arg-type]

    return asyncio.run(fails())


@pytest.mark.parametrize("answer", [other_runtime_error, read_json, own_loop_fails])
def test_other_errors_are_not_taken_for_it(answer: Callable[[], Awaitable[object]]) -> None:
    failure = failure_of(answer)
    assert not is_about_asyncio(failure)
    assert "asyncio has no" not in told(failure)
