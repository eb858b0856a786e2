"""Codes: the secret that each voter gets, to be typed and read aloud (docs/protocol/votes.md, 3)."""

from __future__ import annotations

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from votes.record.base32 import ALPHABET, GROUP, as_typed, base32, in_groups

SECRET_BYTES = 15
"""120 random bits: nobody finds a code by trying, however fast."""
LETTERS = 25


class CodeError(MisuseError):
    """The code is mistyped."""


def draw_secret(rng: Rng) -> bytes:
    """Return the random part of a new code, 15 bytes."""
    return rng.randbytes(SECRET_BYTES)


def code_of(secret: bytes) -> str:
    """Return the code of 25 letters, without hyphens, for 15 random bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a code is made of {SECRET_BYTES} bytes, not {len(secret)}")
    letters = base32(secret)
    return letters + _check_letter(letters)


def shown_code(code: str) -> str:
    """Return a code in five groups of five letters."""
    return in_groups(code)


def read_code(typed: str) -> str:
    """Return the code that somebody typed, or raise `CodeError`, which says what is wrong with it.

    The error does not repeat the code: errors end in logs.
    """
    code = as_typed(typed)
    if not code.isascii() or set(code) - set(ALPHABET):
        place = next(at for at, letter in enumerate(code) if letter not in ALPHABET)
        raise CodeError(
            f"letter {place % GROUP + 1} of group {place // GROUP + 1} of the code is none that codes have: "
            "they have digits, and letters but I, L, O and U"
        )
    if len(code) != LETTERS:
        raise CodeError(f"a code has {LETTERS} letters, in five groups of five; this one has {len(code)}")
    if code[-1] != _check_letter(code[:-1]):
        raise CodeError("the code is mistyped: its last letter does not fit the others. Compare it letter by letter")
    return code


def _check_letter(letters: str) -> str:
    """Return the letter that tells a mistyped code: ISO/IEC 7064, hybrid system MOD M+1,M, for M = 32.

    It finds every wrong letter, and almost every two neighbours that changed places.
    """
    size = len(ALPHABET)
    check = size
    for letter in letters:
        check = (check + ALPHABET.index(letter)) % size or size
        check = check * 2 % (size + 1)
    return ALPHABET[(1 - check) % size]
