"""Waiting in a coroutine, on the injected clock, with the possibility to be woken early or cancelled for good."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from loopixmix.seams import Clock


class Pause:
    """One coroutine's place to wait; `wake` ends the wait early, cancelling the coroutine leaves no call behind."""

    def __init__(self, clock: Clock) -> None:
        """`clock`: times the waits."""
        self._clock = clock
        self._waiting: Deferred[None] | None = None

    async def wait(self, delay_s: float | None) -> None:
        """Return after `delay_s` seconds, or as soon as `wake` is called; with None not before that."""
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        # Not `deferLater`: its Deferred can only be cancelled, which would look like the end of the coroutine.
        call = None if delay_s is None else self._clock.callLater(max(0.0, delay_s), self.wake)
        try:
            await waiting
        finally:
            self._waiting = None
            if call is not None and call.active():
                call.cancel()

    def wake(self) -> None:
        """End the present wait, if there is one."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)
