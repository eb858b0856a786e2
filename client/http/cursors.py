"""The ids of the events of `GET /v1/events` <-> how far a reader has come."""

from __future__ import annotations

import re

from client.api import BadRequestError
from client.core.journal import Cursor

_NUMBER = "(0|[1-9][0-9]{0,17})"
_CURSOR = re.compile(f"{_NUMBER}-{_NUMBER}")


def encode_cursor(cursor: Cursor) -> str:
    """Encode a cursor as the id of an event."""
    return f"{cursor.received}-{cursor.changes}"


def decode_cursor(text: str) -> Cursor:
    """Decode the id of an event; raise `BadRequestError` if it is none."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise BadRequestError(f"an event id is two numbers with a hyphen between them, not {text[:40]!r}")
    return Cursor(int(match[1]), int(match[2]))
