"""Posted requests: kept in the store until they are answered, through restarts and as many attempts as it takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import (
    ConflictError,
    Following,
    PostedRequest,
    QueueFullError,
    RequestId,
    RequestState,
    UnknownRequestError,
    UnknownServiceError,
    WrongStateError,
)
from client.asking.answers import AnswerFeed
from client.asking.exchanges import Exchange, Exchanges, Question
from client.asking.requests import hosts_of
from client.core.arguments import check_idempotency_key, check_request, check_times
from client.core.asking.asking import Done, Outcome, RequestProgress
from client.core.journal import News
from client.core.settings import DAY_S
from client.core.timing.leaving import leaving_s, reserve_s
from client.feeds.feed import Feeds
from client.link.session import Session
from client.store import contacts, requests
from client.store.requests import Attempt, OpenRequest, RequestToKeep, StoredRequest
from loopixmix.bounds import BoundedMap
from loopixmix.directory import Document
from loopixmix.epoch import epoch_at
from loopixmix.process.shield import shielded
from loopixmix.requests.answers import RequestFailed, RequestOver
from loopixmix.requests.parts import REPETITION_KEY_BYTES, REQUEST_ID_BYTES, request_content, request_head
from loopixmix.seams import Rng
from loopixmix.store.access import StoreAccess

DEADLINE_S = 5 * DAY_S
"""How long a request is tried whose caller says nothing else."""
KEEP_ENDED_S = 30 * DAY_S
MAX_KEPT = 10_000
MAX_KEPT_BYTES = 256 * 1024 * 1024
"""How much requests and answers may take in the store; beyond these no further request is taken."""
AT_ONCE = 64
"""How many are asked at a time: as many as a fast client asks while one answer is on its way."""
ABSENT_S = 30.0
"""How long a request rests whose service nobody hosts just now, or whose end could not be written."""
REPETITIONS_FACT = "repetitions"
_SECRET_BYTES = 32

log = Logger()


@dataclass(frozen=True)
class _Ending:
    """How a request ended, to be written down."""

    state: RequestState
    answer: bytes | None = field(default=None, repr=False)
    problem: str = ""


@dataclass(eq=False)
class _Open:
    """A request whose end is not written down. `exchange`: while it is asked; `ending`: if it could not be written."""

    stored: OpenRequest
    not_before_s: float
    asking: Deferred[None] | None = None
    exchange: Exchange | None = field(default=None)
    ending: _Ending | None = None


class PostedRequests:
    """All posted requests of a client."""

    def __init__(self, *, session: Session, exchanges: Exchanges, access: StoreAccess, news: News, rng: Rng) -> None:
        """Begin without requests.

        `session`: the network whose services are asked, by `exchanges`; `access`: keeps requests and answers; `news`:
        hears of each end; `rng`: names requests and draws when they leave.
        """
        self._session = session
        self._exchanges = exchanges
        self._access = access
        self._news = news
        self._rng = rng
        self._open: dict[int, _Open] = {}
        self._feeds: Feeds[AnswerFeed] = Feeds()
        self._counts: BoundedMap[int, RequestProgress] = BoundedMap(MAX_KEPT)
        self._stopped = False

    def restore(self, unfinished: list[OpenRequest]) -> None:
        """Take up the requests that have not ended in the last run."""
        for stored in unfinished:
            self._open[stored.number] = _Open(stored, stored.leaves_at_s)

    async def post(
        self,
        service: str,
        body: bytes,
        *,
        idempotency_key: str,
        not_before_s: float | None,
        deadline_s: float | None,
    ) -> RequestId:
        """Keep a request; return its id once it is on the disk. Raises as `client.api.Client.post_request`."""
        now_s = self._session.dated_s
        check_request(body)
        check_idempotency_key(idempotency_key)
        check_times(not_before_s, deadline_s, now_s=now_s)
        member = self._session.registered()
        document = self._session.known.document
        if document is not None:
            hosts_of(service, document)
        deadline_s = max(now_s, not_before_s or 0.0) + DEADLINE_S if deadline_s is None else deadline_s
        content = request_content(bytes(REPETITION_KEY_BYTES), body)
        head = request_head(bytes(REQUEST_ID_BYTES), content, last_epoch=0, size=member.sphinx.geometry)
        # Twice: the answer has parts, too, and nobody knows how many.
        reserved_s = 2 * reserve_s(head.pieces, member.params, member.policy)
        new = RequestToKeep(
            request_id=self._rng.randbytes(16).hex(),
            idempotency_key=idempotency_key,
            digest=hashlib.sha256(service.encode() + b"\0" + body).digest(),
            service=service,
            body=body,
            created_at_s=now_s,
            leaves_at_s=leaving_s(not_before_s, deadline_s, now_s=now_s, reserve_s=reserved_s, draw=self._rng.random()),
            deadline_s=deadline_s,
        )
        # Whoever called may go away meanwhile: what is kept is asked all the same.
        keeping = self._access.write(partial(_keep, new=new)).addCallback(self._kept, new)
        return await shielded(keeping)

    async def answer(self, request_id: RequestId) -> PostedRequest:
        """Return a request; raises as `client.api.Client.answer`."""
        found = await self._access.read(lambda c: requests.find(c, request_id))
        if found is None:
            raise UnknownRequestError(f"there is no posted request {request_id}")
        return self._told(found)

    async def cancel(self, request_id: RequestId) -> PostedRequest:
        """Send nothing more of a request; raises as `client.api.Client.cancel_request`."""
        for one in [each for each in self._open.values() if each.stored.request_id == request_id]:
            words = one.exchange.progress.words if one.exchange is not None else "it was not being asked"
            await self._end(one, _Ending(RequestState.CANCELLED, problem=f"cancelled: {words}"))
        request = await self.answer(request_id)
        if request.state is not RequestState.CANCELLED:
            raise WrongStateError(f"the request {request_id} cannot be cancelled: it is {request.state.value} already")
        return request

    async def forget(self, request_id: RequestId) -> None:
        """Forget a request that has ended; raises as `client.api.Client.forget_request`."""
        if not await self._access.write(lambda c: requests.forget_ended(c, request_id)):
            request = await self.answer(request_id)
            raise WrongStateError(f"the request {request_id} is {request.state.value}: cancel it first")

    async def ended(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return the requests that ended after the number `after`, in their order."""
        found = await self._access.read(lambda c: requests.ended_after(c, after=after, limit=limit))
        return [self._told(stored) for stored in found]

    def tell(self, feed: AnswerFeed) -> Following:
        """Let `feed` tell its callback, until the client stops; returns how to stop it earlier."""
        return feed.follow(self._feeds.begin(feed))

    def look(self) -> None:
        """Ask what it is time for, and end what has waited too long; called at each pull."""
        now_s = self._session.now_s
        for one in [each for each in self._open.values() if self._has_ended(each, now_s)]:
            words = one.exchange.progress.words if one.exchange is not None else "it was not being asked"
            self._end(one, _Ending(RequestState.EXPIRED, problem=f"expired: {words}")).addErrback(_log_failure)
        document = self._session.known.document
        # By a clock that is wrong none is begun either: an attempt that is under way would seem to be over.
        if document is None or self._session.account is None or not self._session.is_time_agreed:
            return
        # Answers that cannot be written lie in the memory: then no more are asked for.
        room = AT_ONCE - sum(each.asking is not None or each.ending is not None for each in self._open.values())
        for one in list(self._open.values()):
            if room < 1:
                return
            if one.asking is None and self._is_due(one, now_s):
                room -= 1
                self._begin(one, document)

    def tidy(self) -> None:
        """Forget what ended long ago, if the network agrees about the time."""
        if not self._session.is_time_agreed:
            return
        before_s = self._session.now_s - KEEP_ENDED_S
        self._access.write(lambda c: requests.prune(c, before_s)).addErrback(_log_failure)

    def stop(self) -> None:
        """Break off all that is under way; the next run takes it up."""
        self._stopped = True
        self._feeds.stop()
        for one in list(self._open.values()):
            self._break_off(one)

    def _kept(self, kept: tuple[RequestId, int | None], new: RequestToKeep) -> RequestId:
        request_id, number = kept
        if number is not None and not self._stopped:
            stored = OpenRequest(
                number=number, request_id=request_id, leaves_at_s=new.leaves_at_s, deadline_s=new.deadline_s
            )
            self._open[number] = _Open(stored, new.leaves_at_s)
            self.look()
        return request_id

    def _is_due(self, one: _Open, now_s: float) -> bool:
        return one.ending is None and now_s >= one.stored.leaves_at_s and not _rests(one, now_s)

    def _has_ended(self, one: _Open, now_s: float) -> bool:
        """Tell whether its end should be written now."""
        if one.ending is not None:
            return not _rests(one, now_s)
        return self._session.is_time_agreed and one.stored.deadline_s <= now_s

    def _begin(self, one: _Open, document: Document) -> None:
        asking = Deferred.fromCoroutine(self._ask(one, document))
        if not asking.called:
            one.asking = asking
        asking.addErrback(_log_failure)

    async def _ask(self, one: _Open, document: Document) -> None:
        try:
            stored = await self._access.read(lambda c: requests.load(c, one.stored.number))
            if stored is None:
                return
            question = await self._question(stored, document)
            one.exchange = self._exchanges.begin(question)
            await self._take(one, await one.exchange.outcome)
        except UnknownServiceError:
            one.not_before_s = self._session.now_s + ABSENT_S
        finally:
            one.asking = None
            if one.exchange is not None:
                self._counts[one.stored.number] = one.exchange.progress
                self._exchanges.end(one.exchange)
                one.exchange = None

    async def _question(self, stored: StoredRequest, document: Document) -> Question:
        """Return what is asked now: the attempt of the last run if it still counts, otherwise a new one."""
        now_s, params = self._session.now_s, document.params
        attempt, resumed = stored.attempt, True
        if attempt is None or epoch_at(now_s - params.grace_s, params.epoch_length_s) > attempt.last_epoch:
            attempt, resumed = self._new_attempt(stored, document), False
        # On the disk before the first part leaves: after a crash the same request goes on, and is carried out once.
        secret = await self._access.write(partial(_begin_attempt, number=stored.number, attempt=attempt, rng=self._rng))
        key = hashlib.sha256(secret + stored.idempotency_key.encode()).digest()[:REPETITION_KEY_BYTES]
        name = stored.service.partition("@")[0]
        content = request_content(key, stored.body)
        return Question(attempt.request_id, name, attempt.host, content, attempt.last_epoch, resumed)

    def _new_attempt(self, stored: StoredRequest, document: Document) -> Attempt:
        host = self._rng.choice(hosts_of(stored.service, document))
        length_s = document.params.epoch_length_s
        # No further ahead than it has to be: hosts keep less room for what lives longer.
        last_epoch = min(epoch_at(stored.deadline_s, length_s), epoch_at(self._session.now_s, length_s) + 1)
        return Attempt(self._rng.randbytes(REQUEST_ID_BYTES), host.id, last_epoch)

    async def _take(self, one: _Open, outcome: Outcome) -> None:
        match outcome:
            case Done(body):
                await self._end(one, _Ending(RequestState.ANSWERED, answer=body))
            case RequestFailed():
                await self._end(
                    one, _Ending(RequestState.FAILED, problem="the service could not carry out the request")
                )
            case RequestOver():
                # A rest, because a host whose clock is wrong says so at once.
                one.not_before_s = self._session.now_s + ABSENT_S
                await self._access.write(lambda c: requests.forget_attempt(c, one.stored.number))

    def _end(self, one: _Open, ending: _Ending) -> Deferred[None]:
        # First: from here on nothing else may end it.
        self._open.pop(one.stored.number, None)
        if one.exchange is not None:
            self._counts[one.stored.number] = one.exchange.progress
        # What could not be written the last time stays true: an answer that is here neither expires nor is cancelled.
        end = one.ending = one.ending or ending
        if end.state is not RequestState.ANSWERED and end.state is not RequestState.FAILED:
            self._break_off(one)
        number, now_s = one.stored.number, self._session.now_s
        writing = self._access.write(
            lambda c: requests.end(c, number, end.state, answer=end.answer, problem=end.problem, now_s=now_s)
        )
        return shielded(writing.addCallbacks(lambda _: self._news.tell(), self._put_back, errbackArgs=(one,)))

    def _put_back(self, failure: Failure, one: _Open) -> Failure:
        """Keep a request whose end could not be written; it is written after a rest."""
        if not self._stopped:
            one.not_before_s = self._session.now_s + ABSENT_S
            self._open[one.stored.number] = one
        return failure

    def _break_off(self, one: _Open) -> None:
        if one.asking is not None:
            one.asking.cancel()

    def _told(self, stored: StoredRequest) -> PostedRequest:
        one = self._open.get(stored.number)
        exchange = one.exchange if one is not None else None
        progress = exchange.progress if exchange is not None else self._counts.get(stored.number)
        return PostedRequest(
            request_id=stored.request_id,
            service=stored.service,
            length_bytes=stored.length_bytes,
            state=stored.state,
            created_at_s=stored.created_at_s,
            leaves_at_s=stored.leaves_at_s or None,
            deadline_s=stored.deadline_s,
            parts_sent=progress.sent if progress is not None else 0,
            parts=progress.parts if progress is not None else 0,
            parts_received=progress.received if progress is not None else 0,
            answer_parts=progress.answer_parts if progress is not None else 0,
            answer=stored.answer,
            problem=stored.problem,
            ended=stored.ended,
        )


def _keep(connection: Connection, new: RequestToKeep) -> tuple[RequestId, int | None]:
    """Keep a request, unless its key was used before; return its id, and its number if it is new."""
    known = requests.find_by_key(connection, new.idempotency_key)
    if known is not None:
        request_id, digest = known
        if digest != new.digest:
            raise ConflictError("that idempotency key was used for a different request")
        return request_id, None
    count, kept_bytes = requests.size(connection)
    if count >= MAX_KEPT or kept_bytes + len(new.body) > MAX_KEPT_BYTES:
        raise QueueFullError(
            f"{count} requests with {kept_bytes} bytes are kept, at most {MAX_KEPT} with {MAX_KEPT_BYTES}: "
            "forget some that have ended"
        )
    return new.request_id, requests.add(connection, new)


def _begin_attempt(connection: Connection, number: int, attempt: Attempt, rng: Rng) -> bytes:
    """Note an attempt; return the secret of this store that repetition keys are made of."""
    requests.save_attempt(connection, number, attempt)
    secret = contacts.fact(connection, REPETITIONS_FACT)
    if secret is None:
        secret = rng.randbytes(_SECRET_BYTES)
        contacts.save_fact(connection, REPETITIONS_FACT, secret)
    return secret


def _rests(one: _Open, now_s: float) -> bool:
    # A rest that is longer comes from a clock that was set back; the drawn moment counts whatever the clock does.
    return now_s < one.not_before_s <= now_s + ABSENT_S


def _log_failure(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.error("a posted request cannot go on: {reason}", reason=failure.getErrorMessage())
