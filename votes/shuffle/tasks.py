"""The work on a chunk of rows as a task of bytes, for machines that share a large list.

A task has all that it needs. Those for a prover hold the seed of everything that is drawn: whoever sees them can link
each ballot of the output to its ballot of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias

import msgspec

from loopixmix.group.group import BadElementError, Group
from votes.shuffle.chunks import Chunk
from votes.shuffle.draws import Draws
from votes.shuffle.equations import BatchPart, RowElements
from votes.shuffle.generators import derive_generators
from votes.shuffle.preparation import PreparedChain
from votes.shuffle.steps import Coefficients, make_chain, make_output


class _Task(msgspec.Struct, frozen=True, array_like=True):
    """A chunk of rows. A subclass has the columns."""

    number: int
    first: int
    count: int
    width: int

    @property
    def chunk(self) -> Chunk:
        return Chunk(self.number, self.first, self.count)

    def __repr__(self) -> str:
        # The seed must not come into a log with an error about a task.
        return f"<{type(self).__name__} {self.number}>"


class OutputTask(_Task, frozen=True, tag="output"):
    """Encrypt a chunk of rows anew: the columns `A_1`, `B_1`, ..., already in their new order."""

    seed: bytes
    public_key: bytes
    rows: bytes

    def perform(self, group: Group) -> bytes:
        """Return an encoded `OutputPart`. Raises `BadElementError` for what is no element."""
        draws = Draws(group, self.seed, self.width)
        bases = [group.fixed_base(base) for base in (group.generator, group.elements(self.public_key))]
        added = [base.times(scalars) for scalars in draws.reencryption(self.chunk) for base in bases]
        size = self.count * group.element_bytes
        rows = [self.rows[start : start + size] for start in range(0, len(self.rows), size)]
        return make_output(group, rows, added, draws.order_masks(self.chunk)).encode()


class ChainTask(_Task, frozen=True, tag="chain"):
    """Make the chain for a chunk of rows."""

    seed: bytes
    first_generator: bytes
    shuffled: bytes
    products: bytes
    before: bytes

    def perform(self, group: Group) -> bytes:
        """Return an encoded `ChainPart`."""
        draws, tables = Draws(group, self.seed, self.width), group.fixed_base(group.generator)
        drawn = (draws.chain(self.chunk), draws.chain_masks(self.chunk))
        prepared = PreparedChain(*(tables.times(scalars) for scalars in drawn))
        given = Coefficients(*(group.scalars(column) for column in (self.shuffled, self.products, self.before)))
        first = group.fixed_base(group.elements(self.first_generator))
        return make_chain(group, first, prepared, draws, self.chunk, given).encode()


class CheckTask(_Task, frozen=True, tag="check"):
    """Sum up the equations of a proof for a chunk of rows. The elements are encoded as they stand in the proof."""

    fingerprint: bytes
    scalars: list[bytes]
    proof: list[bytes]
    before: list[bytes]
    after: list[bytes]

    def perform(self, group: Group) -> bytes:
        """Return the encoded sum. Raises `BadElementError` for what is no element."""
        commitments, chain, chain_masks = map(group.elements, self.proof)
        rows = RowElements(
            derive_generators(group, self.fingerprint, self.first, self.count),
            commitments,
            chain,
            chain_masks,
            tuple(map(group.elements, self.before)),
            tuple(map(group.elements, self.after)),
        )
        return BatchPart(*map(group.scalars, self.scalars)).sum(group, rows).encode()


Task: TypeAlias = OutputTask | ChainTask | CheckTask


class Elsewhere(Protocol):
    """Other machines that do tasks. They are believed: a wrong answer makes a wrong proof, or a wrong verdict."""

    def perform(self, group: Group, tasks: Iterable[Task]) -> Iterator[bytes]:
        """Yield the outcomes in the order of the tasks; an empty one for a task with what is no element."""


def perform_task(group: Group, data: bytes) -> bytes:
    """Do an encoded task. The outcome is empty if the task has what is no element."""
    task: Task = msgspec.msgpack.decode(data, type=Task)
    try:
        return task.perform(group)
    except BadElementError:
        # Where the list is, the same work is tried again, and tells which element it was.
        return b""
