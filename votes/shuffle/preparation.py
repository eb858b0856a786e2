"""What a mixer computes before the election closes: all that needs no list of ballots.

That is all multiples of `G` and `Y` by fresh randomness. What is left for afterwards are sums over the list, and the
two multiples in the chain that depend on the first challenge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from loopixmix.group.group import Elements, FixedBase, Group
from votes.shuffle.chunks import Chunk
from votes.shuffle.draws import Draws
from votes.shuffle.generators import GeneratorSource


@dataclass(frozen=True)
class PreparedRows:
    """For one chunk of output rows: what the step needs that makes the output. The letters are those of the page."""

    generators: bytes
    """`H_i`, encoded"""
    commitments: bytes
    """`r_i G + H_i`, encoded: `U` in the order of the output"""
    by_generator: tuple[Elements, ...]
    """`s_ij G`"""
    by_key: tuple[Elements, ...]
    """`s_ij Y`"""
    mask_sum: Elements
    """The sum of all `eps_i H_i`."""

    def added(self) -> list[Elements]:
        """Return `s_i1 G`, `s_i1 Y`, `s_i2 G`, ...: what makes the output of the columns of the input."""
        return [column for pair in zip(self.by_generator, self.by_key, strict=True) for column in pair]


@dataclass(frozen=True)
class PreparedChain:
    """For one chunk of rows: what the step needs that makes the chain."""

    chain: Elements
    """`x_i G`"""
    masks: Elements
    """`z_i G`"""


class Preparations(Protocol):
    """Hands over what was prepared for a chunk, as long as it was prepared: longer than the list perhaps."""

    def rows(self, number: int) -> PreparedRows:
        """Return what chunk `number` needs for its output."""

    def chain(self, number: int) -> PreparedChain:
        """Return what it needs for the chain."""


class ChunkPreparing:
    """Computes what is prepared, in a time that does not depend on the random values, but for one sum.

    The sum of `eps_i H_i` takes a variable time, which only the mixer's own machine can measure.
    """

    def __init__(self, public_key: Elements, generators: GeneratorSource, draws: Draws, plan: Sequence[Chunk]) -> None:
        """`plan`: the chunks of as many rows as there may be."""
        self._group = draws.group
        self._generators = generators
        self._draws = draws
        self._plan = plan
        self._by_generator: FixedBase = self._group.fixed_base(self._group.generator)
        self._by_key: FixedBase = self._group.fixed_base(public_key)

    def rows(self, number: int) -> PreparedRows:
        """Compute what chunk `number` needs for its output."""
        chunk = self._plan[number]
        generators = self._generators.elements(chunk.first, chunk.count)
        committed = self._by_generator.times(self._draws.commitments(chunk)) + generators
        reencryption = self._draws.reencryption(chunk)
        return PreparedRows(
            bytes(self._generators.encodings(chunk.first, chunk.count)),
            committed.encode(),
            tuple(self._by_generator.times(scalars) for scalars in reencryption),
            tuple(self._by_key.times(scalars) for scalars in reencryption),
            self._group.multi_scalar(self._draws.order_masks(chunk), generators),
        )

    def chain(self, number: int) -> PreparedChain:
        """Compute what it needs for the chain."""
        chunk = self._plan[number]
        drawn = (self._draws.chain(chunk), self._draws.chain_masks(chunk))
        return PreparedChain(*(self._by_generator.times(scalars) for scalars in drawn))


def first_rows(group: Group, prepared: PreparedRows, chunk: Chunk, draws: Draws) -> PreparedRows:
    """Return what was prepared for the rows of a chunk only, if more rows were prepared than there are ballots."""
    size = chunk.count * group.element_bytes
    if len(prepared.generators) == size:
        return prepared
    # The sum has terms of rows that do not exist; nothing but a new sum takes them away.
    generators = group.elements(memoryview(prepared.generators)[:size])
    return PreparedRows(
        prepared.generators[:size],
        prepared.commitments[:size],
        tuple(column[: chunk.count] for column in prepared.by_generator),
        tuple(column[: chunk.count] for column in prepared.by_key),
        group.multi_scalar(draws.order_masks(chunk), generators),
    )


def first_of_chain(prepared: PreparedChain, chunk: Chunk) -> PreparedChain:
    """Return what was prepared for the rows of a chunk only."""
    return PreparedChain(prepared.chain[: chunk.count], prepared.masks[: chunk.count])


def encode_rows(prepared: PreparedRows) -> bytes:
    """Return the bytes of a chunk's preparation, which only the same engine reads back."""
    columns = (*prepared.by_generator, *prepared.by_key, prepared.mask_sum)
    return b"".join((prepared.generators, prepared.commitments, *(column.dump() for column in columns)))


def decode_rows(group: Group, width: int, count: int, data: bytes) -> PreparedRows:
    """Read back what `encode_rows` gave for `count` rows of `width` ciphertexts."""
    view, encoded = memoryview(data), count * group.element_bytes
    columns = _load(group, view[2 * encoded :], [count] * 2 * width + [1])
    return PreparedRows(
        bytes(view[:encoded]),
        bytes(view[encoded : 2 * encoded]),
        tuple(columns[:width]),
        tuple(columns[width : 2 * width]),
        columns[-1],
    )


def encode_chain(prepared: PreparedChain) -> bytes:
    """Return the bytes of what was prepared for the chain."""
    return prepared.chain.dump() + prepared.masks.dump()


def decode_chain(group: Group, count: int, data: bytes) -> PreparedChain:
    """Read back what `encode_chain` gave for `count` rows."""
    return PreparedChain(*_load(group, memoryview(data), [count, count]))


def _load(group: Group, data: memoryview, lengths: Sequence[int]) -> list[Elements]:
    if len(data) != sum(lengths) * group.dump_bytes:
        raise ValueError(f"{len(data)} bytes are no columns of {lengths} elements")
    columns, begin = [], 0
    for length in lengths:
        end = begin + length * group.dump_bytes
        columns.append(group.load(data[begin:end]))
        begin = end
    return columns
