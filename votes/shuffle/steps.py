"""What a prover computes for one chunk of rows after the election closed. The letters are those of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.group.group import Buffer, Elements, FixedBase, Group, Scalars
from votes.shuffle.chunks import Chunk
from votes.shuffle.draws import Draws
from votes.shuffle.preparation import PreparedChain


@dataclass(frozen=True)
class OutputPart:
    """A chunk of the output. Its sums are as secret as the draws."""

    columns: bytes
    """`A'_1`, `B'_1`, `A'_2`, ... of these rows, encoded"""
    sums: Elements
    """The sums of `eps_i A'_i1`, `eps_i B'_i1`, `eps_i A'_i2`, ..."""

    def encode(self) -> bytes:
        """Return the bytes by which a chunk is kept."""
        return self.sums.encode() + self.columns


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of the first challenge for output rows, and their running products."""

    shuffled: Scalars
    """`e'_i`"""
    products: Scalars
    """`y_i`"""
    before: Scalars
    """`y_(i-1)`, with 1 before the first"""

    def of(self, chunk: Chunk) -> Coefficients:
        """Return those of a chunk of rows."""
        rows = slice(chunk.first, chunk.end)
        return Coefficients(self.shuffled[rows], self.products[rows], self.before[rows])


@dataclass(frozen=True)
class ChainPart:
    """A chunk of the chain."""

    chain: bytes
    """`P_i`, encoded"""
    masks: bytes
    """`P'_i`, encoded"""
    inner: Scalars
    """The sums of `r_i`, `e'_i r_i`, `e'_i s_i1`, `e'_i s_i2`, ..., as secret as the draws"""

    def encode(self) -> bytes:
        """Return the bytes by which a chunk is kept."""
        return self.inner.encode() + self.chain + self.masks


def make_output(group: Group, rows: Sequence[Buffer], added: Sequence[Elements], masks: Scalars) -> OutputPart:
    """Encrypt rows anew. `rows`: the columns `A_1`, `B_1`, ..., already in their new order. `masks`: `eps_i`.

    `added`: `s_i1 G`, `s_i1 Y`, `s_i2 G`, ... Raises `BadElementError` for what is no element.
    """
    columns = [group.elements(row) + column for row, column in zip(rows, added, strict=True)]
    sums = group.join([group.multi_scalar(masks, column) for column in columns])
    return OutputPart(b"".join(column.encode() for column in columns), sums)


def decode_output(group: Group, width: int, data: bytes) -> OutputPart:
    """Read back a chunk of the output."""
    size = 2 * width * group.element_bytes
    return OutputPart(data[size:], group.elements(data[:size]))


def make_chain(
    group: Group, first: FixedBase, prepared: PreparedChain, draws: Draws, chunk: Chunk, given: Coefficients
) -> ChainPart:
    """Make the chain's commitments and their masks. `first`: tables for `H_0`."""
    chain = prepared.chain + first.times_public(given.products)
    masks = prepared.masks + first.times_public(draws.order_masks(chunk) * given.before)
    commitments = draws.commitments(chunk)
    inner = [column.inner(given.shuffled) for column in (commitments, *draws.reencryption(chunk))]
    return ChainPart(chain.encode(), masks.encode(), group.join_scalars([commitments.sum(), *inner]))


def decode_chain_part(group: Group, width: int, count: int, data: bytes) -> ChainPart:
    """Read back a chunk of the chain."""
    scalars, column = (2 + width) * group.scalar_bytes, count * group.element_bytes
    return ChainPart(data[scalars : scalars + column], data[scalars + column :], group.scalars(data[:scalars]))


def make_replies(
    draws: Draws, chunk: Chunk, last: Scalars, shuffled: Scalars, challenge: Scalars
) -> tuple[Scalars, Scalars, Scalars]:
    """Return `kB_i`, `kE_i`, and the last `x_i`.

    `last`: the `x_i` before this chunk, 0 before the first. `shuffled`: `e'_i`. As `b_i = x_i - e'_i x_(i-1)` and
    `beta_i = z_i - eps_i x_(i-1)`, `kB_i = beta_i + v b_i = z_i + v x_i - kE_i x_(i-1)`.
    """
    chain = draws.chain(chunk)
    before = draws.group.join_scalars([last, chain[:-1]])
    order_replies = draws.order_masks(chunk) + challenge * shuffled
    return draws.chain_masks(chunk) + challenge * chain - order_replies * before, order_replies, chain[-1:]
