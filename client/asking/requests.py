"""Anonymous requests to hosted services: one packet there, one answer back by its reply block.

A request without an answer in time is sent again on another path, with the same id, so that the service carries it
out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, cast

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from client.api import RequestTimeoutError, ServiceFailedError, TooLongError, UnknownServiceError
from client.core.expectation import Expectations, Expected
from client.core.packets import MadePacket, PacketMaker
from client.link.session import Session
from client.sending.payloads import PayloadJob, PayloadQueue
from client.store.outgoing import StoredFragment
from loopixmix.directory import Document
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.requests.single import REQUEST_ID_BYTES, ReplyStatus, decode_reply, encode_request, request_body_bytes
from loopixmix.routing.path import service_id
from loopixmix.seams import Clock, Identity, Rng

RequestId: TypeAlias = bytes


@dataclass(eq=False)
class _Request:
    """A request that waits for its answer: a flow of the payload queue with one packet, which is in no store."""

    requests: Requests
    request_id: RequestId
    service: str
    provider: Identity
    payload: bytes
    answer: Deferred[bytes] = field(default_factory=Deferred)
    attempts: int = 0

    @property
    def row(self) -> None:
        return None

    def take_turn(self, position: int) -> bool:  # noqa: ARG002 (there is one)
        return self.requests.is_waiting(self)

    def give_back(self, position: int) -> bool:  # noqa: ARG002 (there is one)
        return self.requests.is_waiting(self)

    def job(self, position: int, stored: StoredFragment | None) -> PayloadJob:  # noqa: ARG002 (there is one, in no store)
        return RequestJob(self.requests, self)


@dataclass(frozen=True)
class _Answer:
    """The purpose of a request's reply block."""

    request: _Request

    def on_answer(self, payload: bytes, now_s: float) -> bool:  # noqa: ARG002 (when it comes does not matter)
        return self.request.requests.answered(self.request, payload)

    def on_overdue(self, now_s: float) -> None:  # noqa: ARG002 (it waits for its turn)
        self.request.requests.resume(self.request)


class Requests:
    """All requests without an answer."""

    def __init__(
        self, *, session: Session, queue: PayloadQueue, expectations: Expectations, clock: Clock, rng: Rng
    ) -> None:
        """Begin without requests.

        `session`: the network whose services are asked; `queue`: where requests take turns with messages;
        `expectations`: where answers are waited for; `clock`: ends a request in time; `rng`: numbers it, and chooses
        among several providers of a service.
        """
        self._session = session
        self._queue = queue
        self._expectations = expectations
        self._clock = clock
        self._rng = rng
        self._waiting: set[_Request] = set()

    async def ask(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask `name` or `name@provider`; raises as `client.api.Client.request`."""
        end_s = self._clock.seconds() + max(0.0, timeout_s)
        try:
            document = await self._session.arrival(end_s - self._clock.seconds())
        except UnavailableError as error:
            raise RequestTimeoutError(f"{service} could not be asked within {timeout_s:g} s: {error}") from None
        request = self._make(service, body, document)
        self._waiting.add(request)
        self._queue.add(request, [0])
        # The clock may have been set while the document was waited for.
        left_s = min(max(0.0, end_s - self._clock.seconds()), max(0.0, timeout_s))
        request.answer.addTimeout(left_s, cast("IReactorTime", self._clock))
        try:
            return await request.answer
        except (CancelledError, TimeoutError):
            raise RequestTimeoutError(f"{service} did not answer within {timeout_s:g} s") from None
        finally:
            # No caller waits any more, so it is not sent again.
            self._waiting.remove(request)
            self._queue.remove(request)

    def stop(self) -> None:
        """Break off all requests."""
        for request in list(self._waiting):
            if not request.answer.called:
                request.answer.errback(UnavailableError("the client is stopping"))

    # The methods below are for the jobs and expectations of these requests.

    def answered(self, request: _Request, payload: bytes) -> bool:
        """Take what came back for a request; false if it is no answer, so that the request will be overdue."""
        try:
            reply = decode_reply(payload)
        except FormatError:
            return False
        if not self.is_waiting(request):
            return True
        if reply.status is ReplyStatus.OK:
            request.answer.callback(reply.body)
        else:
            request.answer.errback(ServiceFailedError(f"{request.service} could not carry out the request"))
        return True

    def is_waiting(self, request: _Request) -> bool:
        """Tell whether a request has no answer yet."""
        return request in self._waiting and not request.answer.called

    def sent(self, request: _Request, made: MadePacket, now_s: float) -> None:
        """Note that a request left."""
        request.attempts += 1
        deadline_s = now_s + self._session.retry_in_s(request.attempts)
        self._expectations.expect(made.surb_id, Expected(_Answer(request), made.keys), deadline_s)

    def resume(self, request: _Request) -> None:
        """Let a request that did not leave, or was not answered in time, take its turn again."""
        if self.is_waiting(request):
            self._queue.add(request, [0])

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
        return _Request(self, request_id, service, self._rng.choice(hosts).id, payload)


class RequestJob:
    """One sending of a request."""

    def __init__(self, requests: Requests, request: _Request) -> None:
        """Send `request`, and tell `requests` what became of it."""
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
