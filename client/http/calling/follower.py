"""Following an event stream of the daemon, through its restarts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.http.calling.caller import Caller, EventReader, Query
from client.http.sse import SseEvent
from loopixmix.errors import LoopixmixError
from loopixmix.process.backoff import Backoff
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock, Rng

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0

_log = Logger("client.http")


class Follower:
    """Gives every event of a stream to `take`, one at a time; comes back if the stream ends or `take` fails.

    An event counts as seen once `take` is done with it: after a break the daemon is asked for those after it.
    """

    def __init__(
        self,
        caller: Caller,
        take: Callable[[SseEvent], Awaitable[None]],
        *,
        path: str,
        query: Query,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """Follow the stream at `path` with `query`, by `caller`.

        `clock` and `rng`: when it comes back after a break, so that many programs do not come back at once.
        """
        self._caller = caller
        self._take = take
        self._path = path
        self._query = query
        self._pause = Pause(clock)
        self._backoff = Backoff(rng=rng, first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        self._last_event_id = ""
        self._stopped = False
        self._taking = False
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._note_end)

    def stop(self) -> None:
        """Follow no more; an event that is being taken is not interrupted."""
        self._stopped = True
        if self._running is not None and not self._taking:
            self._running.cancel()

    async def _run(self) -> None:
        while not self._stopped:
            try:
                await self._follow()
            except LoopixmixError as error:
                _log.debug("the daemon's events cannot be followed: {error}", error=error)
            if not self._stopped:
                await self._pause.wait(self._backoff.next_s())

    async def _follow(self) -> None:
        reader: EventReader = await self._caller.stream(
            self._path, query=self._query, last_event_id=self._last_event_id
        )
        try:
            while not self._stopped and (event := await reader.next()) is not None:
                self._backoff.reset()
                await self._take_one(event)
        finally:
            reader.close()

    async def _take_one(self, event: SseEvent) -> None:
        self._taking = True
        try:
            await self._take(event)
        finally:
            self._taking = False
        self._last_event_id = event.id or self._last_event_id

    def _note_end(self, failure: Failure) -> None:
        if not (self._stopped and isinstance(failure.value, CancelledError)):
            _log.failure("the daemon's events are followed no more", failure)
