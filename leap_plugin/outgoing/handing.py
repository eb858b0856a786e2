"""Handing mails to the client, which sends them: in turns, again and again, until it gives up.

The client lets all messages take turns, so that a short one waits for one fragment of each long one. What is done here
is only what it cannot do by itself: find keys, wait while it takes nothing, and not fill its queue with long mails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, TimeoutError
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import (
    BadRequestError,
    ConflictError,
    KeyChangedError,
    LoopixmixError,
    MessageState,
    TooLongError,
    UnknownContactError,
    UnknownMessageError,
    WrongStateError,
)
from leap_plugin.mail.submitting import SubmissionRefusedError
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.checking import KIND, RecipientCheck, is_answer, key_changed, reply_expired
from leap_plugin.outgoing.folding import next_state
from leap_plugin.outgoing.notices import AuthorNotices
from leap_plugin.outgoing.outlook import Outlook
from leap_plugin.outgoing.planning import LeavingForms, bodies_for, idempotency_key, named_form
from leap_plugin.store import outgoing
from leap_plugin.store.outgoing import MailRow, OutgoingContent, PieceRow, Reached, RecipientRow

log = Logger()

LONG_FRAGMENTS = 500
"""From so many fragments on, about 1 MB, a message is long."""
MOST_LONG = 4
"""So many long messages are on their way at a time: more would leave no room in the client's queue for short ones."""
ROOM_WAIT_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
AT_ONCE = 64
FAR_S = 300 * 86_400.0


@dataclass(frozen=True)
class _Due:
    """A mail of which a piece is to be handed over to one recipient."""

    mail: MailRow
    recipient: RecipientRow
    piece: PieceRow
    pieces: int
    content: OutgoingContent


class HandingOver:
    """Hands over what is due, and takes back what is not wanted any more."""

    def __init__(
        self, account: SendingAccount, outlook: Outlook, check: RecipientCheck, notices: AuthorNotices
    ) -> None:
        """`check`: finds keys; `notices`: tells the author of failures."""
        self._account = account
        self._outlook = outlook
        self._check = check
        self._notices = notices
        self._running: dict[int, Deferred[None]] = {}
        self.turn = DeferredLock()
        """Held while a message gets its id: whoever follows messages would not know it before that is written down."""

    async def round(self) -> float | None:
        """Begin to hand over what is due; return after how many seconds more is, None if nothing is known to be."""
        now_s, number = self._account.now_s, self._account.number

        def read(connection: Connection) -> tuple[list[RecipientRow], float | None]:
            due = outgoing.recipients_to_hand_over(connection, number, now_s, limit=AT_ONCE)
            return due, outgoing.next_handover_s(connection, number)

        due, next_s = await self._account.store.read(read)
        for recipient in due:
            if recipient.number not in self._running:
                self._begin(recipient)
        await self._withdraw()
        return None if next_s is None else max(next_s - now_s, 1.0)

    async def settled(self) -> None:
        """Return once all that was begun is done."""
        while self._running:
            done: Deferred[None] = Deferred()
            next(iter(self._running.values())).addBoth(done.callback)
            await done

    def stop(self) -> None:
        """Hand over no more; what is under way may have been handed over or not, as after a crash."""
        for running in tuple(self._running.values()):
            running.cancel()

    def _begin(self, recipient: RecipientRow) -> None:
        work = Deferred.fromCoroutine(self._hand_all(recipient.number))
        self._running[recipient.number] = work
        work.addErrback(_note_defect)
        work.addBoth(self._ended, recipient.number)

    def _ended(self, _: object, recipient: int) -> None:
        self._running.pop(recipient, None)

    async def _hand_all(self, recipient: int) -> None:
        while True:
            due = await self._account.store.read(partial(self._find_due, recipient=recipient))
            if due is None or not await self._hand_one(due):
                return

    def _find_due(self, connection: Connection, recipient: int) -> _Due | None:
        row = outgoing.find_recipient(connection, recipient)
        if row is None or row.state is not Reached.WAITING or row.next_at_s > self._account.now_s:
            return None
        pieces = outgoing.pieces_of(connection, recipient)
        piece = next((one for one in pieces if one.message_id is None), None)
        mail = outgoing.find_mail(connection, row.mail)
        if piece is None or mail is None:
            return None
        return _Due(mail, row, piece, len(pieces), outgoing.content_of(connection, mail.number))

    async def _hand_one(self, due: _Due) -> bool:
        """Hand a piece over; tell whether to go on with the next one."""
        recipient = due.recipient
        try:
            if not await self._has_room(due):
                await self._put_off(recipient, self._account.now_s + ROOM_WAIT_S)
                return False
            expected_at_s = recipient.expected_at_s
            if expected_at_s is None:
                wait_s = await self._outlook.wait_s(due.mail.length_bytes, recipient.reached_at)
                expected_at_s = self._account.now_s + wait_s
            await self._send(due, expected_at_s=expected_at_s)
        except UnknownContactError as error:
            if is_answer(recipient.reached_at):
                await self._fail(recipient, error)
                return False
            return await self._look_up(recipient)
        except (KeyChangedError, TooLongError, BadRequestError, ConflictError) as error:
            await self._fail(recipient, error)
            return False
        except LoopixmixError as error:
            await self._try_later(recipient, str(error))
            return False
        return True

    async def _has_room(self, due: _Due) -> bool:
        is_long = due.piece.fragments >= LONG_FRAGMENTS
        if not is_long and not due.piece.position:
            return True
        number = self._account.number

        def read(connection: Connection) -> bool:
            # One piece of a mail after the other: together they would take several turns in each round.
            if any(one.is_alive for one in outgoing.pieces_of(connection, due.recipient.number)[: due.piece.position]):
                return False
            alive = outgoing.long_pieces_alive(connection, number, from_fragments=LONG_FRAGMENTS)
            return not is_long or alive < MOST_LONG

        return await self._account.store.read(read)

    async def _send(self, due: _Due, *, expected_at_s: float) -> None:
        account, recipient, piece = self._account, due.recipient, due.piece
        body = await account.store.compute(partial(_body, due))
        async with self.turn:
            if not await account.store.write(partial(self._note_tried, due=due)):
                return  # it was cancelled meanwhile
            message_id = await account.client.send(
                recipient.reached_at,
                body,
                kind=recipient.kind,
                idempotency_key=idempotency_key(due.mail.queue_id, recipient.position, piece.position),
                anonymous=due.mail.anonymous,
                deadline_s=due.mail.taken_at_s + account.settings.give_up_s,
            )
            state, detail = MessageState.QUEUED, ""
            if piece.tried:
                # The client may have had it for long, and told of it when this program did not know it yet.
                message = await account.client.message(message_id)
                state = message.state
                detail = message.history[-1].detail if message.history else ""
            handed = replace(piece, tried=True, message_id=message_id, state=state, detail=detail)
            await account.store.write(
                partial(self._note_handed, recipient=recipient, piece=handed, expected_at_s=expected_at_s)
            )

    def _note_tried(self, connection: Connection, due: _Due) -> bool:
        row = outgoing.find_recipient(connection, due.recipient.number)
        if row is None or row.state is not Reached.WAITING:
            return False
        outgoing.change_piece(connection, due.recipient.number, replace(due.piece, tried=True))
        return True

    def _note_handed(
        self, connection: Connection, recipient: RecipientRow, piece: PieceRow, expected_at_s: float
    ) -> None:
        outgoing.change_piece(connection, recipient.number, piece)
        row = outgoing.find_recipient(connection, recipient.number)
        if row is not None:
            outgoing.change_recipient(
                connection, replace(row, problem="", attempts=0, expected_at_s=row.expected_at_s or expected_at_s)
            )
        self._notices.settle(connection, recipient.mail)

    async def _look_up(self, recipient: RecipientRow) -> bool:
        try:
            await self._check.look_up(recipient.reached_at)
        except KeyChangedError as error:
            await self._fail(recipient, error)
        except (LoopixmixError, TimeoutError):
            # A provider that the document does not name today may come back, so that this is no reason to give up.
            await self._try_later(recipient, f"4.7.5 the key of {recipient.address} could not be found yet")
        else:
            return True
        return False

    async def _try_later(self, recipient: RecipientRow, problem: str) -> None:
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(recipient.attempts, 30), LONGEST_WAIT_S)
        wait_s *= 1 + 0.2 * self._account.rng.random()
        await self._put_off(recipient, self._account.now_s + wait_s, problem)

    async def _put_off(self, recipient: RecipientRow, next_at_s: float, problem: str | None = None) -> None:
        def put_off(connection: Connection) -> None:
            row = outgoing.find_recipient(connection, recipient.number)
            if row is None:
                return
            row = replace(row, next_at_s=next_at_s)
            if problem is not None:
                row = replace(row, problem=problem, attempts=row.attempts + 1)
            outgoing.change_recipient(connection, row)

        await self._account.store.write(put_off)

    async def _fail(self, recipient: RecipientRow, error: LoopixmixError) -> None:
        match error:
            case KeyChangedError():
                refusal = key_changed(recipient.reached_at)
            case UnknownContactError():
                refusal = reply_expired()
            case ConflictError():
                why = "the client knows another mail by the same key: it may have been sent; ask the recipient"
                refusal = SubmissionRefusedError(554, "5.3.0", why)
            case _:
                refusal = SubmissionRefusedError(554, "5.3.0", str(error))

        def fail(connection: Connection) -> None:
            row = outgoing.find_recipient(connection, recipient.number)
            if row is not None and row.state is Reached.WAITING:
                self._notices.fail(connection, row, refusal)

        await self._account.store.write(fail)

    async def _withdraw(self) -> None:
        """Cancel the messages that nobody wants any more."""
        number = self._account.number
        unwanted = await self._account.store.read(lambda connection: outgoing.unwanted_alive(connection, number))
        for recipient, piece in unwanted:
            try:
                async with self.turn:
                    await self._cancel(recipient, piece)
            except LoopixmixError:
                return  # tried again in the next round

    async def _cancel(self, recipient: RecipientRow, piece: PieceRow) -> None:
        client = self._account.client
        message_id = piece.message_id or await self._find(recipient, piece)
        if message_id is None:
            cancelled = replace(piece, state=MessageState.CANCELLED)
        else:
            try:
                message = await client.cancel(message_id)
            except WrongStateError:
                message = await client.message(message_id)
            except UnknownMessageError:
                message = None
            if message is None:
                cancelled = replace(piece, state=MessageState.CANCELLED)
            else:
                detail = message.history[-1].detail if message.history else ""
                cancelled = replace(
                    piece,
                    message_id=message_id,
                    state=next_state(piece.state, message.state),
                    detail=detail,
                    sent=message.fragments_sent,
                    fragments=message.fragments,
                )

        def note(connection: Connection) -> None:
            outgoing.change_piece(connection, recipient.number, cancelled)
            self._notices.settle(connection, recipient.mail)

        await self._account.store.write(note)

    async def _find(self, recipient: RecipientRow, piece: PieceRow) -> str | None:
        """Return the id of a message that the client may have got in the moment of a crash; None if it has none."""

        def read(connection: Connection) -> _Due | None:
            mail = outgoing.find_mail(connection, recipient.mail)
            if mail is None or mail.ended_at_s is not None:
                return None
            content = outgoing.content_of(connection, mail.number)
            return _Due(mail, recipient, piece, len(outgoing.pieces_of(connection, recipient.number)), content)

        due = await self._account.store.read(read)
        if due is None:
            return None
        body = await self._account.store.compute(partial(_body, due))
        try:
            # The same call returns the same message. If there was none, this one would leave in months only.
            return await self._account.client.send(
                recipient.reached_at,
                body,
                kind=recipient.kind,
                idempotency_key=idempotency_key(due.mail.queue_id, recipient.position, piece.position),
                anonymous=due.mail.anonymous,
                not_before_s=self._account.now_s + FAR_S,
            )
        except (UnknownContactError, KeyChangedError, BadRequestError, TooLongError, ConflictError):
            return None


def _body(due: _Due) -> bytes:
    recipient = due.recipient
    forms = LeavingForms(named_form(due.content.original), due.content.canonical)
    bodies = bodies_for(
        forms.leaving(anonymous=due.mail.anonymous, is_outside=recipient.kind != KIND),
        queue_id=due.mail.queue_id,
        position=recipient.position,
        to=recipient.enclosed_to,
        token=recipient.token,
    )
    return bodies[due.piece.position]


def _note_defect(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.failure("a mail could not be handed to the client", failure)
