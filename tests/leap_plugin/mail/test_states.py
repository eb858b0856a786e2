"""The states of a mail, and what is told of them."""

from __future__ import annotations

import pytest

from client.api import MessageState, OutgoingMessage, StateChange
from leap_plugin.mail.states import (
    Again,
    AtProvider,
    AtRecipient,
    CalledBack,
    DsnAction,
    GivenUp,
    HasBeenRead,
    InDraft,
    InQueue,
    MailState,
    OnItsWay,
    action_of,
    state_of,
)
from loopixmix.errors import MisuseError

S = MessageState


def message(*states: MessageState, sent: int = 0, detail: str = "") -> OutgoingMessage:
    return OutgoingMessage(
        message_id="0" * 32,
        to="bob@provider-2",
        kind="mail",
        length_bytes=10,
        state=states[-1],
        fragments=5,
        fragments_sent=sent,
        fragments_acknowledged=0,
        history=tuple(StateChange(0.0, state, detail) for state in states),
    )


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ([message(S.QUEUED)], InQueue(3, 60.0)),
        ([message(S.SENDING, sent=2)], OnItsWay(2, 5)),
        ([message(S.QUEUED, S.RETRYING, S.SENDING, S.RETRYING)], Again(3)),
        ([message(S.STORED, sent=5)], AtProvider()),
        ([message(S.RECEIVED, sent=5)], AtRecipient()),
        ([message(S.FAILED, detail="no such account")], GivenUp("no such account")),
        ([message(S.CANCELLED)], CalledBack()),
        # Several pieces: as far as the one that is least far.
        ([message(S.STORED, sent=5), message(S.QUEUED)], OnItsWay(5, 10)),
        ([message(S.RECEIVED, sent=5), message(S.STORED, sent=5)], AtProvider()),
        ([message(S.STORED), message(S.FAILED, detail="full"), message(S.RETRYING)], GivenUp("full")),
        ([message(S.RETRYING), message(S.SENDING, sent=1)], Again(2)),
    ],
)
def test_the_state_of_a_mail(messages: list[OutgoingMessage], state: MailState) -> None:
    assert state_of(messages, ahead=3, estimate_s=60.0) == state


def test_every_state_of_the_client_has_one_of_the_mail() -> None:
    for state in MessageState:
        assert state_of([message(state)])
    with pytest.raises(MisuseError):
        state_of([])


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (InDraft(), None),
        (InQueue(), None),
        (OnItsWay(1, 2), None),
        (Again(2), DsnAction.DELAYED),
        (AtProvider(), DsnAction.RELAYED),
        (AtRecipient(), DsnAction.DELIVERED),
        (HasBeenRead(), None),
        (GivenUp("full"), DsnAction.FAILED),
        (CalledBack(), None),
    ],
)
def test_what_is_told_of_it(state: MailState, action: DsnAction | None) -> None:
    assert action_of(state) == action
