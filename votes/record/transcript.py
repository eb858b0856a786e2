"""Transcripts: hashes over lists of items that no two different lists share (docs/protocol/votes.md, 1.1)."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

from loopixmix.group.group import Buffer, Elements, Group, Scalars

DOMAIN = b"loopixmix-votes-1/"
SEED_BYTES = 32
COEFFICIENT_BYTES = 16
"""128 bits: a wrong equation passes a batched check with a probability of 2^-128."""

Item: TypeAlias = Buffer | str | int
"""Bytes, a text (as UTF-8), or an integer from 0 to 2^64 - 1 (8 bytes, big-endian)."""


class Transcript:
    """A hash over a name and items, each preceded by its length.

    Whatever was fixed before a challenge has to be an item of it; a proof whose challenge leaves something out can be
    made for another statement (Bernhard, Pereira, Warinschi 2012).
    """

    def __init__(self, name: str, *items: Item) -> None:
        self._hash = hashlib.shake_256()
        self._absorb(DOMAIN + name.encode())
        for item in items:
            self._absorb(item)

    def seed(self) -> bytes:
        """Return 32 bytes, from which coefficients are drawn."""
        return self._hash.digest(SEED_BYTES)

    def challenge(self, group: Group) -> Scalars:
        """Return a uniform scalar, a column of one."""
        return group.reduced_scalars(self.uniform(group))

    def uniform(self, group: Group) -> bytes:
        """Return the bytes of a challenge before they are reduced, for callers that reduce many at once."""
        return self._hash.digest(2 * group.scalar_bytes)

    def _absorb(self, item: Item) -> None:
        match item:
            case int():
                content: Buffer = item.to_bytes(8, "big")
            case str():
                content = item.encode()
            case _:
                content = item
        self._hash.update(len(content).to_bytes(8, "big"))
        self._hash.update(content)


def column_digest(column: Elements | Scalars | Buffer) -> bytes:
    """Return SHA-512 of a column, or of its encodings; this stands for it in transcripts."""
    encodings = column if isinstance(column, bytes | bytearray | memoryview) else column.encode()
    return hashlib.sha512(encodings).digest()


def coefficients(group: Group, seed: bytes, count: int) -> Scalars:
    """Return `count` coefficients of 128 bits, drawn from `seed`."""
    return group.short_scalars(hashlib.shake_256(seed).digest(COEFFICIENT_BYTES * count), COEFFICIENT_BYTES)
