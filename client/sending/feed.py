"""What happens to outgoing messages, told to a callback: each step once, and counts now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from client.api import Following, MessageProgress, NumberedChange, ProgressCallback
from client.core.arguments import check_after, check_step
from client.core.journal import Cursor
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feed
from client.feeds.interval import Interval
from client.feeds.listener import Listener
from loopixmix.seams import Clock

COUNTS_INTERVAL_S = 1.0
"""Counts are told no more often than this."""
BATCH = 100


class OutgoingHistory(Protocol):
    """The part of a client that knows what happened; see `client.core.journal.JournalledClient`."""

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes with a number over `after`, oldest first."""

    async def newest(self) -> Cursor:
        """Return the numbers of the newest received message, state change and end of a posted request."""

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts that changed since `mark`, and the next mark."""

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once there is news; returns how to stop."""


class ProgressFeed:
    """Tells one callback, until it is stopped. After an event on which it failed, the next one comes."""

    def __init__(
        self,
        history: OutgoingHistory,
        callback: ProgressCallback,
        *,
        clock: Clock,
        after: int | None,
        failures: CallbackFailures,
    ) -> None:
        """Tell `callback` what is in `history` after the step `after`, with None after the newest one.

        `clock`: spaces the counts; `failures`: hears what the callback raises. Raises `BadRequestError` for a number
        of a wrong form.
        """
        if after is not None:
            check_after(after)
        self._history = history
        self._listener = Listener("on_progress", callback, failures=failures)
        self._wanted = after
        self._after = 0
        self._mark = 0
        self._counts = Interval(clock, COUNTS_INTERVAL_S)
        self._feed = Feed(self._look, listener=self._listener, clock=clock, enter=self._enter, listen=history.on_change)

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
        self._after = check_step(self._wanted, (await self._history.newest()).changes)

    async def _look(self) -> float | None:
        return 0.0 if await self._tell_steps() else await self._tell_counts()

    async def _tell_steps(self) -> bool:
        changes = await self._history.state_changes(after=self._after, limit=BATCH)
        for change in changes:
            if self._feed.stopped:
                break
            await self._listener.tell(change)
            self._after = change.number
        return bool(changes)

    async def _tell_counts(self) -> float | None:
        """Tell the counts if they are due; return how long until they may be told again, if that is to come."""
        if wait_s := self._counts.wait_s():
            return wait_s
        counts, self._mark = await self._history.progress(mark=self._mark, limit=BATCH)
        if counts:
            self._counts.begin()
        for count in counts:
            if not self._feed.stopped:
                await self._listener.tell(count_at(count, self._after))
        return self._counts.wait_s() if len(counts) == BATCH else None


def count_at(count: MessageProgress, number: int) -> MessageProgress:
    """Return counts as told after the step `number`."""
    return MessageProgress(
        number=number,
        message_id=count.message_id,
        at_s=count.at_s,
        fragments=count.fragments,
        fragments_sent=count.fragments_sent,
        fragments_acknowledged=count.fragments_acknowledged,
    )
