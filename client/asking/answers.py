"""The ends of posted requests, told to a callback in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from client.api import AnswerCallback, Following, PostedRequest
from client.core.arguments import check_after, check_end
from client.core.journal import Cursor
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feed
from client.feeds.listener import Listener
from client.feeds.offers import LaterOffers
from loopixmix.seams import Clock

BATCH = 8
"""So many answers, of up to 256 KB, are in memory at a time."""


class EndedRequests(Protocol):
    """The part of a client that knows which requests have ended; see `client.core.journal.JournalledClient`."""

    async def ended_requests(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return posted requests that ended after the number `after`, in their order."""

    async def newest(self) -> Cursor:
        """Return the numbers of the newest received message, state change and end of a posted request."""

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once there is news; returns how to stop."""


class AnswerFeed:
    """Tells one callback, until it is stopped. One on which it failed is offered again, before later ones."""

    def __init__(
        self,
        requests: EndedRequests,
        callback: AnswerCallback,
        *,
        clock: Clock,
        after: int,
        failures: CallbackFailures,
    ) -> None:
        """Give `callback` what ended in `requests` after the number `after`.

        `clock`: times what is offered again; `failures`: hears what the callback raises. Raises `BadRequestError` for a
        number of a wrong form.
        """
        check_after(after)
        self._requests = requests
        self._listener = Listener("on_answer", callback, failures=failures)
        self._clock = clock
        self._after = after
        self._offers = LaterOffers()
        self._feed = Feed(
            self._look, listener=self._listener, clock=clock, enter=self._enter, listen=requests.on_change
        )

    def follow(self, stop: Callable[[], None]) -> Following:
        """Return how to stop, by `stop`, and to know that it has begun."""
        return self._feed.follow(stop)

    def start(self) -> None:
        """Begin to tell."""
        self._feed.start()

    def stop(self) -> None:
        """Tell no more; a callback that runs is not interrupted."""
        self._feed.stop()

    async def _enter(self) -> None:
        check_end(self._after, (await self._requests.newest()).ended)

    async def _look(self) -> float | None:
        if wait_s := self._offers.wait_s(self._clock.seconds()):
            return wait_s
        ended = await self._requests.ended_requests(after=self._after, limit=BATCH)
        for request in ended:
            if self._feed.stopped:
                break
            if not await self._listener.tell(request):
                self._offers.note_failure(request.ended, self._clock.seconds())
                break
            self._offers.forget(request.ended)
            self._after = request.ended
        return 0.0 if ended else None
