"""What a proof of a shuffle is about, and the three hashes over it (docs/protocol/votes.md, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.errors import PeerError
from loopixmix.group.group import Buffer, Elements, Group, Scalars
from votes.record.transcript import Transcript, column_digest

MOST_SIZE = (1 << 32) - 1
MOST_WIDTH = (1 << 16) - 1


class ShuffleError(PeerError):
    """The mixer's output is no proven shuffle of its input."""


@dataclass(frozen=True)
class ShuffleStatement:
    """What is shuffled where. All of it comes from the record and from the board, and nothing from a proof.

    `poll`, `mixer`: their indices in the record. `public_key`: the key of the election, a column of one. `width`:
    ciphertexts in a row. `size`: rows. Raises `ValueError` for numbers out of range, and for the neutral element as
    key.
    """

    group: Group
    fingerprint: bytes
    poll: int
    mixer: int
    public_key: Elements
    width: int
    size: int

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MOST_WIDTH:
            raise ValueError(f"a row has 1 to {MOST_WIDTH} ciphertexts, not {self.width}")
        if not 0 <= self.size <= MOST_SIZE:
            raise ValueError(f"a list has 0 to {MOST_SIZE} rows, not {self.size}")
        if len(self.public_key) != 1 or self.public_key.is_identity()[0]:
            raise ValueError("the public key is one element, and not the neutral one")

    @property
    def column_bytes(self) -> int:
        """The length of one column of elements."""
        return self.size * self.group.element_bytes

    @property
    def list_bytes(self) -> int:
        """The length of the input, and of the output: `2 * width` columns."""
        return 2 * self.width * self.column_bytes

    def check_length(self, name: str, rows: Buffer) -> None:
        """Raise `ShuffleError` if a list, called `name`, does not have exactly these rows."""
        if len(rows) != self.list_bytes:
            raise ShuffleError(f"the {name} has {len(rows)} bytes, not {self.list_bytes}")


@dataclass(frozen=True)
class ColumnDigests:
    """What stands for the columns in the first challenge: `H`, `U`, and the columns of input and output in turn."""

    generators: bytes
    commitments: bytes
    before: Sequence[bytes]
    after: Sequence[bytes]


def first_seed(statement: ShuffleStatement, digests: ColumnDigests) -> bytes:
    """Return the seed of the coefficients `e`: a hash of everything that is fixed before them."""
    return Transcript(
        "shuffle",
        statement.fingerprint,
        statement.group.name,
        statement.poll,
        statement.mixer,
        statement.size,
        statement.width,
        statement.public_key.encode(),
        digests.generators,
        digests.commitments,
        *digests.before,
        *digests.after,
    ).seed()


def second_challenge(group: Group, seed: bytes, chain: bytes, chain_masks: bytes, masks: Elements) -> Scalars:
    """Return the challenge `v`. `chain`, `chain_masks`: digests of `P` and `P'`. `masks`: `F1, F2, F3, FA_1, ...`."""
    return Transcript("shuffle-proof", seed, chain, chain_masks, *_each(group, masks)).challenge(group)


def batch_seed(
    group: Group, seed: bytes, challenge: Scalars, chain_replies: bytes, order_replies: bytes, sums: Scalars
) -> bytes:
    """Return the seed of the coefficients of batched verification: a hash of the whole proof.

    `chain_replies`, `order_replies`: digests of `kB` and `kE`. `sums`: `kA, kC, kD, kF_1, ...`.
    """
    encoded = sums.encode()
    size = group.scalar_bytes
    replies = [encoded[start : start + size] for start in range(0, len(encoded), size)]
    return Transcript("shuffle-batch", seed, challenge.encode(), chain_replies, order_replies, *replies).seed()


def list_digests(statement: ShuffleStatement, columns: Buffer) -> list[bytes]:
    """Return the digests of the columns of an input or an output."""
    view, size = memoryview(columns), statement.column_bytes
    return [column_digest(view[number * size : (number + 1) * size]) for number in range(2 * statement.width)]


def _each(group: Group, column: Elements) -> list[bytes]:
    encoded, size = column.encode(), group.element_bytes
    return [encoded[start : start + size] for start in range(0, len(encoded), size)]
