"""Overwriting secrets in memory when their time is over."""

from __future__ import annotations

import ctypes

from loopixmix.errors import MisuseError

SHORTEST_BYTES = 16
"""Python shares short byte strings among all who use them; no secret is as short."""
_CONTENT_AT = bytes.__basicsize__ - 1  # the content is followed by one zero, which the size of an empty string counts


def wipe(secret: bytes | bytearray) -> None:
    """Overwrite `secret` with zeros, in place. It must be the caller's own, and nobody may need it any more.

    Python frees memory without overwriting it: what was a key stays there until something else takes its place. Byte
    strings cannot be changed by Python's own means, but are overwritten here all the same: the arithmetic takes keys
    as byte strings, and would copy everything else.
    """
    if isinstance(secret, bytearray):
        secret[:] = bytes(len(secret))
        return
    if len(secret) < SHORTEST_BYTES:
        raise MisuseError(f"a secret has at least {SHORTEST_BYTES} bytes, not {len(secret)}")
    ctypes.memset(id(secret) + _CONTENT_AT, 0, len(secret))
