"""What happens to outgoing messages, told to a callback: each step once, and counts now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import MessageProgress, NumberedChange, ProgressCallback
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock

COUNTS_INTERVAL_S = 1.0
"""Counts are told no more often than this."""
BATCH = 100

log = Logger()


class OutgoingHistory(Protocol):
    """The part of a client that knows what happened; see `client.core.journal.JournalledClient`."""

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes with a number over `after`, oldest first."""

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts that changed since `mark`, and the next mark."""

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once there is news; returns how to stop."""


class ProgressFeed:
    """Tells one callback, until it is stopped."""

    def __init__(self, history: OutgoingHistory, callback: ProgressCallback, *, clock: Clock, after: int) -> None:
        """Tell `callback` what is in `history` after the step `after`; `clock` spaces the counts."""
        self._history = history
        self._callback = callback
        self._clock = clock
        self._pause = Pause(clock)
        self._after = after
        self._mark = 0
        self._counts_due_s = 0.0
        self._woken = False
        self._waiting: Deferred[None] | None = None
        self._running: Deferred[None] | None = None
        self._calling = False
        self._stopped = False

    def start(self) -> None:
        """Begin to tell."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(_log_failure)

    def stop(self) -> None:
        """Tell no more; a callback that runs is not interrupted."""
        self._stopped = True
        if self._running is not None and not self._calling:
            self._running.cancel()

    async def _run(self) -> None:
        # Listened before the first look, so that nothing is missed between the two.
        stop_listening = self._history.on_change(self._wake)
        try:
            while not self._stopped:
                if await self._tell_steps():
                    continue
                await self._wait(await self._tell_counts())
        finally:
            stop_listening()

    async def _tell_steps(self) -> bool:
        changes = await self._history.state_changes(after=self._after, limit=BATCH)
        for change in changes:
            if self._stopped:
                return True
            await self._call(change)
            self._after = change.number
        return bool(changes)

    async def _tell_counts(self) -> float | None:
        """Tell the counts if they are due; return how long until they may be told again, if that is to come."""
        wait_s = self._counts_due_s - self._clock.seconds()
        # Any longer wait comes from a clock that was set back.
        if 0 < wait_s <= COUNTS_INTERVAL_S:
            return wait_s
        counts, self._mark = await self._history.progress(mark=self._mark, limit=BATCH)
        if counts:
            self._counts_due_s = self._clock.seconds() + COUNTS_INTERVAL_S
        for count in counts:
            if not self._stopped:
                await self._call(count_at(count, self._after))
        return None

    async def _call(self, event: NumberedChange | MessageProgress) -> None:
        self._calling = True
        try:
            pending = self._callback(event)
            if pending is not None:
                await pending
        except CancelledError:
            raise
        except Exception:  # the application's own code: whatever it raises, the next event comes
            log.failure("a callback failed on the progress of a message")
        finally:
            self._calling = False

    async def _wait(self, within_s: float | None) -> None:
        if self._woken:
            self._woken = False
        elif within_s is not None:
            await self._pause.wait(within_s)
        else:
            self._waiting = Deferred()
            await self._waiting
        self._woken = False

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        self._woken = True
        self._pause.wake()
        if waiting is not None and not waiting.called:
            waiting.callback(None)


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


def _log_failure(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.error("the progress of messages is told no more: {reason}", reason=failure.getErrorMessage())
