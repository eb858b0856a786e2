"""Rows of ElGamal ciphertexts, as columns (docs/protocol/votes.md, 4 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.errors import FormatError
from loopixmix.group.group import Buffer, Elements, Group, Scalars
from votes.record.transcript import column_digest


@dataclass(frozen=True)
class Pair:
    """A column of ciphertexts `(A, B) = (rG, rY + M)`, of one length (ElGamal 1985)."""

    a: Elements
    b: Elements

    def __post_init__(self) -> None:
        if len(self.a) != len(self.b):
            raise ValueError(f"the columns have {len(self.a)} and {len(self.b)} elements")

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True)
class Ciphertexts:
    """Rows of `width` ciphertexts: what one poll's ballots are made of, from voter to decryption.

    `pairs[j]` has the ciphertext `j` of every row. All have one length.
    """

    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        if not self.pairs:
            raise ValueError("a row has at least one ciphertext")
        if len({len(pair) for pair in self.pairs}) != 1:
            raise ValueError("the columns have different lengths")

    @property
    def width(self) -> int:
        """How many ciphertexts a row has."""
        return len(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs[0])

    def columns(self) -> tuple[Elements, ...]:
        """Return `A_1, B_1, A_2, B_2, ...`."""
        return tuple(column for pair in self.pairs for column in (pair.a, pair.b))

    def take(self, indices: Sequence[int]) -> Ciphertexts:
        """Return the rows at `indices`, in that order."""
        return Ciphertexts(tuple(Pair(pair.a.take(indices), pair.b.take(indices)) for pair in self.pairs))

    def encode(self) -> bytes:
        """Return the columns' encodings, one column after another."""
        return b"".join(column.encode() for column in self.columns())

    def digests(self) -> tuple[bytes, ...]:
        """Return what stands for the columns in transcripts."""
        return tuple(column_digest(column) for column in self.columns())


def decode_ciphertexts(group: Group, encodings: Buffer, width: int) -> Ciphertexts:
    """Read rows of `width` ciphertexts from their columns.

    Raises `BadElementError` for an encoding that is no element, `FormatError` if the columns have no common length.
    """
    view = memoryview(encodings)
    size, rest = divmod(len(view), 2 * width * group.element_bytes)
    if rest:
        raise FormatError(f"{len(view)} bytes are no columns of rows of {width} ciphertexts")
    column_bytes = size * group.element_bytes
    columns = [group.elements(view[start : start + column_bytes]) for start in _starts(2 * width, column_bytes)]
    return Ciphertexts(tuple(Pair(a, b) for a, b in zip(columns[::2], columns[1::2], strict=True)))


def _starts(count: int, stride: int) -> list[int]:
    return [number * stride for number in range(count)]


def encrypt(
    group: Group, public_key: Elements, messages: Sequence[Elements], randomness: Sequence[Scalars]
) -> Ciphertexts:
    """Encrypt rows: `messages[j]` and `randomness[j]` are the columns `j` of elements and of uniform secret scalars."""
    by_generator, by_key = group.fixed_base(group.generator), group.fixed_base(public_key)
    return Ciphertexts(
        tuple(
            Pair(by_generator.times(scalars), by_key.times(scalars) + column)
            for column, scalars in zip(messages, randomness, strict=True)
        )
    )
