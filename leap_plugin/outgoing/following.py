"""Following what becomes of the messages that the client has, each step once, through restarts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from client.api import (
    BadRequestError,
    Following,
    LoopixmixError,
    MessageProgress,
    NumberedChange,
    OutgoingMessage,
    StoreError,
    UnknownMessageError,
)
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.checking import EXIT_KIND, KIND
from leap_plugin.outgoing.folding import next_state
from leap_plugin.outgoing.notices import AuthorNotices
from leap_plugin.store import outgoing
from leap_plugin.store.outgoing import ALIVE, PieceRow, Reached, RecipientRow
from loopixmix.bounds import BoundedMap
from loopixmix.process.pause import Pause

log = Logger()

RETRY_S = 5.0
"""How long to wait until a store or daemon that failed is tried again."""


class ProgressFollowing:
    """Writes down what becomes of messages, and tells the author of it."""

    def __init__(
        self,
        account: SendingAccount,
        notices: AuthorNotices,
        *,
        turn: DeferredLock,
        changed: Callable[[], object],
    ) -> None:
        """`turn`: held while a message gets its id. `changed`: called when a mail moved on."""
        self._account = account
        self._notices = notices
        self._turn = turn
        self._changed = changed
        self._pause = Pause(account.clock)
        self._following: Following | None = None
        self._stopped = False
        self.counts: BoundedMap[str, MessageProgress] = BoundedMap(1000)
        """The newest counts of messages on their way, by their ids."""

    async def run(self) -> None:
        """Compare what is written down with what the client has, and follow from there on; returns once it follows."""
        await self._persist(self._compare)
        after = await self._account.store.read(partial(outgoing.followed, account=self._account.number))
        while not self._stopped:
            self._following = self._account.client.on_progress(self._take, after=after)
            try:
                await self._following
                return
            except BadRequestError:
                # The client's store is another one than before: it counts from 1 again, and may have lost messages.
                after = 0
                await self._persist(partial(self._note_number, 0))
                await self._persist(self._compare)

    def stop(self) -> None:
        """Follow no more."""
        self._stopped = True
        self._pause.wake()
        if self._following is not None:
            self._following()

    async def _compare(self) -> None:
        number = self._account.number
        for recipient, piece in await self._account.store.read(partial(outgoing.handed_alive, account=number)):
            if piece.message_id is None:
                continue
            async with self._turn:
                try:
                    message: OutgoingMessage | None = await self._account.client.message(piece.message_id)
                except UnknownMessageError:
                    message = None
                await self._account.store.write(
                    partial(self._note_found, recipient=recipient, piece=piece, message=message)
                )
        self._changed()

    def _note_found(
        self, connection: Connection, recipient: RecipientRow, piece: PieceRow, message: OutgoingMessage | None
    ) -> None:
        if message is None:
            # The client lost it, with its store: better twice than never.
            anew = PieceRow(position=piece.position, fragments=piece.fragments)
            outgoing.change_piece(connection, recipient.number, anew)
            return
        detail = message.history[-1].detail if message.history else ""
        self._note_state(connection, recipient, replace(piece, state=message.state, detail=detail))

    async def _take(self, event: NumberedChange | MessageProgress) -> None:
        if isinstance(event, MessageProgress):
            self.counts[event.message_id] = event
        elif event.kind in (KIND, EXIT_KIND):
            await self._persist(partial(self._take_change, event))

    async def _take_change(self, event: NumberedChange) -> None:
        async with self._turn:
            await self._account.store.write(partial(self._note_change, event=event))
        self._changed()

    def _note_change(self, connection: Connection, event: NumberedChange) -> None:
        account = self._account.number
        found = outgoing.piece_of_message(connection, account, event.message_id)
        if found is not None:
            recipient, piece = found
            state = next_state(piece.state, event.state)
            if state != piece.state or state == event.state:
                self._note_state(connection, recipient, replace(piece, state=state, detail=event.detail))
        outgoing.note_followed(connection, account, event.number)

    def _note_state(self, connection: Connection, recipient: RecipientRow, piece: PieceRow) -> None:
        outgoing.change_piece(connection, recipient.number, piece)
        row = outgoing.find_recipient(connection, recipient.number)
        if row is not None and row.state is Reached.WAITING and piece.state not in ALIVE:
            # The next piece need not wait any longer.
            outgoing.change_recipient(connection, replace(row, next_at_s=min(row.next_at_s, self._account.now_s)))
        self._notices.settle(connection, recipient.mail)

    async def _note_number(self, number: int) -> None:
        account = self._account.number
        await self._account.store.write(lambda connection: outgoing.note_followed(connection, account, number))

    async def _persist(self, work: Callable[[], object]) -> None:
        """Do `work`, again and again until it works: a step that was told is not told again."""
        while not self._stopped:
            try:
                await work()  # type: ignore[misc]
                return
            except LoopixmixError as error:
                if isinstance(error, StoreError):
                    log.error("what became of mails cannot be written down: {error}", error=error)
                await self._pause.wait(RETRY_S)
