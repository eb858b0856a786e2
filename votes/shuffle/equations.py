"""The equations of a proof of a shuffle: all as one sum, or one by one (docs/protocol/votes.md, 6).

The letters are those of the page. Each equation is written as a sum that is the neutral element if it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loopixmix.group.group import Elements, Group, Scalars
from votes.shuffle.chunks import Chunk


@dataclass(frozen=True)
class RowElements:
    """The columns of a chunk of rows, decoded."""

    generators: Elements
    """`H_i`"""
    commitments: Elements
    """`U_i`"""
    chain: Elements
    """`P_i`"""
    chain_masks: Elements
    """`P'_i`"""
    before: tuple[Elements, ...]
    """`A_i1`, `B_i1`, `A_i2`, ..."""
    after: tuple[Elements, ...]
    """`A'_i1`, `B'_i1`, `A'_i2`, ..."""


@dataclass(frozen=True)
class Replies:
    """The challenges and what the proof replies."""

    coefficients: Scalars
    """`e_i`"""
    challenge: Scalars
    """`v`"""
    chain: Scalars
    """`kB_i`"""
    order: Scalars
    """`kE_i`"""
    sums: Scalars
    """`kA, kC, kD, kF_1, ...`"""

    def one(self, name: str) -> Scalars:
        """Return `kA`, `kC` or `kD`."""
        place = ("kA", "kC", "kD").index(name)
        return self.sums[place : place + 1]

    @property
    def products(self) -> Scalars:
        """`e_0 e_1 .. e_(N-1)`"""
        return self.coefficients.running_products()[-1:]


@dataclass(frozen=True)
class BatchPart:
    """The scalars of a chunk of rows in the sum of all equations."""

    shared: Scalars
    """`v`, and the coefficients of the equations 1, 3 and 5, which are the same for all rows"""
    coefficients: Scalars
    """`e_i`"""
    order: Scalars
    """`kE_i`"""
    weights: Scalars
    """The coefficients of equation 2."""
    following: Scalars
    """What `P_i` is multiplied by in the equation after its own."""

    def sum(self, group: Group, rows: RowElements) -> Elements:
        """Return the part of the sum that belongs to these rows."""
        v, one, three, *five = (self.shared[place : place + 1] for place in range(len(self.shared)))
        alike = three * v
        scalars = [-(self.order * one + alike), self.weights * v - self.following]
        scalars += [-(self.order * weight) for weight in five]
        elements = [rows.generators, rows.chain, *rows.after]
        long = group.multi_scalar(group.join_scalars(scalars), group.join(elements))
        # What has one long factor in common for all rows is summed up with the short rest, in half of the time.
        columns = [rows.commitments, *rows.before]
        short = [group.multi_scalar(self.coefficients, column) for column in columns]
        sums = [group.multi_scalar(self.weights, rows.chain_masks), rows.commitments.sum(), *short]
        factors = [group.scalars_of([1]), alike, *(weight * v for weight in (one, *five))]
        return long + group.multi_scalar(group.join_scalars(factors), group.join(sums))


class Batch:
    """All equations as one sum of some `8 N` products (for width 1), each equation times a coefficient.

    Equation 2 of row `i` has coefficient `i`; 1, 3, 4 and those of 5 have those from `N` on. A wrong equation stays
    unnoticed with a probability of 2^-128 (Bellare, Garay, Rabin 1998, the small exponents test), as the order of the
    group is prime and every element was found to be one of the group.
    """

    def __init__(self, group: Group, replies: Replies, weights: Scalars) -> None:
        """`weights`: a coefficient for each equation."""
        size = len(replies.coefficients)
        self._group = group
        self._replies = replies
        self._rows = weights[:size]
        self._one, self._three, self._four = (weights[place : place + 1] for place in range(size, size + 3))
        self._five = weights[size + 3 :]
        links = self._rows * replies.order
        # `P_i` is in equation 2 of its own row and in that of the next one; the last is in equation 4 instead.
        self._next = group.join_scalars([links[1:], -(self._four * replies.challenge)])
        self._first_link = links[:1]

    def part(self, chunk: Chunk) -> BatchPart:
        """Return what the part of the sum needs that belongs to a chunk of rows."""
        rows, replies = slice(chunk.first, chunk.end), self._replies
        shared = self._group.join_scalars([replies.challenge, self._one, self._three, self._five])
        weights, following = self._rows[rows], self._next[rows]
        return BatchPart(shared, replies.coefficients[rows], replies.order[rows], weights, following)

    def of_sums(self, public_key: Elements, first: Elements, masks: Elements) -> Elements:
        """Return the rest of the sum. `first`: `H_0`. `masks`: `F1, F2, F3, FA_1, FB_1, ...`."""
        replies, join = self._replies, self._group.join_scalars
        by_generator = -(
            self._one * replies.one("kA")
            + self._rows.inner(replies.chain)
            + self._three * replies.one("kC")
            + self._four * replies.one("kD")
        )
        by_key = self._group.scalars_of([0])
        for number in range(len(self._five) // 2):
            reply = replies.sums[3 + number : 4 + number]
            by_generator += self._five[2 * number : 2 * number + 1] * reply
            by_key += self._five[2 * number + 1 : 2 * number + 2] * reply
        by_first = -(self._first_link + self._four * replies.challenge * replies.products)
        scalars = join([by_generator, by_key, by_first, self._one, self._three, self._four, self._five])
        return self._group.multi_scalar(scalars, self._group.join([self._group.generator, public_key, first, masks]))


class SingleEquations:
    """The equations one by one, to tell which of them are wrong."""

    def __init__(self, group: Group, replies: Replies, public_key: Elements, first: Elements) -> None:
        """`first`: `H_0`, which stands before the first `P_i`."""
        self._group = group
        self._replies = replies
        self._bases = (group.generator, public_key)
        self._last = self._first = first
        self._one = self._three = group.identity
        self._five: list[Elements] = []

    def wrong_rows(self, chunk: Chunk, rows: RowElements) -> Iterator[str]:
        """Name the rows of a chunk for which equation 2 is wrong. Chunks come in order."""
        part, group, replies = slice(chunk.first, chunk.end), self._group, self._replies
        e, order, v = replies.coefficients[part], replies.order[part], replies.challenge
        before = group.join([self._last, rows.chain[:-1]])
        left = rows.chain.times_public(v) + rows.chain_masks
        right = group.generator.times_public(replies.chain[part]) + before.times_public(order)
        for number, holds in enumerate((left - right).is_identity()):
            if not holds:
                yield f"2 for row {chunk.first + number}"
        self._last = rows.chain[-1:]
        self._one += group.multi_scalar(v * e, rows.commitments) - group.multi_scalar(order, rows.generators)
        self._three += rows.commitments.sum() - rows.generators.sum()
        pairs = zip(rows.before, rows.after, strict=True)
        five = [group.multi_scalar(v * e, a) - group.multi_scalar(order, b) for a, b in pairs]
        self._five = [a + b for a, b in zip(self._five, five, strict=True)] if self._five else five

    def wrong_sums(self, masks: Elements) -> Iterator[str]:
        """Name which of the others are wrong, after all rows."""
        replies, generator = self._replies, self._group.generator
        v = replies.challenge
        chain = self._last - self._first.times_public(replies.products)
        sums = {
            "1": self._one + masks[:1] - generator.times_public(replies.one("kA")),
            "3": self._three.times_public(v) + masks[1:2] - generator.times_public(replies.one("kC")),
            "4": chain.times_public(v) + masks[2:3] - generator.times_public(replies.one("kD")),
        }
        for number, five in enumerate(self._five):
            reply = replies.sums[3 + number // 2 : 4 + number // 2]
            name = f"5 for {'AB'[number % 2]}_{number // 2 + 1}"
            sums[name] = five + masks[3 + number : 4 + number] + self._bases[number % 2].times_public(reply)
        yield from (name for name, each in sums.items() if not each.is_identity()[0])
