"""Carries out complete requests to one service: in turn, once, and with the answer on the disk before it leaves."""

from __future__ import annotations

from functools import partial

import msgspec
from cryptography.exceptions import InvalidTag
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.errors import StoreError
from loopixmix.requests.parts import RequestHead
from loopixmix.routing.path import service_id
from loopixmix.seams import Clock, DelayedCall
from provider.hosting.asker import Asker, NotAskedError
from provider.hosting.asking.seats import Seats
from provider.hosting.asking.turns import Turns
from provider.hosting.memory import RequestMemory, open_answer, seal_answer
from provider.hosting.times import RequestTimes
from provider.store.requests import Begun, NewRequest

WRITE_AGAIN_S = 5.0
"""An answer that could not be written is written again so much later. Until then it does not leave."""

log = Logger()


class CompleteRequest(msgspec.Struct, frozen=True, gc=False):
    """A request whose parts have come. `name`: the one that it is kept under."""

    name: bytes
    head: RequestHead
    repetition_key: bytes
    body: bytes


class Carrying:
    """The complete requests to one service."""

    def __init__(self, asker: Asker, turns: Turns, *, memory: RequestMemory, clock: Clock) -> None:
        """`asker`, `turns`: the service, and when it may be asked. `memory`: what was carried out before."""
        self._asker = asker
        self._id = service_id(asker.name)
        self._turns = turns
        at_once, queue = asker.declaration.at_once, asker.declaration.queue
        # As many again as are asked may be written down ahead, if they may wait. Otherwise the disk would keep places
        # of the service, and a slow one would halve how many requests it gets.
        ahead = min(at_once, queue)
        self._beginning = Seats(most=at_once + ahead, queue=queue - ahead)
        self._memory = memory
        self._keeps = not asker.declaration.recognises_repetition
        self._clock = clock
        self._times: RequestTimes | None = None
        self._writing_again: set[DelayedCall] = set()
        self._stopped = False
        self.refused = 0

    @property
    def waiting(self) -> int:
        """How many requests wait, beside those that wait for nothing but the service."""
        return self._beginning.waiting

    def adopt(self, times: RequestTimes) -> None:
        """Judge by these times what is over."""
        self._times = times

    def stop(self) -> None:
        """Break off all; no call is left, and no answer is written any more.

        What was written down and not asked is forgotten: at once if it waits for the service, which `Turns.stop` tells,
        and once the disk has answered if it is being written down.
        """
        self._stopped = True
        self._beginning.clear()
        for call in self._writing_again:
            call.cancel()
        self._writing_again.clear()

    def has_erased(self, last_epoch: int) -> bool:
        """Tell whether requests with this last epoch were erased, so that none can be carried out only once."""
        return self._keeps and last_epoch <= self._memory.erased_through

    def carry_out(self, request: CompleteRequest) -> Deferred[bytes | None]:
        """Return the answer to a request, or None if it has failed, also if that was found out before.

        Fails with `NotAskedError` if it is not carried out now, and with `StoreError`.
        """
        done: Deferred[bytes | None] = Deferred()
        if self._beginning.is_free or not self._keeps:
            self._enter(request, done)
        else:
            # What is kept is answered also while the service is busy. With a place for it, beginning finds it as well.
            self._memory.find(request.name).addCallbacks(partial(self._found, request, done), done.errback)
        return done

    def known(self, name: bytes, head: RequestHead) -> Deferred[tuple[Begun, bytes | None]]:
        """Return what is kept of a request that is not complete here."""
        return self._memory.find(name).addCallback(partial(self._opened, head))

    def _opened(self, head: RequestHead, found: tuple[Begun, bytes]) -> tuple[Begun, bytes | None]:
        begun, sealed = found
        if begun is not Begun.ANSWERED:
            return begun, None
        try:
            return begun, open_answer(head.seal_key(self._id), sealed)
        except InvalidTag as error:
            raise StoreError("a kept answer was changed on the disk") from error

    def _found(self, request: CompleteRequest, done: Deferred[bytes | None], found: tuple[Begun, bytes]) -> None:
        if found[0] is Begun.ANSWERED:
            self._settle(request, done, found)
        else:
            # Also what was begun before: a reading overtakes changes, and this one may be about to be forgotten because
            # the service was not asked. To begin it comes after them.
            self._enter(request, done)

    def _settle(self, request: CompleteRequest, done: Deferred[bytes | None], found: tuple[Begun, bytes]) -> None:
        try:
            _, answer = self._opened(request.head, found)
        except StoreError:
            done.errback()
        else:
            done.callback(answer)

    def _enter(self, request: CompleteRequest, done: Deferred[bytes | None]) -> None:
        if self._stopped or not self._beginning.enter(partial(self._begin, request, done), partial(self._refuse, done)):
            self._refuse(done)

    def _refuse(self, done: Deferred[bytes | None]) -> None:
        done.errback(NotAskedError(f"{self._asker.name} has too many requests, or is stopped"))

    def _begin(self, request: CompleteRequest, done: Deferred[bytes | None]) -> None:
        now_s, times = self._clock.seconds(), self._times
        if times is None or times.is_over(request.head.last_epoch, now_s):
            # It waited too long.
            self._leave_unasked(done)
        elif self._keeps:
            new = NewRequest(
                request.name,
                self._asker.name,
                request.head.last_epoch,
                self._memory.has_room(
                    self._asker.name,
                    request.head.last_epoch,
                    present=times.present(now_s),
                    bound_bytes=self._asker.declaration.kept_bytes,
                ),
            )
            beginning = self._memory.begin(new)
            beginning.addCallbacks(partial(self._begun, request, done), partial(self._leave_failed, done))
        else:
            self._enter_service(request, done)

    def _begun(self, request: CompleteRequest, done: Deferred[bytes | None], begun: Begun) -> None:
        match begun:
            case Begun.NOW:
                self._enter_service(request, done)
            case Begun.REFUSED:
                self.refused += 1
                self._leave_unasked(done)
            case Begun.BEFORE:
                # Before the provider was started again: it may have been carried out, so it has failed for good.
                self._beginning.leave()
                done.callback(None)
            case Begun.ANSWERED:
                self._beginning.leave()
                self._memory.find(request.name).addCallbacks(partial(self._settle, request, done), done.errback)

    def _enter_service(self, request: CompleteRequest, done: Deferred[bytes | None]) -> None:
        dropped = partial(self._dropped, request, done)
        # Requests of version 1 may have taken the queue.
        if self._stopped or not self._turns.seats.enter(partial(self._ask, request, done), dropped):
            dropped()

    def _dropped(self, request: CompleteRequest, done: Deferred[bytes | None]) -> None:
        error = NotAskedError(f"{self._asker.name} has too many requests, or is stopped")
        self._not_asked(request, done, Failure(error))  # type: ignore[no-untyped-call]

    def _ask(self, request: CompleteRequest, done: Deferred[bytes | None]) -> None:
        asking = self._turns.ask(request.repetition_key, request.body)
        asking.addBoth(self._leave_service)
        asking.addCallbacks(partial(self._answered, request, done), partial(self._not_asked, request, done))

    def _leave_service(self, result: bytes | Failure | None) -> bytes | Failure | None:
        self._turns.seats.leave()
        return result

    def _not_asked(self, request: CompleteRequest, done: Deferred[bytes | None], failure: Failure) -> None:
        if self._keeps:
            self._memory.forget(request.head, request.name, self._asker.name)
        self._leave_failed(done, failure)

    def _answered(self, request: CompleteRequest, done: Deferred[bytes | None], answer: bytes | None) -> None:
        if self._stopped:
            # A request that was broken off has failed only after a start; until then nothing is known of it.
            self._leave_unasked(done)
        elif self._keeps:
            self._beginning.leave()
            self._keep(request, done, answer, seal_answer(request.head.seal_key(self._id), answer))
        else:
            self._beginning.leave()
            done.callback(answer)

    def _keep(
        self, request: CompleteRequest, done: Deferred[bytes | None], answer: bytes | None, sealed: bytes
    ) -> None:
        def kept(_: None) -> None:
            self._memory.note_kept(request.head, self._asker.name, len(sealed))
            done.callback(answer)

        def failed(failure: Failure) -> None:
            if self._stopped:
                done.errback(failure)
                return
            call = self._clock.callLater(WRITE_AGAIN_S, write_again)
            self._writing_again.add(call)
            calls.append(call)

        def write_again() -> None:
            self._writing_again.discard(calls.pop())
            self._keep(request, done, answer, sealed)

        calls: list[DelayedCall] = []
        self._memory.keep(request.name, sealed).addCallbacks(kept, failed)

    def _leave_unasked(self, done: Deferred[bytes | None]) -> None:
        self._beginning.leave()
        done.errback(NotAskedError(f"{self._asker.name} was not asked"))

    def _leave_failed(self, done: Deferred[bytes | None], failure: Failure) -> None:
        self._beginning.leave()
        done.errback(failure)
