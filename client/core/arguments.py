"""The form of what an application gives to the client."""

from __future__ import annotations

import re

from client.api import MAX_BODY_BYTES, BadRequestError, TooLongError
from client.core.content import KIND_PATTERN
from loopixmix.cards import split_address
from loopixmix.errors import FormatError

MAX_IDEMPOTENCY_KEY_LENGTH = 128
REPLY_PREFIX = "reply:"
"""How the `to` of an answer to an anonymous sender begins; no address does."""

_KIND = re.compile(KIND_PATTERN)


def check_message(body: bytes, kind: str, idempotency_key: str) -> None:
    """Raise `TooLongError` or `BadRequestError` if an argument of `send` has the wrong form."""
    if len(body) > MAX_BODY_BYTES:
        raise TooLongError(f"a message has at most {MAX_BODY_BYTES} bytes, not {len(body)}")
    if not _KIND.search(kind):
        raise BadRequestError("a kind has 1 to 64 characters of a-z 0-9 . - / _")
    if not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        raise BadRequestError(f"an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} characters")


def check_address(address: str) -> tuple[str, str]:
    """Return the name and the provider of an address; raise `BadRequestError` if it is none."""
    try:
        return split_address(address)
    except FormatError as error:
        raise BadRequestError(str(error)) from error


def plain_fingerprint(text: str) -> str:
    """Return a fingerprint as it was read out or typed, without spaces and dashes."""
    return "".join(text.lower().replace("-", " ").split())
