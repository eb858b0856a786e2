"""Crockford's base 32, for what people read aloud and type (crockford.com/base32.html)."""

from __future__ import annotations

import base64

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No I, L, O and U. Their place in it is the value of a letter."""
GROUP = 5
"""Letters between two hyphens."""
_FROM_RFC_4648 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def base32(data: bytes) -> str:
    """Return 8 letters for each 5 bytes, without hyphens. Raises `ValueError` if the length is no multiple of 5."""
    if len(data) % 5:
        raise ValueError(f"{len(data)} bytes are no multiple of 5")
    # The alphabets of RFC 4648 and of Crockford differ in the letters only, not in the order of the bits.
    return base64.b32encode(data).decode().translate(_FROM_RFC_4648)


def in_groups(letters: str) -> str:
    """Put a hyphen after each five letters."""
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def as_typed(text: str) -> str:
    """Return the letters that somebody meant: capital, O as 0, I and L as 1, without hyphens and spaces.

    Letters outside of the alphabet are left as they are.
    """
    return text.upper().translate(_READ_AS)
