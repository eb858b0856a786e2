"""Looking for news and telling them, until that is stopped: what all that tells callbacks has in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from client.core.retry import CALLBACK_POLICY
from client.feeds.listener import Listener
from loopixmix.errors import LoopixmixError
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock, DelayedCall

log = Logger("client.feeds")


class Feed:
    """Looks for what a listener was not told yet, tells it, and waits for more."""

    def __init__(self, look: Callable[[], Awaitable[float | None]], *, listener: Listener[Any], clock: Clock) -> None:
        """Call `look` at the start, after each `wake`, and after as many seconds of `clock` as it returned.

        `look` tells `listener`. It returns 0 if there may be more at once, and None if there is nothing before the next
        `wake`.
        """
        self._look = look
        self._listener = listener
        self._clock = clock
        self._pause = Pause(clock)
        self._beginning: DelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._woken = False
        self._errors = 0
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be told: `look` ends early then."""
        return self._stopped

    def start(self) -> None:
        """Begin to tell in the next turn of the clock: before that, the caller gets to know how to stop it."""
        self._beginning = self._clock.callLater(0, self._begin)

    def stop(self) -> None:
        """Tell no more; a callback that runs is not interrupted. May be called twice."""
        self._stopped = True
        if self._beginning is not None and self._beginning.active():
            self._beginning.cancel()
        if self._running is not None and not self._listener.busy:
            self._running.cancel()

    def end(self) -> None:
        """Tell no more, said by `look` itself."""
        self._stopped = True

    def wake(self) -> None:
        """Look again: there may be news."""
        self._woken = True
        self._pause.wake()

    def _begin(self) -> None:
        self._running = Deferred.fromCoroutine(self._run())
        # Errors are met where they come up. Here comes only what ends with the feed.
        self._running.addErrback(lambda failure: log.debug("it ended: {reason}", reason=failure.getErrorMessage()))

    async def _run(self) -> None:
        while not self.stopped:
            self._woken = False
            await self._rest(await self._look_once())

    async def _rest(self, wait_s: float | None) -> None:
        if not (self.stopped or self._woken or wait_s == 0):
            await self._pause.wait(wait_s)

    async def _look_once(self) -> float | None:
        try:
            wait_s = await self._look()
        except Exception as error:  # what was not told stays where it is: a disk may be full, or the store be closed
            if self.stopped:
                raise
            self._errors += 1
            if not isinstance(error, LoopixmixError):
                log.failure("{listener} could not be told", listener=self._listener.name)
            elif self._errors == 1:
                log.error("{listener} cannot be told: {error}", listener=self._listener.name, error=error)
            return CALLBACK_POLICY.timeout_s(self._errors, 0.0)
        self._errors = 0
        return wait_s


class Tells(Protocol):
    """Tells a callback between `start` and `stop`."""

    def start(self) -> None:
        """Begin to tell."""

    def stop(self) -> None:
        """Tell no more."""


F = TypeVar("F", bound=Tells)


class Feeds(Generic[F]):
    """All feeds of one kind, which end together at the latest."""

    def __init__(self) -> None:
        """Begin without feeds."""
        self._feeds: list[F] = []
        self._stopped = False

    def __iter__(self) -> Iterator[F]:
        """Go through those that were not stopped."""
        return iter(tuple(self._feeds))

    def begin(self, feed: F) -> Callable[[], None]:
        """Start a feed; returns how to stop it, which may be called twice."""
        # A program that subscribes to a client that stops is told nothing, and gets no error for it.
        if not self._stopped:
            self._feeds.append(feed)
            feed.start()
        return partial(self._end, feed)

    def stop(self) -> None:
        """Stop all of them, and start no more."""
        self._stopped = True
        for feed in tuple(self._feeds):
            self._end(feed)

    def _end(self, feed: F) -> None:
        if feed in self._feeds:
            self._feeds.remove(feed)
            feed.stop()
