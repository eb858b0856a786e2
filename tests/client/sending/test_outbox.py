"""The outbox without a network: every step of a message, made by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType

import msgspec
import pytest

from client.api import MessageState, StateChange
from client.core.delivery import Stage
from client.sending.outbox import ABSENT_S
from client.store import outgoing
from tests.worlds.clients.parts import BOB, Parts, fragments_in

LONG = bytes(4000)
"""Takes three packets."""


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


def history(parts: Parts, message_id: str) -> tuple[StateChange, ...]:
    found = parts.store.write(lambda c: outgoing.outgoing_message(c, message_id))
    assert found is not None
    return found[1].history


def states(parts: Parts, message_id: str) -> list[MessageState]:
    return [change.state for change in history(parts, message_id)]


def acknowledge(parts: Parts, *, all_of: int) -> None:
    """Let the answers to the first `all_of` packets come, in the order in which these left."""
    surb_ids = list(parts.expectations._expected)[:all_of]
    for surb_id in surb_ids:
        expected = parts.expectations.find(surb_id)
        assert expected is not None
        if expected.purpose.on_answer(b"", parts.now_s):
            parts.expectations.settle(surb_id)


def pass_overdue(parts: Parts, span_s: float) -> None:
    parts.clock.advance(span_s)
    for purpose in parts.expectations.overdue(parts.now_s):
        purpose.on_overdue(parts.now_s)


def test_a_message_is_sent_acknowledged_and_forgotten(parts: Parts) -> None:
    message_id = parts.dispatch(LONG)
    assert (parts.outbox.queued_messages, parts.outbox.queued_fragments) == (1, 3)
    packets = [parts.send_next() for _ in range(4)]
    assert [packet is not None for packet in packets] == [True, True, True, False]
    assert len(set(packets)) == 4
    acknowledge(parts, all_of=2)
    assert parts.outbox.queued_fragments == 1
    acknowledge(parts, all_of=1)
    assert (parts.outbox.queued_messages, parts.outbox.queued_fragments) == (0, 0)
    parts.ledger.flush_soon()
    assert states(parts, message_id) == [MessageState.QUEUED, MessageState.SENDING, MessageState.STORED]
    assert fragments_in(parts.store) == []


def test_a_fragment_is_sent_again_when_its_acknowledgement_is_overdue(parts: Parts) -> None:
    message_id = parts.dispatch(b"short")
    parts.send_next()
    assert parts.send_next() is None
    pass_overdue(parts, 1.5 * parts.known.policy.first_s)
    assert parts.send_next() is not None
    parts.ledger.flush_soon()
    assert states(parts, message_id)[-1] is MessageState.RETRYING
    # The first packet's acknowledgement comes late, and counts.
    acknowledge(parts, all_of=1)
    assert parts.outbox.queued_messages == 0


def test_an_acknowledgement_that_comes_while_the_fragment_waits_again_takes_it_out(parts: Parts) -> None:
    parts.dispatch(b"short")
    parts.dispatch(b"another", key="2")
    parts.send_next()
    parts.send_next()
    pass_overdue(parts, 1.5 * parts.known.policy.first_s)
    acknowledge(parts, all_of=2)
    assert parts.send_next() is None
    assert parts.outbox.queued_messages == 0


def test_a_fragment_that_did_not_leave_takes_its_turn_again(parts: Parts) -> None:
    parts.dispatch(b"short")
    job, maker = parts.queue.next(), parts.session.maker()
    assert job is not None
    assert maker is not None
    assert job.make(maker, parts.now_s) is not None
    job.on_unsent()
    assert parts.send_next() is not None


def test_where_a_fragment_is_can_be_told_at_each_step(parts: Parts) -> None:
    posted = parts.post(b"short")
    assert posted.new is not None
    parts.outbox.add(posted.new)
    delivery = parts.outbox.delivery(posted.new.row)
    assert delivery is not None
    assert delivery.stage(0) is Stage.HELD
    parts.outbox.release()
    assert delivery.stage(0) is Stage.READY  # read ahead of its turn
    parts.send_next()
    assert delivery.stage(0) is Stage.SENT
    pass_overdue(parts, 1.5 * parts.known.policy.first_s)
    assert delivery.stage(0) is Stage.READY
    acknowledge(parts, all_of=1)
    assert delivery.stage(0) is None
    assert parts.outbox.delivery(posted.new.row) is None


def test_nothing_is_released_before_its_time(parts: Parts) -> None:
    posted = parts.post(b"later")
    assert posted.new is not None
    parts.outbox.add(msgspec.structs.replace(posted.new, not_before_s=parts.now_s + 10))
    parts.outbox.release()
    assert parts.send_next() is None
    parts.clock.advance(10)
    parts.outbox.release()
    assert parts.send_next() is not None


def test_a_fragment_rests_while_its_provider_is_away(parts: Parts) -> None:
    parts.dispatch(b"short")
    others = tuple(node for node in parts.document.nodes if node.name != "provider2")
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=others))
    assert parts.send_next() is None
    parts.session.adopt(parts.document)
    parts.outbox.release()
    assert parts.send_next() is None
    parts.clock.advance(ABSENT_S)
    parts.outbox.release()
    assert parts.send_next() is not None


def test_a_store_that_cannot_be_read_is_asked_again(parts: Parts) -> None:
    posted = parts.post(b"short")
    assert posted.new is not None
    parts.outbox.add(posted.new)
    parts.store.failing = True
    parts.outbox.release()
    assert parts.send_next() is None
    parts.store.failing = False
    assert parts.send_next() is None  # at this payload it is read
    assert parts.send_next() is not None


def test_a_message_that_waits_too_long_is_given_up(parts: Parts) -> None:
    message_id = parts.dispatch(b"short")
    parts.send_next()
    parts.clock.advance(parts.settings.give_up_s)
    parts.renew_document()
    parts.outbox.give_up()
    parts.ledger.flush_soon()
    last = history(parts, message_id)[-1]
    assert (last.state, last.detail) == (
        MessageState.FAILED,
        "given up: 0 of 1 fragments were acknowledged in time",
    )
    assert parts.outbox.queued_messages == 0
    assert fragments_in(parts.store) == []


def test_a_receipt_counts_for_all_fragments(parts: Parts) -> None:
    posted = parts.post(LONG)
    assert posted.new is not None
    parts.outbox.add(posted.new)
    parts.outbox.release()
    parts.send_next()
    parts.outbox.on_receipts([posted.new.row])
    assert parts.outbox.queued_messages == 0
    assert parts.send_next() is None
    assert states(parts, posted.message_id)[-1] is MessageState.RECEIVED


def test_a_draft_is_sealed_when_it_is_released_and_once(parts: Parts) -> None:
    parts.dispatch(b"who am I?", anonymous=True)
    count = parts.outbox.queued_fragments
    assert count == len(fragments_in(parts.store)) > 1
    parts.outbox.release()
    assert len(fragments_in(parts.store)) == count
    assert [parts.send_next() is not None for _ in range(count + 1)] == [True] * count + [False]


def test_a_draft_waits_for_its_recipients_provider(parts: Parts) -> None:
    posted = parts.post(b"who am I?", anonymous=True)
    assert posted.new is not None
    parts.outbox.add(posted.new)
    others = tuple(node for node in parts.document.nodes if node.name != "provider2")
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=others))
    parts.outbox.release()
    assert fragments_in(parts.store) == []
    parts.session.adopt(parts.document)
    parts.clock.advance(ABSENT_S)
    parts.outbox.release()
    assert len(fragments_in(parts.store)) > 1


def test_what_is_taken_up_from_the_store_is_sent(parts: Parts) -> None:
    """A crash between sending and noting it: the fragment leaves once more."""
    parts.post(LONG, to=BOB)
    [stored] = parts.store.write(outgoing.unfinished)
    parts.outbox.add(stored)
    parts.outbox.release()
    assert [parts.send_next() is not None for _ in range(4)] == [True, True, True, False]


def test_messages_that_hold_nothing_cost_a_new_one_nothing(parts: Parts) -> None:
    """Each new message lets go what waits: with ten thousand on their way that must not go through all of them."""
    for number in range(200):
        parts.dispatch(b"short", key=str(number))
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    parts.outbox.release()
    sys.setprofile(count)
    try:
        parts.outbox.release()
    finally:
        sys.setprofile(None)
    assert calls < 100
    assert parts.outbox.queued_messages == 200


def test_what_was_not_stored_by_its_deadline_fails_and_does_not_leave(parts: Parts) -> None:
    message_id = parts.dispatch(LONG, deadline_s=parts.now_s + 10)
    parts.send_next()
    parts.clock.advance(10)
    # The round that gives messages up has not come yet.
    assert parts.send_next() is None
    parts.ledger.flush_soon()
    last = history(parts, message_id)[-1]
    assert (last.state, last.detail) == (
        MessageState.FAILED,
        "its deadline passed: 0 of 3 fragments were acknowledged in time",
    )
    acknowledge(parts, all_of=1)
    parts.clock.advance(-10)
    assert parts.send_next() is None
    assert states(parts, message_id)[-1] is MessageState.FAILED


def test_a_deadline_is_kept_over_a_restart(parts: Parts) -> None:
    posted = parts.post(b"short", deadline_s=parts.now_s + 10)
    [stored] = parts.store.write(outgoing.unfinished)
    assert stored.deadline_s == stored.give_up_at_s == parts.now_s + 10
    parts.clock.advance(11)
    parts.outbox.add(stored)
    parts.outbox.give_up()
    parts.ledger.flush_soon()
    assert history(parts, posted.message_id)[-1].detail == "its deadline passed before any of it had left"
    assert parts.store.write(outgoing.unfinished) == []


def test_a_far_deadline_does_not_make_it_try_longer_than_it_would(parts: Parts) -> None:
    posted = parts.post(b"short", deadline_s=parts.now_s + 30 * parts.settings.give_up_s)
    assert posted.new is not None
    assert posted.new.give_up_at_s == parts.now_s + parts.settings.give_up_s


def test_the_drawn_moment_is_kept_over_a_restart(parts: Parts) -> None:
    posted = parts.post(b"short", not_before_s=parts.now_s + 1000, deadline_s=parts.now_s + 9000)
    [stored] = parts.store.write(outgoing.unfinished)
    assert posted.new is not None
    assert stored.not_before_s == posted.new.not_before_s > parts.now_s + 1000
    parts.outbox.add(stored)
    parts.clock.advance(stored.not_before_s - parts.now_s - 1)
    parts.outbox.release()
    assert parts.send_next() is None
    parts.clock.advance(1)
    parts.outbox.release()
    assert parts.send_next() is not None


def test_a_message_whose_time_had_come_waits_again_if_the_clock_is_set_back(parts: Parts) -> None:
    parts.dispatch(b"short", not_before_s=parts.now_s + 100)
    parts.clock.advance(100)
    parts.outbox.release()
    parts.clock.advance(-50)
    assert parts.send_next() is None
    parts.outbox.release()
    assert parts.send_next() is None
    parts.clock.advance(50)
    parts.outbox.release()
    assert parts.send_next() is not None


def test_a_clock_that_is_set_back_holds_up_no_message_without_a_time(parts: Parts) -> None:
    parts.post(b"short")
    [stored] = parts.store.write(outgoing.unfinished)
    parts.clock.advance(-3600)
    parts.outbox.add(stored)
    parts.outbox.release()
    assert parts.send_next() is not None


def test_a_message_that_is_half_sent_can_be_cancelled(parts: Parts) -> None:
    posted = parts.post(LONG)
    assert posted.new is not None
    parts.outbox.add(posted.new)
    parts.outbox.release()
    parts.send_next()
    assert parts.outbox.cancel(posted.new.row)
    assert parts.send_next() is None
    parts.ledger.flush_soon()
    last = history(parts, posted.message_id)[-1]
    assert last.detail == "1 of 3 fragments had left and cannot be recalled"
    assert fragments_in(parts.store) == []
    acknowledge(parts, all_of=1)
    pass_overdue(parts, 1e6)
    assert parts.send_next() is None
    assert states(parts, posted.message_id)[-1] is MessageState.CANCELLED


def test_answers_for_a_deleted_message_do_not_count_for_the_one_in_its_row(parts: Parts) -> None:
    posted = parts.post(b"first")
    assert posted.new is not None
    parts.outbox.add(posted.new)
    parts.outbox.release()
    parts.send_next()
    parts.outbox.cancel(posted.new.row)
    parts.ledger.flush_soon()
    assert parts.store.write(lambda c: outgoing.delete_ended(c, posted.message_id)) is True
    second = parts.post(b"second", key="2")
    assert second.new is not None
    assert second.new.row == posted.new.row
    parts.outbox.add(second.new)
    acknowledge(parts, all_of=1)
    pass_overdue(parts, 100)
    parts.outbox.release()
    delivery = parts.outbox.delivery(second.new.row)
    assert delivery is not None
    assert delivery.acknowledged == 0
    assert parts.send_next() is not None
