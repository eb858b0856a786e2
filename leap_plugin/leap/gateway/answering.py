"""Answers to those who ask for the OpenPGP keys of the gateway's users."""

from __future__ import annotations

import contextlib

from client.api import Client, ClientError, ReceivedMessage
from leap_plugin.leap.gateway import users
from leap_plugin.leap.gateway.arriving import forget_messages
from leap_plugin.leap.openpgp.asking import ANSWER_KIND, decode_question, encode_answer
from loopixmix.bounds import TokenBucket
from loopixmix.errors import FormatError
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess

RATE_PER_S, BURST = 5.0, 100.0
"""Anybody may ask, and remains unknown: so there is one limit for all. What is beyond it gets no answer."""


class KeyAnswers:
    """Answers each question by its reply blocks, and forgets it."""

    def __init__(self, client: Client, access: StoreAccess, *, clock: Clock) -> None:
        """`access`: to the gateway's store, where the keys are."""
        self._client = client
        self._access = access
        self._bucket = TokenBucket(RATE_PER_S, BURST, clock.seconds())
        self._clock = clock

    async def take(self, message: ReceivedMessage) -> None:
        """Answer a message of the kind `ASK_KIND`."""
        try:
            question = decode_question(message.body)
        except FormatError:
            question = None
        if question is not None and message.reply_to and self._bucket.take(self._clock.seconds()):
            address = question.address.lower()
            owner = await self._access.read(lambda connection: users.find_owner(connection, address))
            # The same work and the same message for an address that nobody has.
            answer = encode_answer(question.lookup_id, (owner.certificate if owner else None) or b"")
            key = f"leap-answer/{message.message_id}"
            # The reply blocks may be too old, or too few: then the asker hears nothing, and asks again.
            with contextlib.suppress(ClientError):
                await self._client.send(message.reply_to, answer, kind=ANSWER_KIND, idempotency_key=key)
        await forget_messages(self._client, (message.number,))
