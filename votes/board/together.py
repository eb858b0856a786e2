"""Work of many threads done together: those that come while others are at work form the next batch.

Ballots that are checked together cost a fraction of what each costs alone, and share a commit. The threads take turns
as those of `loopixmix.store.commits.SharedCommits` do, which shares commits only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Calls `work` with the items of all threads that wait, one call at a time."""

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]], *, most: int) -> None:
        """`work`: returns a result for each item, in order. If it raises, all whose items it had get the error.

        `most`: items of one call.
        """
        self._work = work
        self._most = most
        self._changing = threading.Lock()
        self._waiting: list[_Ask[T, R]] = []
        self._is_led = False

    def do(self, item: T) -> R:
        """Return the result for one item; raise what `work` raised."""
        ask: _Ask[T, R] = _Ask(item)
        with self._changing:
            self._waiting.append(ask)
            leads, self._is_led = not self._is_led, True
        while leads or ask.wait():
            # The oldest leads, so that its own item is in its batch.
            self._lead()
            leads = False
        return ask.result()

    def _lead(self) -> None:
        with self._changing:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            for ask, result in zip(batch, self._work([ask.item for ask in batch]), strict=True):
                ask.end(result)
        except BaseException as error:
            for ask in batch:
                ask.fail(error)
            if not isinstance(error, Exception):
                raise
        finally:
            with self._changing:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].lead()


class _Ask(Generic[T, R]):
    """The item of one thread, and what becomes of it. A lock that is released once wakes the thread."""

    def __init__(self, item: T) -> None:
        self.item = item
        self._results: list[R] = []
        self._error: BaseException | None = None
        self._leads = False
        self._called = threading.Lock()
        self._called.acquire()

    def wait(self) -> bool:
        """Return when the work is done, or is this thread's turn to do; true if it is its turn."""
        if self._results or self._error:
            return False
        self._called.acquire()
        leads, self._leads = self._leads, False
        return leads

    def lead(self) -> None:
        self._leads = True
        self._wake()

    def end(self, result: R) -> None:
        self._results.append(result)
        self._wake()

    def fail(self, error: BaseException) -> None:
        if not self._results:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._called.locked():
            self._called.release()

    def result(self) -> R:
        if self._error is not None:
            raise self._error
        return self._results[0]
