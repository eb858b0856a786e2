from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from client.api import MessageState, NotRegisteredError, UnknownMessageError
from client.core.health import LoopHealth
from client.sending.dispatch import Dispatch
from client.sending.forecast import Forecast
from client.sending.letters import Letter
from loopixmix.errors import StoreError
from loopixmix.store.access import StoreAccess
from tests.worlds.clients.parts import BOB, Parts, outcome
from tests.worlds.clients.world import ordered_on_clock


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.befriend_bob()
    yield made
    made.close()


def dispatch_of(parts: Parts, access: StoreAccess | None = None) -> Dispatch:
    return Dispatch(
        session=parts.session,
        poster=parts.poster,
        access=access or parts.access,
        outbox=parts.outbox,
        forecast=Forecast(session=parts.session, queue=parts.queue, outbox=parts.outbox, health=LoopHealth()),
        news=parts.news,
    )


def letter(body: bytes = b"hello", key: str = "1") -> Letter:
    return Letter(to=BOB, kind="text", body=body, idempotency_key=key, anonymous=False)


def test_a_message_is_stored_told_of_and_on_its_way(parts: Parts) -> None:
    parts.go_online()
    dispatch = dispatch_of(parts)
    message_id = outcome(Deferred.fromCoroutine(dispatch.send(letter())))
    assert isinstance(message_id, str)
    assert parts.told == 1
    assert parts.send_next() is not None
    message = outcome(Deferred.fromCoroutine(dispatch.message(message_id)))
    assert not isinstance(message, Failure)
    # The counts are those of this moment: the store hears of them later.
    assert (message.fragments_sent, message.fragments_acknowledged) == (1, 0)
    assert message.history[0].state is MessageState.QUEUED


def test_the_same_call_again_is_no_news(parts: Parts) -> None:
    parts.go_online()
    dispatch = dispatch_of(parts)
    ids = [outcome(Deferred.fromCoroutine(dispatch.send(letter()))) for _ in range(2)]
    assert ids[0] == ids[1]
    assert (parts.told, parts.outbox.queued_messages) == (1, 1)


def test_a_caller_who_goes_away_does_not_keep_a_stored_message_from_being_sent(parts: Parts) -> None:
    parts.go_online()
    access = ordered_on_clock(parts.store, clock=parts.clock, batch_s=0.01)
    sending = Deferred.fromCoroutine(dispatch_of(parts, access).send(letter()))
    sending.cancel()
    failure = outcome(sending)
    assert isinstance(failure, Failure)
    assert failure.check(CancelledError)
    assert parts.outbox.queued_messages == 0
    parts.clock.advance(0.01)
    assert parts.outbox.queued_messages == 1


def test_without_an_account_nothing_is_taken(parts: Parts) -> None:
    failure = outcome(Deferred.fromCoroutine(dispatch_of(parts).send(letter())))
    assert isinstance(failure, Failure)
    assert failure.check(NotRegisteredError)


def test_what_cannot_be_stored_is_not_sent(parts: Parts) -> None:
    parts.go_online()
    parts.store.failing = True
    failure = outcome(Deferred.fromCoroutine(dispatch_of(parts).send(letter())))
    assert isinstance(failure, Failure)
    assert failure.check(StoreError)
    assert parts.outbox.queued_messages == 0


def test_a_message_that_is_not_there(parts: Parts) -> None:
    failure = outcome(Deferred.fromCoroutine(dispatch_of(parts).message("00")))
    assert isinstance(failure, Failure)
    assert failure.check(UnknownMessageError)
