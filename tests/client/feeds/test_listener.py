"""A callback that is called with care."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from twisted.internet.defer import CancelledError, Deferred

from client.api import BadRequestError
from client.feeds.failures import CallbackFailures
from client.feeds.listener import Listener, name_of


class Notes:
    """Callbacks of several forms."""

    def note(self, value: int) -> None:
        """Do nothing."""

    def __call__(self, value: int) -> None:
        """Do nothing."""


def silent() -> CallbackFailures:
    return CallbackFailures(lambda failure: None)


def told(callback: Callable[[int], object], failures: CallbackFailures) -> bool:
    results: list[bool] = []
    listener: Listener[int] = Listener("on_received", callback, failures=failures)  # type: ignore[arg-type]
    Deferred.fromCoroutine(listener.tell(1)).addCallback(results.append)
    assert not listener.busy
    [handled] = results
    return handled


def test_what_it_was_told_is_handled_once_it_is_done() -> None:
    done: Deferred[None] = Deferred()
    results: list[bool] = []
    listener: Listener[int] = Listener("on_received", lambda value: done, failures=silent())
    Deferred.fromCoroutine(listener.tell(1)).addCallback(results.append)
    assert (listener.busy, results) == (True, [])
    done.callback(None)
    assert (listener.busy, results) == (False, [True])


@pytest.mark.parametrize("error", [OSError("full"), CancelledError(), asyncio.CancelledError()])
@pytest.mark.parametrize("waits", [False, True])
def test_what_it_raises_is_noted_and_survived(error: BaseException, *, waits: bool) -> None:
    def fail(value: int) -> Deferred[None]:
        if waits:
            failed: Deferred[None] = Deferred()
            failed.errback(error)  # type: ignore[arg-type]
            return failed
        raise error

    failures = silent()
    assert not told(fail, failures)
    [failure] = failures.newest
    assert (failure.number, failure.error) == (1, error)
    assert failure.callback.startswith("on_received(")
    assert "fail" in failure.callback


def test_something_that_cannot_be_awaited_is_noted() -> None:
    failures = silent()
    assert not told(lambda value: 5, failures)
    assert type(failures.newest[0].error) is TypeError


def test_why_it_is_told_nothing_any_more_is_noted() -> None:
    failures, error = silent(), BadRequestError("there was no step 7 yet")
    listener: Listener[int] = Listener("on_progress", print, failures=failures)
    listener.refused(error)
    [failure] = failures.newest
    assert (failure.callback, failure.error, failure.ended) == ("on_progress(builtins.print)", error, True)


def test_a_task_of_asyncio_that_is_cancelled_ends_and_one_that_a_callback_waits_for_does_not() -> None:
    failures = silent()

    async def wait(value: int) -> None:
        inner = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    async def sleep(value: int) -> None:
        await asyncio.sleep(60)

    async def run() -> None:
        listener: Listener[int] = Listener("on_received", wait, failures=failures)
        assert not await listener.tell(1)
        assert [type(failure.error) for failure in failures.newest] == [asyncio.CancelledError]
        slow: Listener[int] = Listener("on_received", sleep, failures=failures)
        task = asyncio.ensure_future(slow.tell(1))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert len(failures.newest) == 1


def test_a_callback_has_a_name() -> None:
    here = f"{__name__}.Notes"
    assert name_of(Notes().note) == name_of(partial(partial(Notes().note), 2)) == f"{here}.note"
    assert name_of(Notes()) == here
    assert name_of([].append) == "list.append"
