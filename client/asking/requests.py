"""Anonymous requests to hosted services: one packet there, one answer back by its reply block.

A request without an answer in time is sent again on another path, with the same id, so that the service carries it
out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.internet.defer import CancelledError, Deferred

from client.api import RequestTimeoutError, ServiceFailedError, TooLongError, UnknownServiceError
from client.core.expectation import Expectations, Expected
from client.core.packets import MadePacket, PacketMaker
from client.core.retry import RetryPolicy
from client.link.session import Session
from client.sending.payloads import Job, PayloadQueue, RequestId
from loopixmix.directory import Document
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.requests import (
    REQUEST_ID_BYTES,
    ReplyStatus,
    decode_reply,
    encode_request,
    request_body_bytes,
)
from loopixmix.routing.path import service_id
from loopixmix.seams import Clock, NodeId, Rng
from loopixmix.sphinx import PacketError, Sphinx, open_reply

MAX_EXPECTED = 1024


@dataclass
class _Request:
    """A request that waits for its answer."""

    request_id: RequestId
    service: str
    provider: NodeId
    payload: bytes
    answer: Deferred[bytes] = field(default_factory=Deferred)
    attempts: int = 0


class Requests:
    """All requests without an answer."""

    def __init__(self, *, queue: PayloadQueue, session: Session, clock: Clock, rng: Rng) -> None:
        """Take the neighbours."""
        self.policy = RetryPolicy(first_s=60.0, longest_s=3600.0)
        self._queue = queue
        self._session = session
        self._clock = clock
        self._rng = rng
        self._waiting: dict[RequestId, _Request] = {}
        self._expected: Expectations[RequestId] = Expectations(capacity=MAX_EXPECTED)

    async def ask(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask `name` or `name@provider`; raises as `client.api.Client.request`."""
        end_s = self._clock.seconds() + max(0.0, timeout_s)
        try:
            document = await self._session.arrival(end_s - self._clock.seconds())
        except UnavailableError as error:
            raise RequestTimeoutError(f"{service} could not be asked within {timeout_s:g} s: {error}") from None
        request = self._make(service, body, document)
        self._waiting[request.request_id] = request
        self._queue.add(request.request_id, [0])
        limit = self._clock.callLater(max(0.0, end_s - self._clock.seconds()), request.answer.cancel)
        try:
            return await request.answer
        except CancelledError:
            raise RequestTimeoutError(f"{service} did not answer within {timeout_s:g} s") from None
        finally:
            del self._waiting[request.request_id]
            self._queue.remove(request.request_id)
            if limit.active():
                limit.cancel()

    def job(self, request_id: RequestId) -> Job | None:
        """Return a request that waits."""
        request = self._waiting.get(request_id)
        return RequestJob(self, request) if request is not None else None

    def on_reply(self, surb_id: bytes, body: bytes, sphinx: Sphinx) -> bool:
        """Take what came by a reply block; false where the block is not one of a request."""
        expected = self._expected.find(surb_id)
        if expected is None:
            return False
        request = self._waiting.get(expected.subject)
        try:
            reply = decode_reply(open_reply(expected.keys, body, sphinx=sphinx))
        except (PacketError, FormatError):
            return True  # the request will be overdue
        self._expected.settle(surb_id)
        if request is None or request.answer.called:
            return True
        if reply.status is ReplyStatus.OK:
            request.answer.callback(reply.body)
        else:
            request.answer.errback(ServiceFailedError(f"{request.service} could not carry out the request"))
        return True

    def send_again(self) -> None:
        """Let overdue requests take turns again."""
        for request_id in self._expected.overdue(self._clock.seconds()):
            if request_id in self._waiting:
                self._queue.add(request_id, [0])

    def postpone(self) -> None:
        """Let nothing be overdue before it could be: there was no link."""
        self._expected.postpone(self._clock.seconds() + self.policy.first_s)

    def stop(self) -> None:
        """Break off all requests."""
        for request in list(self._waiting.values()):
            if not request.answer.called:
                request.answer.errback(UnavailableError("the client is stopping"))

    def is_waiting(self, request: _Request) -> bool:
        """Tell whether a request has no answer yet."""
        return request.request_id in self._waiting and not request.answer.called

    def sent(self, request: _Request, made: MadePacket, now_s: float) -> None:
        """Note that a request left."""
        request.attempts += 1
        timeout_s = self.policy.timeout_s(request.attempts, self._rng.random())
        self._expected.expect(made.surb_id, Expected(request.request_id, made.keys, now_s), now_s + timeout_s)

    def resume(self, request: _Request) -> None:
        """Let a request that did not leave take its turn again."""
        if self.is_waiting(request):
            self._queue.add(request.request_id, [0])

    def _make(self, service: str, body: bytes, document: Document) -> _Request:
        name, _, at = service.partition("@")
        hosts = [host for host in document.providers_of(name) if at in ("", host.name)]
        if not hosts:
            raise UnknownServiceError(f"no provider of this network offers {service}")
        longest = request_body_bytes(document.params)
        if len(body) > longest:
            raise TooLongError(f"a request has at most {longest} bytes, not {len(body)}")
        request_id = self._rng.randbytes(REQUEST_ID_BYTES)
        payload = encode_request(request_id, body, document.params)
        return _Request(request_id, service, self._rng.choice(hosts).id, payload)


class RequestJob:
    """One sending of a request."""

    def __init__(self, requests: Requests, request: _Request) -> None:
        self._requests = requests
        self._request = request
        self._made: MadePacket | None = None

    @property
    def wanted(self) -> bool:
        """Tell whether there is no answer yet."""
        return self._requests.is_waiting(self._request)

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        """Return a packet with this request."""
        name = self._request.service.partition("@")[0]
        try:
            self._made = maker.deliver(
                service_id(name), self._request.payload, provider=self._request.provider, now_s=now_s
            )
        except UnavailableError:
            return None  # the provider left the network; there will be no answer
        return self._made.packet

    def on_sent(self, now_s: float) -> None:
        """Note that it left."""
        if self._made is not None:
            self._requests.sent(self._request, self._made, now_s)

    def on_unsent(self) -> None:
        """Note that it did not leave."""
        self._requests.resume(self._request)
