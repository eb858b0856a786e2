"""Following an event stream of the daemon, through its restarts: for Twisted and asyncio alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from twisted.logger import Logger

from client.api import BadRequestError
from client.core.retry import CALLBACK_POLICY
from client.feeds.followed import Followed
from client.http.calling.call import Query
from client.http.sse import SseEvent
from loopixmix.errors import LoopixmixError, UnavailableError
from loopixmix.process.backoff import Backoff
from loopixmix.seams import Rng

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0

_log = Logger("client.http")


Where: TypeAlias = Callable[[], Awaitable[Query]]
"""Asks at what place to begin, once; raises as a call does."""


class EventSource(Protocol):
    """The events of one open stream."""

    async def next(self) -> SseEvent | None:
        """Return the next event, or None once the stream has ended."""

    async def close(self) -> None:
        """End the stream."""


class StreamOpener(Protocol):
    """Opens event streams of the daemon, and lets time pass between two attempts."""

    async def stream(self, path: str, *, query: Query, last_event_id: str) -> EventSource:
        """Open an event stream; raises the daemon's error, or `NotRunningError`."""

    async def pause(self, seconds: float) -> None:
        """Let time pass."""


class _RefusedError(Exception):
    """The daemon refuses what is asked for."""

    def __init__(self, error: BadRequestError) -> None:
        super().__init__(str(error))
        self.error = error


Take: TypeAlias = Callable[[SseEvent], Awaitable[bool]]
"""Takes an event; returns False if it is to be offered again before all later ones."""

Refused: TypeAlias = Callable[[BadRequestError], None]
"""Hears why a stream is followed no more."""


def log_refusal(error: BadRequestError) -> None:
    """Log why a stream is followed no more."""
    _log.error("the daemon's events are followed no more: {error}", error=error)


class Follower:
    """Gives every event of a stream to `take`, one at a time; comes back if the stream ends or `take` fails.

    An event counts as seen once `take` is done with it: after a break the daemon is asked for those after it.
    """

    def __init__(
        self,
        opener: StreamOpener,
        take: Take,
        *,
        path: str,
        query: Query | Where,
        rng: Rng,
        refused: Refused = log_refusal,
    ) -> None:
        """Follow the stream at `path` with `query`, or with what that returns, opened by `opener`.

        `rng`: when it comes back after a break, so that many programs do not come back at once. `refused`: hears why it
        comes back no more.
        """
        self.taking = False
        """Whether an event is being taken now: that is not to be interrupted."""
        self.beginning = Followed(lambda: None)
        """Whoever runs it puts its own there."""
        self.stopped = False
        """Whether it is followed no more; whoever runs it says so."""
        self._opener = opener
        self._take = take
        self._path = path
        self._query = query
        self._refused = refused
        self._backoff = Backoff(rng=rng, first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        self._was_told = False
        self._last_event_id = ""

    async def run(self) -> None:
        """Follow until it is stopped."""
        while not self.stopped:
            try:
                source = await self._open()
                await self._take_all(source)
            except _RefusedError as refused:
                # A later attempt would ask the same.
                self._refused(refused.error)
                self.beginning.refused(refused.error)
                return
            except LoopixmixError as error:
                self._note(error)
            except Exception:  # whatever it is: a program that is told nothing any more would not know it
                if self.stopped:
                    raise
                _log.failure("an event of the daemon could not be taken")
            if not self.stopped:
                await self._opener.pause(self._backoff.next_s())

    async def _open(self) -> EventSource:
        try:
            if callable(self._query):
                self._query = await self._query()
            source = await self._opener.stream(self._path, query=self._query, last_event_id=self._last_event_id)
        except BadRequestError as error:
            raise _RefusedError(error) from error
        self.beginning.begun()
        return source

    async def _take_all(self, source: EventSource) -> None:
        try:
            while not self.stopped and (event := await source.next()) is not None:
                await self._take_one(event)
                # One without an id only opens a stream: the next one may fail as those before.
                if event.id:
                    self._backoff.reset()
                    self._was_told = False
        finally:
            await source.close()

    async def _take_one(self, event: SseEvent) -> None:
        times = 0
        while not await self._offer(event):
            times += 1
            await self._opener.pause(CALLBACK_POLICY.timeout_s(times, 0.0))
            if self.stopped:
                return
        self._last_event_id = event.id or self._last_event_id

    def _note(self, error: LoopixmixError) -> None:
        # That a daemon does not run, or is busy, is nothing to speak of. Anything else is told once.
        if isinstance(error, UnavailableError) or self._was_told:
            _log.debug("the daemon's events cannot be followed: {error}", error=error)
        else:
            self._was_told = True
            _log.error("the events of {path} cannot be followed just now: {error}", path=self._path, error=error)

    async def _offer(self, event: SseEvent) -> bool:
        self.taking = True
        try:
            return await self._take(event)
        finally:
            self.taking = False
