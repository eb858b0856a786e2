"""Where applications hand in messages, and ask what became of them."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from client.api import BadRequestError, MessageId, OutgoingMessage, UnknownMessageError
from client.core.arguments import REPLY_PREFIX
from client.core.journal import News
from client.link.session import Session
from client.sending.letters import Letter, Posted
from client.sending.outbox import Outbox
from client.sending.posting import Poster
from client.store import outgoing
from client.store.access import StoreAccess
from client.store.worker import shielded


class Dispatch:
    """Takes messages: each is stored first, then it is on its way."""

    def __init__(self, *, session: Session, poster: Poster, access: StoreAccess, outbox: Outbox, news: News) -> None:
        """Let `poster` store messages of the account of `session` by `access`, and `outbox` send them.

        `news` hears of each.
        """
        self._session = session
        self._poster = poster
        self._access = access
        self._outbox = outbox
        self._news = news

    async def send(self, letter: Letter) -> MessageId:
        """Store a message; return when it is on the disk. Raises as `client.api.Client.send`."""
        registered, now_s = self._session.registered(), self._session.now_s
        if registered.account.is_guest and not letter.anonymous and not letter.to.startswith(REPLY_PREFIX):
            raise BadRequestError("a guest has no address to sign with: send the message anonymously")

        def post(connection: Connection) -> Posted:
            return self._poster.post(
                connection,
                letter,
                account=registered.account,
                params=registered.params,
                sphinx=registered.sphinx,
                now_s=now_s,
            )

        def posted(result: Posted) -> MessageId:
            if result.new is not None:
                self._outbox.add(result.new)
                self._outbox.release()
                self._news.tell()
            return result.message_id

        # A caller who goes away must not keep a stored message from being sent.
        return await shielded(self._access.write(post).addCallback(posted))

    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return a message with its history; raise `UnknownMessageError`."""
        found = await self._access.read(lambda c: outgoing.outgoing_message(c, message_id))
        if found is None:
            raise UnknownMessageError(f"there is no message {message_id}")
        row, message = found
        delivery = self._outbox.delivery(row)
        if delivery is None:
            return message
        # The store hears of the counts a little later.
        sent, acknowledged = delivery.sent, delivery.acknowledged
        return msgspec.structs.replace(message, fragments_sent=sent, fragments_acknowledged=acknowledged)
