"""Where applications hand in messages, ask what became of them, and change their minds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from client.api import (
    Letter,
    MessageId,
    MessageState,
    OutgoingMessage,
    TimeEstimate,
    UnknownMessageError,
    WrongStateError,
)
from client.core.arguments import check_letter, check_letters, check_size, told_of
from client.core.delivery import FINISHED
from client.core.journal import News
from client.link.session import Session
from client.sending.forecast import Forecast
from client.sending.letters import Posted
from client.sending.outbox import Outbox
from client.sending.posting import Poster
from client.store import outgoing
from client.store.outgoing import MessageRow
from loopixmix.process.shield import shielded
from loopixmix.store.access import StoreAccess

T = TypeVar("T")


class Dispatch:
    """Takes messages: each is stored first, then it is on its way."""

    def __init__(
        self,
        *,
        session: Session,
        poster: Poster,
        access: StoreAccess,
        outbox: Outbox,
        forecast: Forecast,
        news: News,
    ) -> None:
        """Let `poster` store messages of the account of `session` by `access`, and `outbox` send them.

        `forecast`: tells how long that takes; `news` hears of each message.
        """
        self._session = session
        self._poster = poster
        self._access = access
        self._outbox = outbox
        self._forecast = forecast
        self._news = news

    async def send(self, letter: Letter) -> MessageId:
        """Store a message; return when it is on the disk. Raises as `client.api.Client.send`."""
        now_s = self._session.dated_s
        check_letter(letter, now_s=now_s)
        member = self._session.registered()
        [message_id] = await self._post(lambda c: [self._poster.post(c, letter, member, now_s=now_s)])
        return message_id

    async def send_many(self, letters: Sequence[Letter]) -> list[MessageId]:
        """Store messages, all or none; raises as `client.api.Client.send_many`."""
        now_s = self._session.dated_s
        check_letters(letters)
        for index, letter in enumerate(letters):
            with told_of(index):
                check_letter(letter, now_s=now_s)
        member = self._session.registered()
        return await self._post(lambda c: self._poster.post_many(c, letters, member, now_s=now_s))

    async def estimate(self, body_bytes: int, to: str) -> TimeEstimate:
        """Return how long a message would take; raises as `client.api.Client.estimate`."""
        check_size(body_bytes)
        member, now_s = self._session.registered(), self._session.dated_s
        sized = await self._access.read(lambda c: self._poster.size(c, body_bytes, to, member, now_s=now_s))
        return self._forecast.message(sized.fragments, waits_s=sized.waits_s, is_sent_again=sized.is_sent_again)

    async def sent(self, *, after: int, limit: int) -> list[OutgoingMessage]:
        """Return messages with a number over `after`, oldest first, with their histories."""
        found = await self._access.read(lambda c: outgoing.outgoing_after(c, after=after, limit=limit))
        return [self._counted(row, message) for row, message in found]

    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return a message with its history; raise `UnknownMessageError`."""
        return (await self._find(message_id))[1]

    async def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message; raises as `client.api.Client.cancel`."""
        row, message = await self._find(message_id)
        if message.state is MessageState.CANCELLED:
            return message
        if not self._outbox.cancel(row):
            how = "all of it has left" if message.state not in FINISHED else f"it is {message.state.value} already"
            raise WrongStateError(f"the message {message_id} cannot be cancelled: {how}")
        await self._outbox.saved()
        return (await self._find(message_id))[1]

    async def delete(self, message_id: MessageId) -> None:
        """Forget a message that has ended; raises as `client.api.Client.delete_outgoing`."""
        # What became of it may be noted, and not written yet.
        await self._outbox.saved()
        deleted = await self._access.write(lambda c: outgoing.delete_ended(c, message_id))
        if deleted is None:
            raise UnknownMessageError(f"there is no message {message_id}")
        if not deleted:
            raise WrongStateError(f"the message {message_id} has not ended: cancel it first")

    async def _find(self, message_id: MessageId) -> tuple[MessageRow, OutgoingMessage]:
        found = await self._access.read(lambda c: outgoing.outgoing_message(c, message_id))
        if found is None:
            raise UnknownMessageError(f"there is no message {message_id}")
        row, message = found
        return row, self._counted(row, message)

    def _counted(self, row: MessageRow, message: OutgoingMessage) -> OutgoingMessage:
        delivery = self._outbox.delivery(row)
        if delivery is None:
            return message
        # The store hears of the counts a little later.
        sent, acknowledged = delivery.sent, delivery.acknowledged
        return msgspec.structs.replace(message, fragments_sent=sent, fragments_acknowledged=acknowledged)

    async def _post(self, work: Callable[[Connection], Sequence[Posted]]) -> list[MessageId]:
        def posted(results: Sequence[Posted]) -> list[MessageId]:
            new = [result.new for result in results if result.new is not None]
            for each in new:
                self._outbox.add(each)
            if new:
                self._outbox.release()
                self._news.tell()
            return [result.message_id for result in results]

        # A caller who goes away must not keep a stored message from being sent.
        return await shielded(self._access.write(work).addCallback(posted))
