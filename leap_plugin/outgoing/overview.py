"""What waits, how far it is, and how long it will take: for the command line, and for the message in the mailbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from client.api import LoopixmixError, MessageProgress, MessageState, OutgoingMessage
from leap_plugin.mail.states import (
    Again,
    AtProvider,
    AtRecipient,
    CalledBack,
    GivenUp,
    InQueue,
    MailState,
    OnItsWay,
    state_of,
)
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.outlook import told_time
from leap_plugin.store import outgoing
from leap_plugin.store.outgoing import MailRow, PieceRow, Reached, RecipientRow

MOST_SHOWN = 100


@dataclass(frozen=True)
class QueuedRecipient:
    """One recipient of a mail that waits.

    `sent` of `fragments`: how much of the mail has left. `remaining_s`: how long it still takes, about; None if that is
    not known. `problem`: why it could not be handed to the client the last time.
    """

    address: str
    state: MailState
    sent: int
    fragments: int
    remaining_s: float | None = None
    problem: str = ""

    def told(self) -> str:
        """Return the state in one line."""
        match self.state:
            case InQueue(ahead=ahead):
                others = {0: "", 1: " behind another mail"}
                words = "waits" + others.get(ahead or 0, f" behind {ahead} other mails")
            case OnItsWay(sent=sent, fragments=fragments):
                words = f"on its way, {sent} of {fragments} packets have left"
            case Again(attempt=attempt):
                words = f"tried again, attempt {attempt}; {self.sent} of {self.fragments} packets have left"
            case AtProvider():
                words = "stored at the recipient's provider"
            case AtRecipient():
                words = "received"
            case CalledBack():
                words = "cancelled"
            case GivenUp(reason=reason):
                words = f"failed: {reason}"
            case _:
                words = "sent"
        takes_time = isinstance(self.state, InQueue | OnItsWay | Again) and self.remaining_s is not None
        remaining = f", about {told_time(self.remaining_s or 0.0)} more" if takes_time else ""
        return f"{words}{remaining}" + (f" ({self.problem})" if self.problem else "")


@dataclass(frozen=True)
class QueuedMail:
    """A mail that has not ended. `taken_at_s`: when it was taken, in seconds since the Unix epoch."""

    queue_id: str
    taken_at_s: float
    length_bytes: int
    anonymous: bool
    recipients: Sequence[QueuedRecipient]


class QueueOverview:
    """Tells what waits."""

    def __init__(self, account: SendingAccount, counts: Mapping[str, MessageProgress]) -> None:
        """`counts`: the newest of messages on their way, by id; those that are not there are asked for."""
        self._account = account
        self._counts = counts

    async def mails(self) -> list[QueuedMail]:
        """Return the mails that wait, the oldest first, at most `MOST_SHOWN`."""
        found = await self._account.store.read(partial(_read, account=self._account.number))
        return [
            QueuedMail(
                queue_id=mail.queue_id,
                taken_at_s=mail.taken_at_s,
                length_bytes=mail.length_bytes,
                anonymous=mail.anonymous,
                recipients=[await self._recipient(row, pieces, ahead) for row, pieces in recipients],
            )
            for ahead, (mail, recipients) in enumerate(found)
        ]

    async def _recipient(self, row: RecipientRow, pieces: Sequence[PieceRow], ahead: int) -> QueuedRecipient:
        messages = [found for piece in pieces if (found := await self._message(piece)) is not None]
        fragments = sum(found.fragments for found in messages)
        fragments += sum(piece.fragments for piece in pieces if piece.message_id is None)
        sent = sum(found.fragments_sent for found in messages)
        remaining_s = None
        if row.state is Reached.WAITING and row.expected_at_s is not None and row.expected_at_s > self._account.now_s:
            remaining_s = row.expected_at_s - self._account.now_s
        state = _state(row, pieces, messages, ahead=ahead, remaining_s=remaining_s, whole=(sent, fragments))
        problem = row.problem if row.state is Reached.WAITING else ""
        return QueuedRecipient(row.address, state, sent, fragments, remaining_s, problem)

    async def _message(self, piece: PieceRow) -> OutgoingMessage | None:
        if piece.message_id is None:
            return None
        counts = self._counts.get(piece.message_id)
        # Of one that is tried again the client tells how often.
        if counts is None or piece.state not in (MessageState.QUEUED, MessageState.SENDING):
            try:
                return await self._account.client.message(piece.message_id)
            except LoopixmixError:
                counts = None
        return OutgoingMessage(
            message_id=piece.message_id,
            to="",
            kind="",
            length_bytes=0,
            state=piece.state or MessageState.QUEUED,
            fragments=piece.fragments if counts is None else counts.fragments,
            fragments_sent=piece.sent if counts is None else counts.fragments_sent,
            fragments_acknowledged=0 if counts is None else counts.fragments_acknowledged,
            history=(),
        )


def _read(connection: Connection, account: int) -> list[tuple[MailRow, list[tuple[RecipientRow, list[PieceRow]]]]]:
    found = []
    for mail in outgoing.waiting_mails(connection, account)[:MOST_SHOWN]:
        rows = outgoing.recipients_of(connection, mail.number)
        found.append((mail, [(row, outgoing.pieces_of(connection, row.number)) for row in rows]))
    return found


def _state(
    row: RecipientRow,
    pieces: Sequence[PieceRow],
    messages: Sequence[OutgoingMessage],
    *,
    ahead: int,
    remaining_s: float | None,
    whole: tuple[int, int],
) -> MailState:
    match row.state:
        case Reached.FAILED:
            return GivenUp(row.problem or next((piece.detail for piece in pieces if piece.detail), ""))
        case Reached.CANCELLED | Reached.CANCELLING:
            return CalledBack()
        case Reached.STORED | Reached.SENT:
            return AtProvider() if row.state is Reached.STORED else OnItsWay(*whole)
        case Reached.RECEIVED:
            return AtRecipient()
    if not messages:
        return Again(row.attempts + 1, row.next_at_s) if row.attempts else InQueue(ahead, remaining_s)
    found = state_of(messages, ahead=ahead, estimate_s=remaining_s)
    is_whole = len(messages) == len(pieces)
    return found if is_whole or isinstance(found, Again | GivenUp | CalledBack) else OnItsWay(*whole)
