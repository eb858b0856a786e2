"""Looking for news and telling them, until that is stopped: what all that tells callbacks has in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from client.api import BadRequestError
from client.core.retry import CALLBACK_POLICY
from client.feeds.followed import Followed
from client.feeds.listener import Listener
from loopixmix.errors import LoopixmixError
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock, DelayedCall

log = Logger("client.feeds")

Listen: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
"""Calls what it is given at news, until what it returns is called."""


class Feed:
    """Looks for what a listener was not told yet, tells it, and waits for more."""

    def __init__(
        self,
        look: Callable[[], Awaitable[float | None]],
        *,
        listener: Listener[Any],
        clock: Clock,
        enter: Callable[[], Awaitable[None]] | None = None,
        listen: Listen | None = None,
    ) -> None:
        """Call `look` at the start, after each `wake`, and after as many seconds of `clock` as it returned.

        `look` tells `listener`. It returns 0 if there may be more at once, and None if there is nothing before the next
        `wake`. `enter`: called before the first look; nothing is told if it raises `BadRequestError`. `listen`: wakes
        this feed at news.
        """
        self._look = look
        self._listener = listener
        self._clock = clock
        self._enter = enter
        self._listen = listen
        self._stop_listening: Callable[[], None] = lambda: None
        self._beginning = Followed(self.stop)
        self._pause = Pause(clock)
        self._start: DelayedCall | None = None
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
        if self._listen is not None:
            # Before the first look, so that nothing is missed between the two.
            self._stop_listening = self._listen(self.wake)
        self._start = self._clock.callLater(0, self._begin)

    def follow(self, stop: Callable[[], None]) -> Followed:
        """Return how to stop it, by `stop`, and to know that it has begun."""
        self._beginning = Followed(stop)
        if self._stopped:
            self._beginning.begun()
        return self._beginning

    def stop(self) -> None:
        """Tell no more; a callback that runs is not interrupted. May be called twice."""
        self._stopped = True
        self._listen_no_more()
        if self._start is not None and self._start.active():
            self._start.cancel()
        if self._running is not None and not self._listener.busy:
            self._running.cancel()
        self._beginning.begun()

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
            if self._enter is not None:
                await self._enter_once(self._enter)
            wait_s = None if self.stopped else await self._look()
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

    async def _enter_once(self, enter: Callable[[], Awaitable[None]]) -> None:
        try:
            await enter()
        except BadRequestError as error:
            # A later attempt would ask the same.
            self._stopped = True
            self._listen_no_more()
            self._listener.refused(error)
            self._beginning.refused(error)
        else:
            self._enter = None
            self._beginning.begun()

    def _listen_no_more(self) -> None:
        stop, self._stop_listening = self._stop_listening, lambda: None
        stop()


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
        if self._stopped:
            # A program that subscribes to a client that stops is told nothing, and gets no error for it.
            feed.stop()
        else:
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
