"""What the steps of single messages mean for a mail: pure decisions, in which no step counts twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from client.api import MessageState
from leap_plugin.mail.states import DsnAction
from leap_plugin.store.outgoing import ALIVE, UNDER_WAY, PieceRow, Reached, RecipientRow

_ARRIVED = frozenset({MessageState.STORED, MessageState.RECEIVED})
_TOLD_OF = {
    Reached.STORED: DsnAction.RELAYED,
    Reached.RECEIVED: DsnAction.DELIVERED,
    Reached.FAILED: DsnAction.FAILED,
    Reached.CANCELLED: DsnAction.FAILED,
}


def next_state(before: MessageState | None, told: MessageState) -> MessageState:
    """Return the state of a message after it was told to be in the state `told`, perhaps late or once more.

    What has ended stays so, unless the recipient's own receipt proves more.
    """
    if before is None or before in ALIVE or told == MessageState.RECEIVED:
        return told
    return before


def reached(before: Reached, pieces: Sequence[PieceRow]) -> Reached:
    """Return how far a mail is to a recipient, from what is known of each of its messages.

    It is there when all of them are. It has failed, or was cancelled, as soon as one of them is: then the others bring
    nothing any more.
    """
    states = {piece.state for piece in pieces}
    if states and states <= _ARRIVED:
        return Reached.RECEIVED if states == {MessageState.RECEIVED} else Reached.STORED
    if before is Reached.CANCELLING:
        return before if any(piece.is_alive for piece in pieces) else Reached.CANCELLED
    if before is not Reached.WAITING:
        return before
    if MessageState.FAILED in states:
        return Reached.FAILED
    return Reached.CANCELLED if MessageState.CANCELLED in states else Reached.WAITING


def has_ended(states: Collection[Reached]) -> bool:
    """Tell whether a mail waits for nothing any more at any of its recipients."""
    return not UNDER_WAY & set(states)


def action_told(recipient: RecipientRow, pieces: Sequence[PieceRow]) -> DsnAction | None:
    """Return what the author may be told now that a recipient's state is this; None for nothing new.

    A mail that was cancelled before any of it had left is as its author wanted it.
    """
    action = _TOLD_OF.get(recipient.state)
    if action is None or action in recipient.told:
        return None
    if recipient.state is Reached.CANCELLED and not fragments_left(pieces):
        return None
    return action


def fragments_left(pieces: Sequence[PieceRow]) -> int:
    """Return how many fragments had left of a mail that was cancelled, as far as the client told."""
    return sum(piece.fragments if piece.state in _ARRIVED else piece.sent for piece in pieces)
