"""Passwords of analysts: made by us, shown once, and kept as argon2id hashes (RFC 9106)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from nacl.pwhash import argon2id

from loopixmix.errors import FormatError
from loopixmix.seams import Rng

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike."""
GROUPS, GROUP_LENGTH = 5, 4
"""20 of 31 letters: 99 bits, which nobody guesses, even with the hash."""
MOST_CHARACTERS = 200
_HASH_BYTES = 32
_KIND = "argon2id"


@dataclass(frozen=True)
class HashingCost:
    """What it costs to try one password: passes over the memory, and the memory."""

    passes: int = argon2id.OPSLIMIT_INTERACTIVE
    memory_bytes: int = argon2id.MEMLIMIT_INTERACTIVE


def make_password(rng: Rng) -> str:
    """Return a new password; `rng` must be the system's randomness in use."""
    return "-".join("".join(rng.choice(LETTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))


def hash_password(password: str, cost: HashingCost, rng: Rng) -> str:
    """Return the hash of a password, with its salt and cost; takes its time and memory."""
    salt = rng.randbytes(argon2id.SALTBYTES)
    return f"{_KIND}${cost.passes}${cost.memory_bytes}${salt.hex()}${_digest(password, salt, cost).hex()}"


def is_password(password: str, hashed: str) -> bool:
    """Tell whether `hashed` is of `password`, in constant time; raise `FormatError` if it is no hash of ours."""
    try:
        kind, passes, memory_bytes, salt, digest = hashed.split("$")
        cost, expected = HashingCost(int(passes), int(memory_bytes)), bytes.fromhex(digest)
        if kind != _KIND or len(expected) != _HASH_BYTES:
            raise ValueError
        found = _digest(password, bytes.fromhex(salt), cost)
    except ValueError as error:
        raise FormatError("the hash of an analyst's password is damaged") from error
    return hmac.compare_digest(found, expected)


def _digest(password: str, salt: bytes, cost: HashingCost) -> bytes:
    # It is typed on phones, which begin with a capital letter; what stands between the groups does not count.
    folded = "".join(char for char in password[:MOST_CHARACTERS].lower() if char not in "- ")
    return argon2id.kdf(_HASH_BYTES, folded.encode(), salt, opslimit=cost.passes, memlimit=cost.memory_bytes)
