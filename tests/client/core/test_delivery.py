from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.api import MessageState
from client.core.delivery import FINISHED, MOVES, TRANSITIONS, Delivery, Event, Stage, next_state
from loopixmix.errors import MisuseError


def delivery(fragments: int = 3, *, state: MessageState = MessageState.QUEUED, sent: int = 0) -> Delivery:
    return Delivery(fragments=fragments, unacknowledged=range(fragments), state=state, sent=sent)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(MessageState, Event)))
def test_the_table_is_the_whole_truth(state: MessageState, event: Event) -> None:
    if event in TRANSITIONS[state]:
        assert next_state(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(MisuseError, match=event.name):
            next_state(state, event)


def test_only_a_receipt_changes_a_finished_message() -> None:
    assert all(set(TRANSITIONS[state]) == {Event.RECEIPT} for state in FINISHED)


def test_a_message_goes_from_queued_to_stored() -> None:
    message = delivery(2)
    change = message.on_sent(0, 1.0)
    assert change is not None
    assert (change.at_s, change.state) == (1.0, MessageState.SENDING)
    assert message.on_sent(1, 2.0) is None
    assert (message.sent, message.acknowledged) == (2, 0)
    assert message.on_acknowledged(1, 3.0) is None
    assert not message.is_waiting_for(1)
    stored = message.on_acknowledged(0, 4.0)
    assert stored is not None
    assert stored.state is MessageState.STORED
    assert (message.sent, message.acknowledged) == (2, 2)


def test_an_overdue_fragment_makes_it_retry_until_the_next_acknowledgement() -> None:
    message = delivery(2)
    message.on_sent(0, 1.0)
    message.on_sent(1, 1.0)
    change = message.on_overdue(0, 9.0)
    assert change is not None
    assert change.state is MessageState.RETRYING
    assert "fragment 1 of 2 (attempt 1)" in change.detail
    assert message.on_overdue(1, 9.0) is None
    assert message.on_sent(0, 10.0) is None
    assert message.attempt(0) == 2
    back = message.on_acknowledged(1, 11.0)
    assert back is not None
    assert back.state is MessageState.SENDING
    assert back.detail == "1 of 2 fragments stored"


def test_a_second_acknowledgement_of_a_fragment_says_nothing_new() -> None:
    message = delivery(2)
    message.on_sent(0, 1.0)
    message.on_acknowledged(0, 2.0)
    assert message.on_acknowledged(0, 3.0) is None
    assert message.acknowledged == 1


def test_a_receipt_counts_for_all_fragments() -> None:
    message = delivery(3)
    message.on_sent(0, 1.0)
    change = message.on_receipt(2.0)
    assert change is not None
    assert change.state is MessageState.RECEIVED
    assert message.acknowledged == 3
    assert message.on_receipt(3.0) is None


def test_giving_up_says_why() -> None:
    change = delivery().on_given_up("no acknowledgement in 5 days", 5.0)
    assert change is not None
    assert (change.state, change.detail) == (MessageState.FAILED, "no acknowledgement in 5 days")


def test_after_a_restart_it_knows_how_much_was_sent() -> None:
    message = Delivery(fragments=5, unacknowledged=[3, 4], state=MessageState.SENDING, sent=4)
    assert (message.sent, message.acknowledged) == (4, 3)
    message.on_sent(3, 1.0)
    assert message.sent == 4
    message.on_sent(4, 1.0)
    assert message.sent == 5


@given(st.lists(st.tuples(st.sampled_from(["sent", "acknowledged", "overdue"]), st.integers(0, 3)), max_size=40))
def test_it_is_stored_when_and_only_when_each_fragment_is(steps: list[tuple[str, int]]) -> None:
    message = delivery(4)
    message.on_sent(0, 0.0)
    acknowledged: set[int] = set()
    for step, index in steps:
        if message.state in FINISHED:
            break
        match step:
            case "sent":
                message.on_sent(index, 1.0)
            case "acknowledged":
                message.on_acknowledged(index, 1.0)
                acknowledged.add(index)
            case _:
                message.on_overdue(index, 1.0)
        assert message.acknowledged == len(acknowledged) <= message.sent or message.acknowledged <= message.fragments
        assert (message.state is MessageState.STORED) == (len(acknowledged) == 4)


QUEUED = (Stage.WAITING, Stage.FETCHING, Stage.READY)


def at(stage: Stage) -> Delivery:
    """Return a message whose fragment 0 is at `stage`."""
    message = delivery(2)
    if stage is Stage.SENT:
        message.on_sent(0, 1.0)
    for each in QUEUED[: QUEUED.index(stage) + 1] if stage in QUEUED else ():
        assert message.move(0, each)
    assert message.stage(0) is stage
    return message


@pytest.mark.parametrize(("present", "wanted"), list(itertools.product(Stage, Stage)))
def test_the_queue_moves_a_fragment_as_the_table_says(present: Stage, wanted: Stage) -> None:
    message = at(present)
    if wanted in MOVES[present]:
        assert message.move(0, wanted)
        assert message.stage(0) is wanted
    else:
        with pytest.raises(MisuseError, match=f"{present.name} cannot be {wanted.name}"):
            message.move(0, wanted)


@pytest.mark.parametrize("stage", Stage)
def test_an_acknowledgement_ends_a_fragment_wherever_it_is(stage: Stage) -> None:
    message = at(stage)
    message.on_sent(1, 1.0)
    message.on_acknowledged(0, 2.0)
    assert message.stage(0) is None
    assert not message.move(0, Stage.WAITING)


def test_fragments_are_held_at_first_and_told_of_as_long_as_they_are() -> None:
    message = delivery(3)
    assert message.held == [0, 1, 2]
    message.move(1, Stage.WAITING)
    assert message.held == [0, 2]
    message.on_sent(0, 1.0)
    message.on_acknowledged(0, 2.0)
    assert message.held == [2]
    message.move(2, Stage.WAITING)
    assert message.held == []
    message.move(2, Stage.FETCHING)
    message.move(2, Stage.READY)
    message.move(2, Stage.HELD)  # its provider is away
    assert message.held == [2]


def test_an_overdue_fragment_waits_for_its_turn_again() -> None:
    message = at(Stage.SENT)
    message.on_overdue(0, 9.0)
    assert message.stage(0) is Stage.WAITING


def test_a_sealed_message_has_all_its_fragments_waiting() -> None:
    message = delivery(2)
    message.on_sealed(3)
    assert [message.stage(index) for index in range(4)] == [Stage.WAITING] * 3 + [None]
    assert message.held == []


def test_nothing_moves_in_a_message_that_was_given_up() -> None:
    message = at(Stage.FETCHING)
    message.on_given_up("too long", 5.0)
    assert not message.move(0, Stage.READY)


def test_held_fragments_are_released_together() -> None:
    message = Delivery(fragments=4, unacknowledged=[0, 1, 3], state=MessageState.QUEUED, sent=0)
    message.release([0, 3])
    assert [message.stage(index) for index in range(4)] == [Stage.WAITING, Stage.HELD, None, Stage.WAITING]
    assert message.held == [1]
    assert message.holds
    message.release([1])
    assert message.held == []
    assert not message.holds


@pytest.mark.parametrize("index", [0, 1, 7])
def test_only_what_is_held_is_released(index: int) -> None:
    message = Delivery(fragments=3, unacknowledged=[0, 2], state=MessageState.QUEUED, sent=0)
    message.release([0])
    with pytest.raises(MisuseError, match="only a fragment that is held can be released"):
        message.release([2, index])
    assert message.held == [2]
