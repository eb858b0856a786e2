from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.python.failure import Failure

from client.asking.account import ACCOUNT_FACT, AccountOpening
from client.asking.guests import GuestOpening
from client.asking.tokens import TokenWallet
from client.core.settings import TokenWaits
from client.link.registration import Registration
from client.running.recovery import LastRun, Recovery
from client.store import contacts
from loopixmix.errors import StoreError
from tests.worlds.clients.parts import Parts, outcome


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.befriend_bob()
    yield made
    made.close()


def recovery_of(parts: Parts) -> Recovery:
    registration = Registration(parts.session, clock=parts.clock, patience_s=60.0, document_problem=lambda: None)
    wallet = TokenWallet(
        session=parts.session,
        requests=parts.requests,
        access=parts.access,
        waits=TokenWaits(),
        clock=parts.clock,
        rng=parts.rng,
    )
    enrolment = AccountOpening(
        keys=parts.keys,
        session=parts.session,
        registration=registration,
        guests=GuestOpening(session=parts.session, registration=registration, purse=wallet, rng=parts.rng),
        requests=parts.requests,
        access=parts.access,
    )
    return Recovery(
        access=parts.access, session=parts.session, enrolment=enrolment, outbox=parts.outbox, posted=parts.posted
    )


def read(parts: Parts) -> LastRun:
    kept = outcome(recovery_of(parts).read())
    assert isinstance(kept, LastRun)
    return kept


def test_an_empty_store_has_kept_nothing(parts: Parts) -> None:
    kept = read(parts)
    assert (kept.enrolment.account, kept.params, kept.newest_epoch, kept.unfinished) == (None, None, -1, [])
    recovery_of(parts).restore(kept)
    assert parts.session.account is None


def test_the_account_and_the_network_are_known_again(parts: Parts) -> None:
    recovery_of(parts).save_network(parts.document)
    account = msgspec.msgpack.encode(parts.account)
    parts.store.write(lambda c: contacts.save_fact(c, ACCOUNT_FACT, account))
    recovery_of(parts).restore(read(parts))
    assert parts.session.account == parts.account
    assert parts.known.params == parts.document.params
    # Figures are enough to take messages; only a document tells where to send them.
    assert parts.session.registered().account == parts.account
    assert parts.known.document is None
    assert not parts.known.accepts(msgspec.structs.replace(parts.document, epoch=parts.document.epoch - 1))


def test_messages_are_on_their_way_again(parts: Parts) -> None:
    parts.go_online()
    parts.post(bytes(4000), key="1")
    parts.post(b"who am I?", key="2", anonymous=True)
    recovery_of(parts).restore(read(parts))
    assert parts.outbox.queued_messages == 2
    parts.outbox.release()
    assert parts.send_next() is not None


def test_a_store_that_cannot_be_read_is_told(parts: Parts) -> None:
    parts.store.failing = True
    failure = outcome(recovery_of(parts).read())
    assert isinstance(failure, Failure)
    assert failure.check(StoreError)


def test_a_network_that_cannot_be_saved_is_no_reason_to_stop(parts: Parts) -> None:
    parts.store.failing = True
    recovery_of(parts).save_network(parts.document)
    parts.store.failing = False
    assert read(parts).params is None
