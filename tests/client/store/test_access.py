"""The store as the parts of a client see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.store import ClientStore
from client.store.access import StoreAccess
from client.store.contacts import fact, save_fact
from client.store.worker import InlineWorker
from loopixmix.errors import StoreError


@pytest.fixture
def store() -> Iterator[ClientStore]:
    made = ClientStore(None)
    yield made
    made.close()


@pytest.fixture
def access(store: ClientStore) -> StoreAccess:
    return StoreAccess(store, InlineWorker())


def result_of(deferred: Deferred[object]) -> object:
    results: list[object] = []
    deferred.addBoth(results.append)
    [result] = results
    return result


def test_what_was_written_can_be_read(access: StoreAccess) -> None:
    assert result_of(access.write(lambda c: save_fact(c, "colour", b"red"))) is None
    assert result_of(access.read(lambda c: fact(c, "colour"))) == b"red"


def test_a_fact_is_written_in_place_of_the_older_one(access: StoreAccess) -> None:
    for value in (b"red", b"blue"):
        access.write(lambda c, value=value: save_fact(c, "colour", value))
    assert result_of(access.read(lambda c: fact(c, "colour"))) == b"blue"


def test_work_that_fails_leaves_nothing_behind(access: StoreAccess) -> None:
    def fail(connection: Connection) -> None:
        save_fact(connection, "colour", b"red")
        raise LookupError

    failures: list[object] = []
    access.write(fail).addErrback(lambda failure: failures.append(failure.type))
    assert failures == [LookupError]
    assert result_of(access.read(lambda c: fact(c, "colour"))) is None


def test_what_the_database_refuses_is_told_without_the_statement(access: StoreAccess) -> None:
    failures: list[object] = []
    access.write(lambda c: c.exec_driver_sql("INSERT INTO nowhere VALUES ('secret')")).addErrback(
        lambda failure: failures.append(failure.value)
    )
    [error] = failures
    assert isinstance(error, StoreError)
    assert "no such table" in str(error)
    assert "secret" not in str(error)


def test_work_may_use_the_store_in_several_transactions(access: StoreAccess) -> None:
    def both(store: ClientStore) -> bytes | None:
        store.write(lambda c: save_fact(c, "colour", b"red"))
        return store.write(lambda c: fact(c, "colour"))

    assert result_of(access.use(both)) == b"red"


def test_a_turn_comes_after_everything_before_whether_or_not_it_worked(access: StoreAccess) -> None:
    order: list[str] = []
    access.write(lambda c: c.exec_driver_sql("nonsense")).addErrback(lambda _: order.append("failed"))
    access.turn().addCallback(lambda _: order.append("turn"))
    stopping = Deferred.fromCoroutine(access.stop())
    stopping.addCallback(lambda _: order.append("stopped"))
    assert order == ["failed", "turn", "stopped"]
