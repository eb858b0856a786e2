"""The ends of posted requests, told to a callback in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import AnswerCallback, PostedRequest
from client.core.retry import CALLBACK_POLICY
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock

BATCH = 8
"""So many answers, of up to 256 KB, are in memory at a time."""

log = Logger()


class EndedRequests(Protocol):
    """The part of a client that knows which requests have ended; see `client.core.journal.JournalledClient`."""

    async def ended_requests(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return posted requests that ended after the number `after`, in their order."""

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once there is news; returns how to stop."""


class AnswerFeed:
    """Tells one callback, until it is stopped."""

    def __init__(self, requests: EndedRequests, callback: AnswerCallback, *, clock: Clock, after: int) -> None:
        """Give `callback` what ended in `requests` after the number `after`; `clock` times what is offered again."""
        self._requests = requests
        self._callback = callback
        self._pause = Pause(clock)
        self._after = after
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
        stop_listening = self._requests.on_change(self._wake)
        try:
            while not self._stopped:
                ended = await self._requests.ended_requests(after=self._after, limit=BATCH)
                for request in ended:
                    await self._tell(request)
                if not ended:
                    await self._news()
        finally:
            stop_listening()

    async def _tell(self, request: PostedRequest) -> None:
        failures = 0
        while not self._stopped and not await self._handle(request):
            failures += 1
            # The draw that spreads re-sends over time has no use here: there is one program.
            await self._pause.wait(CALLBACK_POLICY.timeout_s(failures, 0.0))
        if not self._stopped:
            self._after = request.ended

    async def _handle(self, request: PostedRequest) -> bool:
        self._calling = True
        try:
            pending = self._callback(request)
            if pending is not None:
                await pending
        except CancelledError:
            raise
        except Exception:  # the application's own code: whatever it raises, the answer is not handled
            log.failure("a callback failed on the answer to a request")
            return False
        finally:
            self._calling = False
        return True

    async def _news(self) -> None:
        if not self._woken:
            self._waiting = Deferred()
            await self._waiting
        self._woken = False

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        self._woken = True
        if waiting is not None and not waiting.called:
            waiting.callback(None)


def _log_failure(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.error("answers to requests are told no more: {reason}", reason=failure.getErrorMessage())
