"""Lists of ciphertexts, and mixers that shuffle them, honestly or not."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace

from loopixmix.group.group import Elements, Group, Scalars
from loopixmix.group.ristretto import ristretto255
from votes.ballot.ciphertexts import Ciphertexts, decode_ciphertexts, encrypt
from votes.shuffle.chunks import Unwatched, chunks
from votes.shuffle.draws import Draws
from votes.shuffle.generators import DerivedGenerators
from votes.shuffle.preparation import ChunkPreparing, PreparedChain, PreparedRows
from votes.shuffle.proving import NoParts, Prover, Shuffled, shuffle
from votes.shuffle.statement import ShuffleStatement
from votes.shuffle.verifying import verify_shuffle

FINGERPRINT = bytes(range(32))


@dataclass(frozen=True)
class ShuffledList:
    """A list of ciphertexts with known contents, and what a mixer made of it."""

    statement: ShuffleStatement
    secret: Scalars
    before: bytes
    generators: DerivedGenerators
    shuffled: Shuffled

    @property
    def group(self) -> Group:
        return self.statement.group

    def verify(self, *, after: bytes | None = None, proof: bytes | None = None, chunk_rows: int = 4) -> None:
        """Verify what the mixer made, or another output or proof."""
        given = replace(self.shuffled, output=after if after is not None else self.shuffled.output)
        given = replace(given, proof=proof if proof is not None else given.proof)
        verify_shuffle(self.statement, self.before, given.output, given.proof, self.generators, chunk_rows=chunk_rows)

    def contents(self, rows: bytes | bytearray) -> list[tuple[bytes, ...]]:
        """Decrypt a list, and return the encoded messages of each row."""
        return decrypted(self.group, self.secret, decode_ciphertexts(self.group, rows, self.statement.width))


def a_list(group: Group, size: int, width: int, seed: int = 1) -> tuple[ShuffleStatement, Scalars, bytes]:
    """Return a statement about `size` rows of different contents, the election's secret, and the rows."""
    rng = random.Random(seed)
    secret = group.random_scalars(rng, 1)
    public_key = group.generator.times(secret)
    statement = ShuffleStatement(group, FINGERPRINT, 1, 2, public_key, width, size)
    messages = [group.generator.times(group.random_scalars(rng, size)) for _ in range(width)]
    rows = encrypt(group, public_key, messages, [group.random_scalars(rng, size) for _ in range(width)])
    return statement, secret, rows.encode()


def a_shuffle(size: int, width: int, *, group: Group | None = None, seed: int = 1) -> ShuffledList:
    """Return a list that an honest mixer shuffled."""
    group = group or ristretto255()
    statement, secret, before = a_list(group, size, width, seed)
    generators = DerivedGenerators(group, FINGERPRINT, size)
    shuffled = shuffle(statement, before, generators, random.Random(seed + 1))
    return ShuffledList(statement, secret, before, generators, shuffled)


def decrypted(group: Group, secret: Scalars, rows: Ciphertexts) -> list[tuple[bytes, ...]]:
    """Return the encoded messages of each row."""
    columns = [pair.b - pair.a.times(secret) for pair in rows.pairs]
    return [tuple(column[row : row + 1].encode() for column in columns) for row in range(len(rows))]


class DishonestPreparations:
    """What was prepared, but for a change to what is added to the rows of the output."""

    def __init__(self, honest: ChunkPreparing, change: Callable[[PreparedRows], PreparedRows]) -> None:
        self._honest = honest
        self._change = change

    def rows(self, number: int) -> PreparedRows:
        return self._change(self._honest.rows(number))

    def chain(self, number: int) -> PreparedChain:
        return self._honest.chain(number)


class DishonestDraws(Draws):
    """Draws whose permutation is none."""

    def permutation(self, size: int) -> array[int]:
        """Take the first row twice, and leave another one out."""
        order = super().permutation(size)
        order[order.index(size - 1)] = 0
        return order


def a_dishonest_shuffle(
    size: int,
    width: int,
    *,
    change: Callable[[PreparedRows], PreparedRows] = lambda prepared: prepared,
    draws: type[Draws] = Draws,
) -> ShuffledList:
    """Return what a mixer made that follows the protocol but for one thing."""
    group = ristretto255()
    statement, secret, before = a_list(group, size, width)
    generators = DerivedGenerators(group, FINGERPRINT, size)
    drawn = draws(group, bytes(range(32)), width)
    preparing = ChunkPreparing(statement.public_key, generators, drawn, chunks(size))
    preparations = DishonestPreparations(preparing, change)
    prover = Prover(statement, drawn, preparations, chunk_rows=size, parts=NoParts(), progress=Unwatched())
    return ShuffledList(statement, secret, before, generators, prover.prove(before))


def changed(column: Elements, row: int, by: Elements) -> Elements:
    """Return a column in which `by` was added to the element of one row."""
    group = ristretto255()
    return group.join([column[:row], column[row : row + 1] + by, column[row + 1 :]])
