"""All that a mixer draws for one proof: everything follows from one secret seed.

So a killed mixer that starts again makes the same bytes, and erasing 32 bytes erases all of it. A seed serves one proof
about one list. Two proofs with the same randomness about two lists give away the permutation.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from loopixmix.group.group import Group, Scalars
from votes.record.transcript import Transcript
from votes.shuffle.chunks import Chunk

SEED_BYTES = 32
_WORD_BYTES = 8
_WORDS_AT_ONCE = 1 << 8


@dataclass(frozen=True)
class SumDraws:
    """What is drawn once for a proof: `alpha, gamma, delta`, and all `phi_j`."""

    alpha: Scalars
    gamma: Scalars
    delta: Scalars
    phi: Scalars


class Draws:
    """The random values that follow from a seed, each column by the chunk. The letters are those of the page.

    SHAKE-256 stretches the seed, as a function that nobody can tell from a random one. Scalars are uniform but for a
    negligible bias (`Group.reduced_scalars`), and so is the permutation.
    """

    def __init__(self, group: Group, seed: bytes, width: int) -> None:
        """`seed`: `SEED_BYTES` from the system's randomness, used for nothing else. `width`: ciphertexts in a row."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        self.group = group
        self.width = width
        self.seed = seed

    def commitments(self, chunk: Chunk) -> Scalars:
        """Return `r_i` for the rows of a chunk. A shorter chunk of the same number has the first of them."""
        return self._column("r", chunk)

    def reencryption(self, chunk: Chunk) -> tuple[Scalars, ...]:
        """Return `s_ij`, a column for each `j`."""
        return tuple(self._column(f"s{number}", chunk) for number in range(self.width))

    def chain(self, chunk: Chunk) -> Scalars:
        """Return `x_i`."""
        return self._column("x", chunk)

    def chain_masks(self, chunk: Chunk) -> Scalars:
        """Return `z_i`."""
        return self._column("z", chunk)

    def order_masks(self, chunk: Chunk) -> Scalars:
        """Return `eps_i`."""
        return self._column("eps", chunk)

    def sums(self) -> SumDraws:
        """Return what is drawn once."""
        alone = Chunk(0, 0, 1)
        alpha, gamma, delta = (self._column(name, alone) for name in ("alpha", "gamma", "delta"))
        return SumDraws(alpha, gamma, delta, self._column("phi", Chunk(0, 0, self.width)))

    def permutation(self, size: int) -> array[int]:
        """Return the permutation `pi` of `size` rows, a uniform one (Fisher and Yates)."""
        order = array("I", range(size))
        words = self._words("permutation")
        for last in range(size - 1, 0, -1):
            other = below(last + 1, words)
            order[last], order[other] = order[other], order[last]
        return order

    def key(self, name: str) -> bytes:
        """Return a key for keeping things on the disk as secret as the seed is."""
        return self._derived("key", name, 0)

    def _column(self, name: str, chunk: Chunk) -> Scalars:
        stream = hashlib.shake_256(self._derived("scalars", name, chunk.number))
        return self.group.reduced_scalars(stream.digest(2 * self.group.scalar_bytes * chunk.count))

    def _words(self, name: str) -> Iterator[int]:
        number = 0
        while True:
            words = array(
                "Q", hashlib.shake_256(self._derived("words", name, number)).digest(_WORD_BYTES * _WORDS_AT_ONCE)
            )
            yield from words
            number += 1

    def _derived(self, purpose: str, name: str, number: int) -> bytes:
        return Transcript("shuffle-draws", self.seed, purpose, name, number).seed()


def inverse(order: array[int]) -> array[int]:
    """Return the permutation that undoes `order`."""
    undone = array("I", bytes(order.itemsize * len(order)))
    for place, index in enumerate(order):
        undone[index] = place
    return undone


def below(bound: int, words: Iterator[int]) -> int:
    """Return a number from 0 to `bound - 1`, all equally likely if `words` are uniform numbers of 64 bits."""
    # The remainder of a word alone would favour small numbers: words beyond the last multiple of `bound` do not count.
    most = (1 << 8 * _WORD_BYTES) // bound * bound
    while (word := next(words)) >= most:
        pass
    return word % bound
