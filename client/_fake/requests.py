"""The posted requests of a fake client."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from twisted.internet.defer import Deferred

from client._fake.post import PostOffice
from client._fake.services import ask, draw_repetition_key
from client.api import (
    ConflictError,
    PostedRequest,
    QueueFullError,
    RequestId,
    RequestState,
    UnknownRequestError,
    WrongStateError,
)
from client.core.arguments import check_idempotency_key, check_request, check_times
from client.core.settings import DAY_S
from client.core.timing.leaving import leaving_s
from loopixmix.seams import DelayedCall

DEADLINE_S = 5 * DAY_S
MAX_KEPT = 10_000
_OPEN = (RequestState.QUEUED, RequestState.ASKING)


@dataclass
class _Posted:
    request: PostedRequest
    body: bytes
    digest: bytes
    repetition_key: bytes
    calls: list[DelayedCall] = field(default_factory=list)


class FakeRequests:
    """Requests by id, on their way or ended."""

    def __init__(self, network: PostOffice, tell: Callable[[], None]) -> None:
        """Ask the services of `network`; `tell` hears of each end."""
        self._network = network
        self._tell = tell
        self._posted: dict[RequestId, _Posted] = {}
        self._by_key: dict[str, RequestId] = {}
        self.newest = 0
        """The number of the newest end."""

    def check(self, body: bytes, idempotency_key: str, not_before_s: float | None, deadline_s: float | None) -> None:
        """Refuse arguments of a wrong form; raise as `client.api.Client.post_request`."""
        check_request(body)
        check_idempotency_key(idempotency_key)
        check_times(not_before_s, deadline_s, now_s=self._network.clock.seconds())

    def post(
        self,
        service: str,
        body: bytes,
        *,
        idempotency_key: str,
        not_before_s: float | None,
        deadline_s: float | None,
    ) -> RequestId:
        """Keep a request, and ask it when its time has come."""
        network, now_s = self._network, self._network.clock.seconds()
        network.service(service)
        digest = hashlib.sha256(service.encode() + b"\0" + body).digest()
        known = self._by_key.get(idempotency_key)
        if known is not None:
            if self._posted[known].digest != digest:
                raise ConflictError("that idempotency key was used for a different request")
            return known
        if len(self._posted) >= MAX_KEPT:
            raise QueueFullError(f"{MAX_KEPT} requests are kept: forget some that have ended")
        ends_s = max(now_s, not_before_s or 0.0) + DEADLINE_S if deadline_s is None else deadline_s
        leaves_s = leaving_s(
            not_before_s, ends_s, now_s=now_s, reserve_s=4 * network.delay_s, draw=network.rng.random()
        )
        request = PostedRequest(
            request_id=network.rng.randbytes(16).hex(),
            service=service,
            length_bytes=len(body),
            state=RequestState.QUEUED,
            created_at_s=now_s,
            leaves_at_s=leaves_s or None,
            deadline_s=ends_s,
        )
        posted = _Posted(request, body, digest, draw_repetition_key(network.rng))
        self._posted[request.request_id] = posted
        self._by_key[idempotency_key] = request.request_id
        posted.calls.append(network.later(max(0.0, leaves_s - now_s), lambda: self._ask(posted)))
        posted.calls.append(network.later(ends_s - now_s, lambda: self._expire(posted)))
        return request.request_id

    def find(self, request_id: RequestId) -> PostedRequest:
        """Return a request; raise `UnknownRequestError`."""
        if request_id not in self._posted:
            raise UnknownRequestError(f"there is no posted request {request_id}")
        return self._posted[request_id].request

    def cancel(self, request_id: RequestId) -> PostedRequest:
        """Ask no more; raise as `client.api.Client.cancel_request`."""
        request = self.find(request_id)
        if request.state in _OPEN:
            self._end(self._posted[request_id], RequestState.CANCELLED, problem="cancelled: no answer")
        elif request.state is not RequestState.CANCELLED:
            raise WrongStateError(f"the request {request_id} cannot be cancelled: it is {request.state.value} already")
        return self.find(request_id)

    def forget(self, request_id: RequestId) -> None:
        """Forget a request that has ended; raise as `client.api.Client.forget_request`."""
        state = self.find(request_id).state
        if state in _OPEN:
            raise WrongStateError(f"the request {request_id} is {state.value}: cancel it first")
        del self._posted[request_id]
        self._by_key = {key: each for key, each in self._by_key.items() if each != request_id}

    def ended(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return the requests that ended after the number `after`."""
        ended = [each.request for each in self._posted.values() if each.request.ended > after]
        return sorted(ended, key=lambda request: request.ended)[:limit]

    def _ask(self, posted: _Posted) -> None:
        posted.request = msgspec.structs.replace(posted.request, state=RequestState.ASKING, parts=1)
        posted.calls.append(self._network.later(self._network.delay_s, lambda: self._arrive(posted)))

    def _arrive(self, posted: _Posted) -> None:
        if posted.request.state not in _OPEN:
            return
        if self._network.problem or self._network.takes_loss():
            posted.calls.append(self._network.later(2 * self._network.delay_s, lambda: self._arrive(posted)))
            return
        posted.request = msgspec.structs.replace(posted.request, parts_sent=1)
        answering = Deferred.fromCoroutine(self._answer(posted))
        # As at a provider: a service may fail in any way, and the reason is not told.
        answering.addErrback(
            lambda _: self._end(posted, RequestState.FAILED, problem="the service could not carry out the request")
        )

    async def _answer(self, posted: _Posted) -> None:
        service = self._network.service(posted.request.service)
        answer = await ask(service, posted.repetition_key, posted.body, clock=self._network.clock)
        self._end(posted, RequestState.ANSWERED, answer=answer)

    def _expire(self, posted: _Posted) -> None:
        self._end(posted, RequestState.EXPIRED, problem="expired: no answer")

    def _end(self, posted: _Posted, state: RequestState, *, answer: bytes | None = None, problem: str = "") -> None:
        if posted.request.state not in _OPEN:
            return
        for call in posted.calls:
            if call.active():
                call.cancel()
        self.newest += 1
        came = int(answer is not None)
        posted.request = msgspec.structs.replace(
            posted.request,
            state=state,
            answer=answer,
            problem=problem,
            ended=self.newest,
            parts_received=came,
            answer_parts=came,
        )
        self._tell()
