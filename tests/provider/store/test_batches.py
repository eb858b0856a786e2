"""Items that come together are stored together, and one bad change harms none of them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from loopixmix.errors import StoreError
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import MailboxRules
from provider.store import MailStore, sqlite_url
from provider.store.access import MailAccess, clocked_access, threaded_access
from provider.store.accounts import Application, register
from provider.store.items import PutOutcome
from tests.worlds.mailboxes.mailstores import ALICE, NOBODY, figures, message
from tests.worlds.networks.reactor_threads import ReactorThread


def result_of(deferred: Deferred[PutOutcome]) -> list[PutOutcome]:
    results: list[PutOutcome] = []
    deferred.addCallback(results.append)
    return results


def open_alice(connection: Connection) -> None:
    application = Application(name="alice", identity=ALICE, card=b"", invitation_hash=b"", first_number=1, day=1)
    register(connection, application, RegistrationRules(mode=RegistrationMode.OPEN))


def break_something(connection: Connection) -> None:
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(store: MailStore, clock: Clock) -> MailAccess:
    return clocked_access(store, MailboxRules(quota_items=2), clock=clock, write_s=0.01, read_s=0.0)


def test_what_comes_within_one_commit_is_committed_together(access: MailAccess, clock: Clock) -> None:
    access.write(open_alice)
    outcomes = [result_of(access.put(message(recipient))) for recipient in (ALICE, NOBODY, ALICE, ALICE)]
    assert access.waiting == 5
    assert outcomes == [[]] * 4
    clock.advance(0.01)
    assert outcomes == [
        [PutOutcome.STORED],
        [PutOutcome.UNKNOWN_RECIPIENT],
        [PutOutcome.STORED],
        [PutOutcome.MAILBOX_FULL],
    ]
    assert access.waiting == 0
    assert clock.getDelayedCalls() == []


def test_one_bad_job_harms_no_other(access: MailAccess, clock: Clock, store: MailStore) -> None:
    failures: list[object] = []
    before = result_of(access.put(message(NOBODY)))
    access.write(break_something).addErrback(lambda failure: failures.append(failure.type))
    after = result_of(access.put(message(NOBODY)))
    clock.advance(0.01)
    assert failures == [StoreError]
    assert before == after == [PutOutcome.UNKNOWN_RECIPIENT]


def test_stopping_finishes_what_was_submitted_and_refuses_more(access: MailAccess, clock: Clock) -> None:
    stored = result_of(access.put(message(NOBODY)))
    Deferred.fromCoroutine(access.stop())
    assert stored == [PutOutcome.UNKNOWN_RECIPIENT]
    failures: list[object] = []
    access.put(message(NOBODY)).addErrback(lambda failure: failures.append(failure.type))
    assert failures == [StoreError]
    assert clock.getDelayedCalls() == []


def test_threads_store_everything_in_order_and_stop(tmp_path: Path) -> None:
    reactor = ReactorThread()
    store = MailStore(sqlite_url(tmp_path / "mail.sqlite3"))
    access = threaded_access(store, MailboxRules(), call_on_reactor=reactor.call)
    access.write(open_alice)
    outcomes = [result_of(access.put(message(ALICE, b"%d" % n))) for n in range(2000)]
    failures: list[object] = []
    access.write(break_something).addErrback(lambda failure: failures.append(failure.type))
    reactor.run_until(lambda: all(outcomes) and bool(failures))
    counted: list[int] = []
    access.read(figures).addCallback(lambda found: counted.append(found.items))
    stopped: list[None] = []
    Deferred.fromCoroutine(access.stop()).addCallback(stopped.append)
    reactor.run_until(lambda: bool(stopped))
    assert counted == [2000]
    assert failures == [StoreError]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("store")]
