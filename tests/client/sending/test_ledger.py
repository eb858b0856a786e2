from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.python.failure import Failure

from client.api import MessageState, StateChange
from client.sending.ledger import Ledger
from client.store import outgoing
from loopixmix.errors import StoreError
from tests.worlds.clients.parts import Parts, fragments_in, outcome
from tests.worlds.clients.world import ordered_on_clock


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


@pytest.fixture
def row(parts: Parts) -> int:
    posted = parts.post(bytes(4000))
    assert posted.new is not None
    return posted.new.row


def saved(parts: Parts) -> tuple[str, int, int]:
    query = "SELECT state, sent, acknowledged FROM messages"
    state, sent, acknowledged = parts.store.write(lambda c: c.exec_driver_sql(query).one())
    return str(state), int(sent), int(acknowledged)


def test_counts_wait_for_something_that_matters(parts: Parts, row: int) -> None:
    parts.ledger.count(row, sent=1, acknowledged=0)
    parts.ledger.flush_soon()
    assert saved(parts) == ("queued", 0, 0)
    parts.ledger.change(row, StateChange(parts.now_s, MessageState.SENDING))
    parts.ledger.flush_soon()
    assert saved(parts) == ("sending", 1, 0)


def test_news_are_told_of_state_changes_once_they_are_written(parts: Parts, row: int) -> None:
    parts.ledger.done(row, 0)
    parts.ledger.flush_soon()
    assert parts.told == 0
    parts.ledger.change(row, StateChange(parts.now_s, MessageState.SENDING))
    assert parts.told == 0
    parts.ledger.flush_soon()
    assert parts.told == 1


def test_a_fragment_that_is_done_leaves_the_store(parts: Parts, row: int) -> None:
    parts.ledger.done(row, 1)
    assert outcome(parts.ledger.flush_if_needed()) is None
    assert fragments_in(parts.store) == [(row, 0), (row, 2)]


def test_a_message_that_ends_leaves_nothing_to_send(parts: Parts, row: int) -> None:
    parts.ledger.end(row, parts.now_s)
    parts.ledger.stop()
    assert fragments_in(parts.store) == []
    assert parts.store.write(outgoing.unfinished) == []


def test_notes_are_kept_in_their_order_while_the_store_fails(parts: Parts, row: int) -> None:
    parts.store.failing = True
    parts.ledger.count(row, sent=1, acknowledged=0)
    parts.ledger.change(row, StateChange(parts.now_s, MessageState.SENDING))
    failure = outcome(parts.ledger.flush())
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, StoreError)
    assert "disk is full" in (parts.ledger.problem or "")
    parts.ledger.count(row, sent=2, acknowledged=1)
    parts.ledger.done(row, 0)
    parts.ledger.change(row, StateChange(parts.now_s + 1, MessageState.RETRYING))
    parts.ledger.flush_soon()
    assert parts.told == 0
    parts.store.failing = False
    parts.ledger.flush_soon()
    assert saved(parts) == ("retrying", 2, 1)
    assert parts.ledger.problem is None
    assert fragments_in(parts.store) == [(row, 1), (row, 2)]
    numbered = parts.store.write(lambda c: outgoing.changes_after(c, after=0, limit=10))
    assert [change.state for change in numbered] == [MessageState.QUEUED, MessageState.SENDING, MessageState.RETRYING]


def test_with_nothing_to_write_a_flush_waits_for_its_turn_only(parts: Parts) -> None:
    parts.store.failing = True
    assert outcome(parts.ledger.flush_if_needed()) is None


def test_notes_that_could_not_be_written_come_before_those_made_meanwhile(parts: Parts, row: int) -> None:
    ledger = Ledger(ordered_on_clock(parts.store, clock=parts.clock, batch_s=0.01), parts.news)
    ledger.change(row, StateChange(parts.now_s, MessageState.SENDING))
    ledger.flush_soon()
    ledger.change(row, StateChange(parts.now_s + 1, MessageState.STORED))
    parts.store.failing = True
    parts.clock.advance(0.01)
    parts.store.failing = False
    ledger.stop()
    parts.clock.advance(0.01)
    assert saved(parts)[0] == "stored"
    numbered = parts.store.write(lambda c: outgoing.changes_after(c, after=0, limit=10))
    assert [change.state for change in numbered] == [MessageState.QUEUED, MessageState.SENDING, MessageState.STORED]
