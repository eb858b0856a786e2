"""The requests of one service that are under way, and those that wait until another one has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.requests.parts import MAX_BODY_BYTES
from loopixmix.seams import Clock, DelayedCall
from provider.api import ServiceRefusedError
from provider.hosting.asker import Asker, NotAskedError

Begin: TypeAlias = Callable[[], object]
"""Called when it is a request's turn; whoever gave it calls `Turns.leave` once, later or at once."""

log = Logger()


class Turns:
    """Limits, queue and time limit of one service."""

    def __init__(self, asker: Asker, *, clock: Clock) -> None:
        """`asker`: asks the service, whose declaration has the limits. `clock`: ends what takes too long."""
        self._asker = asker
        self._clock = clock
        self._waiting: deque[Begin] = deque()
        self._asking: set[Deferred[bytes]] = set()
        self._is_calling = False
        self.under_way = 0
        self.overdue = 0

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    @property
    def is_free(self) -> bool:
        """Tell whether a request would have its turn at once."""
        return self.under_way < self._asker.declaration.at_once and not self._waiting

    def enter(self, begin: Begin) -> bool:
        """Call `begin` when there is a place; false if too many wait already."""
        if len(self._waiting) >= self._asker.declaration.queue and not self.is_free:
            return False
        self._waiting.append(begin)
        self._call()
        return True

    def leave(self) -> None:
        """End a turn."""
        self.under_way -= 1
        self._call()

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes | None]:
        """Ask the service in one's turn; the result is its answer, or None if the request has failed.

        Fails with `NotAskedError` if the service has not heard of the request.
        """
        asking = self._asker.ask(repetition_key, body)
        if not asking.called:
            self._asking.add(asking)
            call = self._clock.callLater(self._asker.declaration.timeout_s, self._end, asking)
            asking.addBoth(partial(self._ended, asking, call))
        return asking.addCallbacks(self._check, self._failed)

    def stop(self) -> None:
        """Break off all requests; no call is left."""
        self._waiting.clear()
        for asking in list(self._asking):
            asking.cancel()

    def _call(self) -> None:
        # A loop and not a recursion: a request that fails at once would let the next one begin from within, and so on.
        if self._is_calling:
            return
        self._is_calling = True
        try:
            while self._waiting and self.under_way < self._asker.declaration.at_once:
                self.under_way += 1
                self._waiting.popleft()()
        finally:
            self._is_calling = False

    def _end(self, asking: Deferred[bytes]) -> None:
        self.overdue += 1
        log.warn(
            "service {service} did not answer within {timeout_s} s, and the request has failed",
            service=self._asker.name,
            timeout_s=self._asker.declaration.timeout_s,
        )
        asking.cancel()

    def _ended(self, asking: Deferred[bytes], call: DelayedCall, result: bytes | Failure) -> bytes | Failure:
        self._asking.discard(asking)
        if call.active():
            call.cancel()
        return result

    def _check(self, answer: bytes) -> bytes | None:
        # Whatever the types say: a service is somebody else's code.
        if not isinstance(answer, bytes):
            log.error(
                "service {service} answered with {kind}, not with bytes",
                service=self._asker.name,
                kind=type(answer).__name__,
            )
            return None
        if len(answer) > MAX_BODY_BYTES:
            log.error(
                "service {service} answered with {length} bytes; at most {longest} are allowed",
                service=self._asker.name,
                length=len(answer),
                longest=MAX_BODY_BYTES,
            )
            return None
        return answer

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, NotAskedError):
            raise error
        # A service's error may quote the request: its type is all that is logged.
        if not isinstance(error, ServiceRefusedError | CancelledError):
            log.error("service {service} failed: {kind}", service=self._asker.name, kind=type(error).__name__)
