"""What the steps of messages mean for a mail: in any order, late or doubled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.api import MessageState
from leap_plugin.mail.states import DsnAction
from leap_plugin.outgoing.folding import action_told, fragments_left, has_ended, next_state, reached
from leap_plugin.store.outgoing import ALIVE, PieceRow, Reached, RecipientRow

S = MessageState
ENDS = [S.STORED, S.RECEIVED, S.FAILED, S.CANCELLED]
STATES = st.sampled_from(list(MessageState))


def pieces(*states: MessageState | None) -> list[PieceRow]:
    return [PieceRow(position=n, fragments=10, state=one, sent=3) for n, one in enumerate(states)]


def recipient(state: Reached, *told: DsnAction) -> RecipientRow:
    return RecipientRow(
        position=0, address="bob@two", reached_at="bob@two", kind="mail", state=state, told=frozenset(told)
    )


@given(st.lists(STATES), st.sampled_from(ENDS))
def test_what_has_ended_stays_so_but_for_a_receipt(told: list[MessageState], end: MessageState) -> None:
    state = end
    for one in told:
        state = next_state(state, one)
    assert state == (S.RECEIVED if S.RECEIVED in [end, *told] else end)


@given(st.lists(STATES, min_size=1))
def test_steps_that_are_told_twice_change_nothing(told: list[MessageState]) -> None:
    once: MessageState | None = None
    twice: MessageState | None = None
    for one in told:
        once = next_state(once, one)
        twice = next_state(next_state(twice, one), one)
    assert once == twice
    # A whole history that is told again from its beginning leads to the same end, if there is one.
    if once not in ALIVE:
        for one in told:
            twice = next_state(twice, one)
        assert once == twice


@given(st.lists(st.none() | STATES, min_size=1, max_size=4), st.sampled_from(list(Reached)))
def test_nothing_counts_as_there_before_every_piece_is(states: list[MessageState | None], before: Reached) -> None:
    after = reached(before, pieces(*states))
    if after != before and after in (Reached.STORED, Reached.RECEIVED):
        assert set(states) <= {S.STORED, S.RECEIVED}
    if after != before and after is Reached.RECEIVED:
        assert set(states) == {S.RECEIVED}
    assert reached(after, pieces(*states)) == after


@pytest.mark.parametrize(
    ("before", "states", "after"),
    [
        (Reached.WAITING, (S.STORED, None), Reached.WAITING),
        (Reached.WAITING, (S.STORED, S.RECEIVED), Reached.STORED),
        (Reached.WAITING, (S.STORED, S.FAILED), Reached.FAILED),
        (Reached.WAITING, (S.SENDING, S.CANCELLED), Reached.CANCELLED),
        (Reached.CANCELLING, (S.SENDING, S.CANCELLED), Reached.CANCELLING),
        (Reached.CANCELLING, (None, S.CANCELLED), Reached.CANCELLED),
        (Reached.CANCELLING, (S.STORED, S.STORED), Reached.STORED),
        (Reached.CANCELLED, (S.RECEIVED,), Reached.RECEIVED),
        (Reached.FAILED, (S.RECEIVED,), Reached.RECEIVED),
        (Reached.FAILED, (S.SENDING, S.FAILED), Reached.FAILED),
        (Reached.SENT, (S.SENDING,), Reached.SENT),
    ],
)
def test_a_mail_is_as_far_as_its_messages(
    before: Reached, states: tuple[MessageState | None, ...], after: Reached
) -> None:
    assert reached(before, pieces(*states)) is after


def test_each_action_is_told_once() -> None:
    assert action_told(recipient(Reached.WAITING), []) is None
    assert action_told(recipient(Reached.STORED), []) is DsnAction.RELAYED
    assert action_told(recipient(Reached.STORED, DsnAction.RELAYED), []) is None
    assert action_told(recipient(Reached.RECEIVED, DsnAction.RELAYED), []) is DsnAction.DELIVERED
    assert action_told(recipient(Reached.SENT), []) is None


def test_a_cancelled_mail_is_told_of_only_if_some_of_it_had_left() -> None:
    none = [PieceRow(position=0, fragments=10, state=S.CANCELLED)]
    assert action_told(recipient(Reached.CANCELLED), none) is None
    assert action_told(recipient(Reached.CANCELLED), pieces(S.CANCELLED)) is DsnAction.FAILED
    assert fragments_left(pieces(S.STORED, S.CANCELLED)) == 13


def test_a_mail_ends_when_nothing_of_it_waits() -> None:
    assert has_ended([Reached.STORED, Reached.FAILED])
    assert not has_ended([Reached.STORED, Reached.CANCELLING])
