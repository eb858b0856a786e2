"""Work that goes on until it is stopped, whatever befalls it: a coroutine, or a function that is called repeatedly.

An error ends neither. It is told as the work's `problem`, and the work is begun again after a while: its cause may be
over by then, as a full disk or a clock that was set. Nobody looks at a node for days. A node that lost a loop of its
life to an error would be dead and look alive.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.errors import LoopixmixError
from loopixmix.process.backoff import Backoff
from loopixmix.seams import Clock, DelayedCall, Rng

log = Logger()

FIRST_AGAIN_S, LONGEST_AGAIN_S = 1.0, 15.0
"""Work that failed begins again after a random time up to the first, then up to twice as much, up to the longest."""
SETTLED_S = 20.0
"""Work that was begun again and runs for so long is well."""
MOST_TRACEBACKS = 16
"""Of one piece of work so many different defects are logged with their traceback, each once."""

Work: TypeAlias = Callable[[], Coroutine[Deferred[object], object, None]]
"""Begins the work, as often as it is called."""


class Task:
    """A coroutine in the background. If an error ends it, it is begun again; if it returns, it is done."""

    def __init__(self, name: str, *, clock: Clock, rng: Rng) -> None:
        """`name`: the work, in words for the log: "following the network document". `rng`: draws waits."""
        self._trouble = _Trouble(name)
        self._clock = clock
        self._backoff = Backoff(rng=rng, first_s=FIRST_AGAIN_S, longest_s=LONGEST_AGAIN_S)
        self._work: Work | None = None
        self._running: Deferred[None] | None = None
        self._call: DelayedCall | None = None

    @property
    def problem(self) -> str | None:
        """Why the work does not go on, in one line; None if it does."""
        return self._trouble.problem

    def start(self, work: Work) -> None:
        """Begin `work`; it is called again if what it began has failed."""
        self._work = work
        self._begin()

    def stop(self) -> Deferred[None]:
        """Cancel the work; fires when it has ended. May be called twice, and before `start`."""
        self._work = None
        self._forget_call()
        running, self._running = self._running, None
        if running is None:
            return succeed(None)
        running.cancel()
        return running

    def _begin(self) -> None:
        self._forget_call()
        if self._work is None:
            return
        if self._trouble.problem is not None:
            self._call = self._clock.callLater(SETTLED_S, self._settled)
        self._running = running = Deferred.fromCoroutine(self._work())
        running.addCallbacks(self._done, self._failed)

    def _done(self, _: None) -> None:
        self._settled()

    def _settled(self) -> None:
        self._forget_call()
        self._backoff.reset()
        self._trouble.over()

    def _failed(self, failure: Failure) -> None:
        if self._work is None:
            if not isinstance(failure.value, CancelledError):
                self._trouble.note(failure)
            return
        # Also if it was cancelled, but not by `stop`: what it waited for was, by somebody else.
        self._trouble.note(failure)
        self._forget_call()
        self._call = self._clock.callLater(self._backoff.next_s(), self._begin)

    def _forget_call(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None


class Guarded:
    """Does one piece of work, again and again, for somebody who must go on whatever it raises."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        """`name`: the work, in words for the log."""
        self._trouble = _Trouble(name)
        self._work = work

    @property
    def problem(self) -> str | None:
        """Why it failed the last time, in one line; None if it did not."""
        return self._trouble.problem

    def __call__(self) -> None:
        """Do the work; never raises."""
        try:
            self._work()
        except Exception:  # whatever it is, the caller has other things to do
            self._trouble.note(Failure())  # type: ignore[no-untyped-call]
        else:
            self._trouble.over()


class Recurring:
    """A function that is called again and again. If it raises an error, it is called again all the same."""

    def __init__(self, name: str, turn: Callable[[], float], *, clock: Clock, again_s: float) -> None:
        """`name`: the work, in words for the log. `turn`: does it, and returns after how many seconds it is due again.

        `again_s`: after how many seconds it is called again if it failed.
        """
        self._trouble = _Trouble(name)
        self._turn_callback = turn
        self._clock = clock
        self._again_s = again_s
        self._is_running = False
        self._call: DelayedCall | None = None

    @property
    def problem(self) -> str | None:
        """Why the last turn failed, in one line; None if it did not."""
        return self._trouble.problem

    @property
    def running(self) -> bool:
        """Tell whether it was started and not stopped since."""
        return self._is_running

    def start(self, *, after_s: float | None = None) -> None:
        """Begin with a first turn: now, or after `after_s` seconds."""
        self._is_running = True
        if after_s is None:
            self._turn()
        else:
            self._wait(after_s)

    def hurry(self) -> None:
        """Take the next turn now; nothing if it was not started."""
        if self._is_running:
            self._turn()

    def stop(self) -> None:
        """Take no further turn; no call is left."""
        self._is_running = False
        self._forget_call()

    def _turn(self) -> None:
        wait_s = self._again_s
        try:
            wait_s = self._turn_callback()
        except Exception:  # whatever it is, the next turn must come
            self._trouble.note(Failure())  # type: ignore[no-untyped-call]
        else:
            self._trouble.over()
        if self._is_running:
            self._wait(wait_s)

    def _wait(self, wait_s: float) -> None:
        # `hurry` may come in a turn, from what the turn calls.
        self._forget_call()
        self._call = self._clock.callLater(max(0.0, wait_s), self._turn)

    def _forget_call(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None


class _Trouble:
    """What is wrong with one piece of work: told for as long as it lasts, and logged when it begins and ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._logged: set[str] = set()
        self.problem: str | None = None

    def note(self, failure: Failure) -> None:
        error = failure.value
        reason = str(error) or type(error).__name__
        problem, self.problem = self.problem, f"{self._name} failed, and is tried again: {reason}"
        if isinstance(error, LoopixmixError):
            if problem is None:
                log.error("{problem}", problem=self.problem)
            return
        # A defect: its place is what mends it, and is told once. Work that fails every second would fill the disk.
        place = _place_of(error)
        if place in self._logged or len(self._logged) >= MOST_TRACEBACKS:
            if problem is None:
                log.error("{problem}", problem=self.problem)
            return
        self._logged.add(place)
        log.failure("{name} failed, and is tried again", failure, name=self._name)

    def over(self) -> None:
        if self.problem is not None:
            log.info("{name} goes on", name=self._name)
        self.problem = None


def _place_of(error: BaseException | None) -> str:
    """Return the kind of an error and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__} {where}"
