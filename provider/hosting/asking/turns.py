"""The requests of one service that are under way, and those that wait until another one has ended."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.requests.parts import MAX_BODY_BYTES
from loopixmix.seams import Clock, DelayedCall
from provider.api import ServiceRefusedError
from provider.hosting.asker import Asker, FailedElsewhereError, LostQuestionError, NotAskedError
from provider.hosting.asking.failures import told
from provider.hosting.asking.record import ServiceRecord
from provider.hosting.asking.seats import Seats

log = Logger()


class Turns:
    """Seats, queue and time limit of one service.

    Whoever asks has one of `seats` until the answer has come.
    """

    def __init__(self, asker: Asker, *, clock: Clock) -> None:
        """`asker`: asks the service, whose declaration has the limits. `clock`: ends what takes too long."""
        self._asker = asker
        self._clock = clock
        self._asking: set[Deferred[bytes]] = set()
        self._record = ServiceRecord(asker.name)
        self.seats = Seats(most=asker.declaration.at_once, queue=asker.declaration.queue)

    @property
    def problem(self) -> str | None:
        """Why the service cannot be asked, or that it answers nothing; None if all is well."""
        return self._asker.problem or self._record.problem

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes | None]:
        """Ask the service, having a seat; the result is its answer, or None if the request has failed.

        Fails with `NotAskedError` if the service has not heard of the request.
        """
        asking = self._asker.ask(repetition_key, body)
        if not asking.called:
            self._asking.add(asking)
            call = self._clock.callLater(self._asker.declaration.timeout_s, self._end, asking)
            asking.addBoth(partial(self._ended, asking, call))
        return asking.addCallbacks(self._check, self._failed)

    def stop(self) -> None:
        """Break off all requests, and tell those that wait for a seat; no call is left."""
        self.seats.clear()
        for asking in list(self._asking):
            asking.cancel()

    def _end(self, asking: Deferred[bytes]) -> None:
        log.warn(
            "service {service} did not answer within {timeout_s} s, and the request has failed",
            service=self._asker.name,
            timeout_s=self._asker.declaration.timeout_s,
        )
        self._record.failed(f"it did not answer within {self._asker.declaration.timeout_s:g} s")
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
                "service {service} answered with {kind}, not with bytes{cure}",
                service=self._asker.name,
                kind=type(answer).__name__,
                # A decorator that hides an "async def" makes the service run in threads, where nothing awaits it.
                cure=": write its answer with async def" if isinstance(answer, Awaitable) else "",
            )
            if inspect.iscoroutine(answer):
                answer.close()
            self._record.failed(f"it answered with {type(answer).__name__}, not with bytes")
            return None
        if len(answer) > MAX_BODY_BYTES:
            log.error(
                "service {service} answered with {length} bytes; at most {longest} are allowed",
                service=self._asker.name,
                length=len(answer),
                longest=MAX_BODY_BYTES,
            )
            self._record.failed(f"it answered with {len(answer)} bytes; at most {MAX_BODY_BYTES} are allowed")
            return None
        self._record.answered()
        return answer

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, NotAskedError):
            raise error
        if isinstance(error, FailedElsewhereError):
            log.error("service {service} failed, and the log of its program says where", service=self._asker.name)
            self._record.failed("it failed, and the log of its program says where")
        elif isinstance(error, LostQuestionError):
            log.error("service {service}: its program ended before it answered a request", service=self._asker.name)
            self._record.failed("its program ended")
        elif isinstance(error, ServiceRefusedError):
            self._record.answered()
        # Overdue: that has been told.
        elif not isinstance(error, CancelledError):
            what = told(failure)
            if self._record.is_news(error, what):
                log.error("service {service} failed: {what}", service=self._asker.name, what=what)
            self._record.failed(what)
