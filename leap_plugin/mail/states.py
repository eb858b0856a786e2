"""Where a mail is, in the words that its author is shown, and what a delivery status notification says of it.

Only what the network proved is ever shown: `AtProvider` needs the acknowledgements of every fragment, and `AtRecipient`
the recipient's own receipt. A mail in several pieces is as far as the one that is least far.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from client.api import MessageState, OutgoingMessage
from loopixmix.errors import MisuseError


class DsnAction(enum.StrEnum):
    """What a delivery status notification says (RFC 3464, 2.3.3).

    `RELAYED`: handed to a system that gives no further notice, here the recipient's provider. `DELIVERED`: the
    recipient has it, which only its own receipt proves.
    """

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"


@dataclass(frozen=True)
class InDraft:
    """It was not sent yet."""


@dataclass(frozen=True)
class InQueue:
    """It waits. `ahead`: so many mails leave before it; `estimate_s`: how long until it is stored, if that is known."""

    ahead: int | None = None
    estimate_s: float | None = None


@dataclass(frozen=True)
class OnItsWay:
    """So many of its fragments were handed to the network."""

    sent: int
    fragments: int


@dataclass(frozen=True)
class Again:
    """It is sent again: `attempt` counts from 2; the next one is at `next_at_s`, if that is known."""

    attempt: int
    next_at_s: float | None = None


@dataclass(frozen=True)
class AtProvider:
    """The recipient's provider has stored all of it."""


@dataclass(frozen=True)
class AtRecipient:
    """The recipient's own receipt says that it is there."""


@dataclass(frozen=True)
class HasBeenRead:
    """The recipient's own receipt says that it was read."""


@dataclass(frozen=True)
class GivenUp:
    """It failed; `reason` is one line for the author, who may send it again."""

    reason: str


@dataclass(frozen=True)
class CalledBack:
    """Its author cancelled it. Fragments that had left cannot be recalled."""


MailState: TypeAlias = (
    InDraft | InQueue | OnItsWay | Again | AtProvider | AtRecipient | HasBeenRead | GivenUp | CalledBack
)

_SHOULD_BE_TOLD = {
    Again: DsnAction.DELAYED,
    AtProvider: DsnAction.RELAYED,
    AtRecipient: DsnAction.DELIVERED,
    GivenUp: DsnAction.FAILED,
}
# The first of these that any piece is in is the state of the mail.
_LEAST_FAR_FIRST = (
    MessageState.FAILED,
    MessageState.CANCELLED,
    MessageState.RETRYING,
    MessageState.SENDING,
    MessageState.QUEUED,
    MessageState.STORED,
    MessageState.RECEIVED,
)


def action_of(state: MailState) -> DsnAction | None:
    """Return what a notification about this state says; None if there is none.

    A mail that waits or is on its way, was read (that is for a disposition notification, RFC 8098) or was cancelled by
    its own author gives no notification.
    """
    return _SHOULD_BE_TOLD.get(type(state))


def state_of(
    messages: Sequence[OutgoingMessage], *, ahead: int | None = None, estimate_s: float | None = None
) -> MailState:
    """Return the state of a mail whose pieces are these messages of the network, one or more.

    `ahead` and `estimate_s` are told while it waits. Raises `MisuseError` without any message.
    """
    if not messages:
        raise MisuseError("a mail that is on its way has one message of the network at least")
    states = {message.state for message in messages}
    leading = next(state for state in _LEAST_FAR_FIRST if state in states)
    match leading:
        case MessageState.FAILED:
            return GivenUp(next(_last_detail(message) for message in messages if message.state == leading))
        case MessageState.CANCELLED:
            return CalledBack()
        case MessageState.RETRYING:
            return Again(1 + max(_retries(message) for message in messages))
        case MessageState.STORED:
            return AtProvider()
        case MessageState.RECEIVED:
            return AtRecipient()
    sent = sum(message.fragments_sent for message in messages)
    # Of several pieces the first may have left while the last one waits: the mail is on its way.
    if states == {MessageState.QUEUED} and not sent:
        return InQueue(ahead, estimate_s)
    return OnItsWay(sent, sum(message.fragments for message in messages))


def _last_detail(message: OutgoingMessage) -> str:
    return message.history[-1].detail if message.history else ""


def _retries(message: OutgoingMessage) -> int:
    return sum(change.state == MessageState.RETRYING for change in message.history)
