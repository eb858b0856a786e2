"""The form of arguments, as every implementation of `client.api.Client` checks it."""

from __future__ import annotations

import re

from client.api import MAX_BODY_BYTES, MAX_KIND_LENGTH, BadRequestError, TooLongError
from loopixmix.cards import split_address
from loopixmix.errors import FormatError

MAX_IDEMPOTENCY_KEY_LENGTH = 128

_KIND = re.compile(rf"[a-z0-9./_-]{{1,{MAX_KIND_LENGTH}}}")


def check_message(body: bytes, kind: str, idempotency_key: str) -> None:
    """Raise `TooLongError` or `BadRequestError` where an argument of `send` has the wrong form."""
    if len(body) > MAX_BODY_BYTES:
        raise TooLongError(f"a message has at most {MAX_BODY_BYTES} bytes, not {len(body)}")
    if not _KIND.fullmatch(kind):
        raise BadRequestError(f"a kind has 1 to {MAX_KIND_LENGTH} characters of a-z 0-9 . - / _")
    if not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        raise BadRequestError(f"an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} characters")


def check_address(address: str) -> tuple[str, str]:
    """Return the name and the provider of an address; raise `BadRequestError` where it is none."""
    try:
        return split_address(address)
    except FormatError as error:
        raise BadRequestError(str(error)) from error
