"""Asks hosted services: some requests at a time, each for a limited time, a repeated one only once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import Annotated, cast

import msgspec
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.bounds import BoundedMap
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.requests.single import PayloadSize, ReplyStatus, Request, decode_request, encode_reply, reply_body_bytes
from loopixmix.routing.path import service_id
from loopixmix.seams import Clock
from provider.api import ClosingService, HostedService, PayloadService, Service, ServiceRefusedError

REMEMBERED_S = 600.0
MAX_REMEMBERED = 4096
"""Answers of about 2 kB: 8 MB."""
MAX_WAITERS = 16
"""Copies of one request that wait for its answer; an honest sender has one or two under way."""

log = Logger()


class HostingRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much hosted services may take: requests at one time for each of them, and seconds for each request."""

    max_requests: Annotated[int, msgspec.Meta(ge=1)] = 64
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class ServiceBusyError(UnavailableError):
    """The service has too many requests just now."""


class ServiceHost:
    """The services of one provider."""

    def __init__(
        self, services: Iterable[HostedService], *, rules: HostingRules, clock: Clock, geometry: PayloadSize
    ) -> None:
        """`services`: each has a name of its own. `rules`: the operator's limits. `geometry`: the size of payloads."""
        self._services = {service_id(service.name): service for service in services}
        # Sorted once: `isinstance` of a protocol takes longer than the answer to a loop, and loops are most of all.
        self._at_once: dict[bytes, PayloadService] = {}
        self._asked: dict[bytes, Service] = {}
        for key, each in self._services.items():
            if isinstance(each, PayloadService):
                self._at_once[key] = each
            else:
                self._asked[key] = each
        self._rules = rules
        self._clock = clock
        self._failed = encode_reply(ReplyStatus.FAILED, b"", geometry)
        self._geometry = geometry
        self._pending: dict[bytes, _Pending] = {}
        self._busy = dict.fromkeys(self._services, 0)
        self._remembered: BoundedMap[bytes, tuple[float, bytes]] = BoundedMap(MAX_REMEMBERED)
        self.answered = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the services, as the network document shall list them."""
        return tuple(sorted(service.name for service in self._services.values()))

    def is_service(self, recipient: bytes) -> bool:
        """Tell whether `recipient` is the id of a service here."""
        return recipient in self._services

    def answer(self, recipient: bytes, payload: bytes) -> Deferred[bytes]:
        """Return the payload of the answer.

        Every failure is one and the same payload. Fails with `ServiceBusyError`: then there is no answer, and the
        request will be sent again.
        """
        at_once = self._at_once.get(recipient)
        if at_once is not None:
            self.answered += 1
            return succeed(at_once.reply(payload))
        service = self._asked[recipient]
        try:
            request = decode_request(payload)
        except FormatError:
            return succeed(self._failed)
        return self._answer_once(recipient, service, request)

    async def close(self) -> None:
        """Break off the requests that are under way, and close the services that want it."""
        # A copy: each request that is cancelled leaves the table.
        for pending in list(self._pending.values()):
            pending.asking.cancel()
        for service in self._services.values():
            if isinstance(service, ClosingService):
                await service.close()

    def _answer_once(self, recipient: bytes, service: Service, request: Request) -> Deferred[bytes]:
        # The body is part of the key, so that knowing a request's id does not open its answer.
        key = hashlib.sha256(recipient + request.request_id + request.body).digest()
        self._forget_old()
        if key in self._remembered:
            return succeed(self._remembered[key][1])
        waiter: Deferred[bytes] = Deferred()
        pending = self._pending.get(key)
        if pending is not None and len(pending.waiters) < MAX_WAITERS:
            pending.waiters.append(waiter)
            return waiter
        # No answer at all: then the client sends again. A failure would be final for it.
        if pending is not None or self._busy[recipient] >= self._rules.max_requests:
            waiter.errback(ServiceBusyError(f"{service.name} has too many requests"))
            return waiter
        self._ask(key, recipient, service, request, waiter)
        return waiter

    def _ask(self, key: bytes, recipient: bytes, service: Service, request: Request, waiter: Deferred[bytes]) -> None:
        self._busy[recipient] += 1
        asking = Deferred.fromCoroutine(service.answer(request.body))
        asking.addTimeout(
            self._rules.timeout_s, cast(IReactorTime, self._clock), onTimeoutCancel=partial(self._overdue, service)
        )
        pending = self._pending[key] = _Pending(asking, [waiter])

        def finish(payload: bytes) -> None:
            self._busy[recipient] -= 1
            del self._pending[key]
            # Failures too: a copy of the request that comes on another path must not have another outcome.
            self._remembered[key] = (self._clock.seconds() + REMEMBERED_S, payload)
            self.answered += 1
            for each in pending.waiters:
                each.callback(payload)

        asking.addCallback(self._encode, service)
        asking.addErrback(self._fail, service)
        asking.addCallback(finish)

    def _encode(self, body: bytes, service: Service) -> bytes:
        longest = reply_body_bytes(self._geometry)
        if len(body) > longest:
            log.error(
                "service {service} answered with {length} bytes; at most {longest} fit into a packet",
                service=service.name,
                length=len(body),
                longest=longest,
            )
            return self._failed
        return encode_reply(ReplyStatus.OK, body, self._geometry)

    def _overdue(self, service: Service, cancelled: bytes | Failure, timeout_s: float) -> bytes | Failure:
        log.warn(
            "service {service} did not answer within {timeout_s} s, and the request has failed",
            service=service.name,
            timeout_s=timeout_s,
        )
        return cancelled

    def _fail(self, failure: Failure, service: Service) -> bytes:
        # A service's error may quote the request: its type is all that is logged.
        if not isinstance(failure.value, ServiceRefusedError | CancelledError):
            log.error("service {service} failed: {kind}", service=service.name, kind=type(failure.value).__name__)
        return self._failed

    def _forget_old(self) -> None:
        now_s = self._clock.seconds()
        while self._remembered:
            key, (until_s, _) = next(iter(self._remembered.items()))
            if until_s > now_s:
                return
            del self._remembered[key]


class _Pending(msgspec.Struct):
    """A request that is being answered, and the copies of it that wait for the answer."""

    asking: Deferred[bytes]
    waiters: list[Deferred[bytes]]
