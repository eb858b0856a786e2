"""Codes: what somebody who may answer has, and the issuer knows by its hash only."""

from __future__ import annotations

import base64
import hashlib
import hmac

from loopixmix.seams import Rng

SECRET_BYTES = 32
LETTERS = 24
"""Of 5 bits each: nobody finds a code by trying, however fast."""
_BYTES = LETTERS * 5 // 8
_HASH_DOMAIN = b"loopixmix/stats/code/v1"
_ADDRESS_DOMAIN = b"loopixmix/stats/code-of-address/v1"


def draw_code(rng: Rng) -> str:
    """Return a new code, 24 characters of `a-z 2-7`."""
    return _written(rng.randbytes(_BYTES))


def code_of_address(secret: bytes, draft_id: bytes, address: str) -> str:
    """Return the code of an address in a survey, always the same one.

    So the issuer need not keep it until it is sent: after a crash it makes it again, and sends the same.
    """
    message = _ADDRESS_DOMAIN + draft_id + address.encode()
    return _written(hmac.digest(secret, message, "sha256")[:_BYTES])


def hash_code(draft_id: bytes, code: bytes) -> bytes:
    """Return what the issuer keeps of a code of a survey, 32 bytes: a code has too many random bits to be guessed."""
    return hashlib.sha256(_HASH_DOMAIN + draft_id + code).digest()


def _written(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()
