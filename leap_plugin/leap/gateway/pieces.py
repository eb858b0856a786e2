"""Mails as they lie in the client's inbox: one message each, or several pieces of a long one."""

from __future__ import annotations

from client.api import Client, UnknownMessageError
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import Piece, decode_body, put_together
from loopixmix.errors import FormatError


async def whole_mail(client: Client, numbers: tuple[int, ...]) -> EnclosedMail | None:
    """Return the mail that these received messages bring; None if pieces of it are missing.

    Raises `FormatError` if they do not belong together, `UnknownMessageError` if one is gone.
    """
    pieces: dict[int, Piece] = {}
    first: Piece | None = None
    for number in numbers:
        body = await _body_of(client, number)
        if not isinstance(body, Piece):
            return body
        first = first or body
        if (body.mail_id, body.count, body.digest) != (first.mail_id, first.count, first.digest):
            raise FormatError("a piece of a mail contradicts the pieces before it")
        pieces[body.number] = body
    if first is None or len(pieces) < first.count:
        return None
    return put_together([pieces[number].content for number in range(first.count)], first.digest)


async def _body_of(client: Client, number: int) -> EnclosedMail | Piece:
    found = await client.inbox(after=number - 1, limit=1)
    if not found or found[0].number != number:
        raise UnknownMessageError(f"there is no received message {number}")
    return decode_body(found[0].body)
