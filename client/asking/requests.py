"""Requests whose caller waits for the answer; nothing of them is kept on the disk."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.interfaces import IReactorTime

from client.api import RequestTimeoutError, ServiceFailedError, UnknownServiceError
from client.asking.exchanges import Exchange, Exchanges, Question
from client.core.arguments import check_request, no_such_service
from client.core.asking.asking import Done, Outcome
from client.link.session import Session
from loopixmix.directory import Document, NodeEntry
from loopixmix.epoch import epoch_at
from loopixmix.errors import UnavailableError
from loopixmix.requests.answers import RequestFailed, RequestOver
from loopixmix.requests.parts import EPOCHS_AHEAD, REPETITION_KEY_BYTES, REQUEST_ID_BYTES, request_content
from loopixmix.seams import Clock, Rng


class Requests:
    """Asks services for callers that wait."""

    def __init__(self, *, session: Session, exchanges: Exchanges, clock: Clock, rng: Rng) -> None:
        """Ask services of the network of `session` by `exchanges`.

        `clock`: ends a request in time; `rng`: numbers it, and chooses among several providers of a service.
        """
        self._session = session
        self._exchanges = exchanges
        self._clock = clock
        self._rng = rng
        self._waiting: set[Exchange] = set()

    async def ask(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask `name` or `name@provider`; raises as `client.api.Client.request`."""
        check_request(body)
        end_s = self._clock.seconds() + max(0.0, timeout_s)
        try:
            document = await self._session.arrival(end_s - self._clock.seconds())
        except UnavailableError as error:
            raise RequestTimeoutError(f"{service} could not be asked within {timeout_s:g} s: {error}") from None
        # The clock may have been set while the document was waited for.
        left_s = min(max(0.0, end_s - self._clock.seconds()), max(0.0, timeout_s))
        exchange = self._exchanges.begin(self._question(service, body, document, left_s))
        self._waiting.add(exchange)
        exchange.outcome.addTimeout(left_s, cast("IReactorTime", self._clock))
        try:
            outcome = await exchange.outcome
        except (CancelledError, TimeoutError):
            words = f"{service} did not answer within {timeout_s:g} s: {exchange.progress.words}"
            raise RequestTimeoutError(words) from None
        finally:
            # No caller waits any more, so nothing more of it is sent.
            self._waiting.discard(exchange)
            self._exchanges.end(exchange)
        return _answer(service, outcome)

    def stop(self) -> None:
        """Break off all requests."""
        for exchange in list(self._waiting):
            if not exchange.outcome.called:
                exchange.outcome.errback(UnavailableError("the client is stopping"))

    def _question(self, service: str, body: bytes, document: Document, timeout_s: float) -> Question:
        host = self._rng.choice(hosts_of(service, document))
        length_s, now_s = document.params.epoch_length_s, self._session.now_s
        last_epoch = min(epoch_at(now_s + timeout_s, length_s), epoch_at(now_s, length_s) + EPOCHS_AHEAD)
        # Nobody asks this again after its end, so that the repetition key is good for this request only.
        content = request_content(self._rng.randbytes(REPETITION_KEY_BYTES), body)
        name = service.partition("@")[0]
        return Question(self._rng.randbytes(REQUEST_ID_BYTES), name, host.id, content, last_epoch)


def hosts_of(service: str, document: Document) -> list[NodeEntry]:
    """Return the providers that host `name` or `name@provider`; raise `UnknownServiceError` if there is none."""
    name, _, at = service.partition("@")
    hosts = [host for host in document.providers_of(name) if at in ("", host.name)]
    if not hosts:
        raise UnknownServiceError(no_such_service(service))
    return hosts


def _answer(service: str, outcome: Outcome) -> bytes:
    match outcome:
        case Done(body):
            return body
        case RequestFailed():
            raise ServiceFailedError(f"{service} could not carry out the request")
        case RequestOver():
            raise RequestTimeoutError(
                f"{service} takes the request no more: the epoch until which it counted has ended"
            )
