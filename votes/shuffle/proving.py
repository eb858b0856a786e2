"""Making a shuffle and its proof (docs/protocol/votes.md, 6). The letters are those of the page.

The steps after the first challenge use secret values in a variable time; a mixer runs on a machine of its own.
"""

from __future__ import annotations

import functools
import operator
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from loopixmix.group.group import Buffer, Elements, Scalars
from loopixmix.seams import Rng
from votes.record.transcript import coefficients, column_digest
from votes.shuffle.chunks import Chunk, Unwatched, WorkProgress, chunks, even_rows, gather
from votes.shuffle.draws import SEED_BYTES, Draws, inverse
from votes.shuffle.generators import GeneratorSource
from votes.shuffle.preparation import ChunkPreparing, Preparations, PreparedRows, first_of_chain, first_rows
from votes.shuffle.proof import ProofParts, empty_proof
from votes.shuffle.statement import (
    ColumnDigests,
    ShuffleStatement,
    first_seed,
    list_digests,
    second_challenge,
)
from votes.shuffle.steps import (
    Coefficients,
    OutputPart,
    decode_chain_part,
    decode_output,
    make_chain,
    make_output,
    make_replies,
)
from votes.shuffle.tasks import ChainTask, Elsewhere, OutputTask, Task


@dataclass(frozen=True)
class Shuffled:
    """What a mixer publishes: its output and the proof."""

    output: bytes | bytearray
    proof: bytes | bytearray


class KeptParts(Protocol):
    """Keeps the results of chunks, so that a killed prover goes on where it was. They are as secret as the draws."""

    def find(self, name: str) -> bytes | None:
        """Return what was kept under a name, if it is there and whole."""

    def keep(self, name: str, data: bytes) -> None:
        """Keep `data` under a name."""


class NoParts:
    """Keeps nothing, for lists that are done in a moment."""

    def find(self, name: str) -> bytes | None:
        """Find nothing."""

    def keep(self, name: str, data: bytes) -> None:
        """Keep nothing."""


class Prover:
    """Shuffles one list and proves it. What it draws must never have served another list."""

    def __init__(
        self,
        statement: ShuffleStatement,
        draws: Draws,
        preparations: Preparations,
        *,
        chunk_rows: int,
        parts: KeptParts,
        progress: WorkProgress,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`chunk_rows`: rows in each chunk of `preparations` but the last.

        `elsewhere`: machines that may see all that is drawn; `parts` then keeps what they give.
        """
        self._statement = statement
        self._group = statement.group
        self._draws = draws
        self._preparations = preparations
        self._plan = chunks(statement.size, chunk_rows)
        self._kept = parts
        self._progress = progress
        self._elsewhere = elsewhere

    def prove(self, before: Buffer) -> Shuffled:
        """Return the output for an input of `2 * width` encoded columns, and the proof.

        Raises `ShuffleError` if the input has another length, `BadElementError` if it has what is no element.
        """
        self._statement.check_length("input", before)
        if not self._statement.size:
            return Shuffled(b"", b"")
        output, (proof, parts) = bytearray(self._statement.list_bytes), empty_proof(self._statement)
        self._fill(before, output, parts)
        return Shuffled(output, proof)

    def _fill(self, before: Buffer, output: bytearray, parts: ProofParts) -> None:
        group = self._group
        order = self._draws.permutation(self._statement.size)
        generators, sums = self._make_output(before, order, memoryview(output), parts)
        digests = ColumnDigests(
            column_digest(generators),
            column_digest(parts.commitments),
            list_digests(self._statement, before),
            list_digests(self._statement, output),
        )
        seed = first_seed(self._statement, digests)
        shuffled = coefficients(group, seed, self._statement.size).take(order)  # e'
        inner = self._make_chain(group.elements(generators[: group.element_bytes]), shuffled, parts)
        masks = self._masks(sums)
        parts.masks[:] = masks.encode()
        chain, chain_masks = column_digest(parts.chain), column_digest(parts.chain_masks)
        challenge = second_challenge(group, seed, chain, chain_masks, masks)
        last = self._make_replies(shuffled, challenge, parts)
        parts.replies[:] = self._replies(inner, last, challenge).encode()

    def _make_output(
        self, before: Buffer, order: array[int], output: memoryview, parts: ProofParts
    ) -> tuple[bytes, Elements]:
        """Fill in the output and `U`; return all `H_i`, and the sums of `eps_i` times `H_i`, `A'_i1`, `B'_i1`, ..."""
        generators, commitments, sums = [], [], []
        columns = [gather(column, self._group.element_bytes, order) for column in self._columns(memoryview(before))]
        self._let_others("output", lambda chunk: self._output_task(chunk, columns))
        for chunk in self._watched("encrypting anew, in another order"):
            prepared = first_rows(self._group, self._preparations.rows(chunk.number), chunk, self._draws)
            part = self._output_part(chunk, columns, prepared)
            size = chunk.count * self._group.element_bytes
            for number, column in enumerate(self._columns(output)):
                chunk.of(column, self._group.element_bytes)[:] = part.columns[number * size : (number + 1) * size]
            generators.append(prepared.generators)
            commitments.append(prepared.commitments)
            sums.append(self._group.join([prepared.mask_sum, part.sums]))
        parts.commitments[:] = gather(b"".join(commitments), self._group.element_bytes, inverse(order))
        return b"".join(generators), functools.reduce(operator.add, sums)

    def _output_part(self, chunk: Chunk, columns: list[bytes], prepared: PreparedRows) -> OutputPart:
        name = f"output-{chunk.number}"
        if (kept := self._kept.find(name)) is not None:
            return decode_output(self._group, self._statement.width, kept)
        rows = [chunk.of(column, self._group.element_bytes) for column in columns]
        part = make_output(self._group, rows, prepared.added(), self._draws.order_masks(chunk))
        self._kept.keep(name, part.encode())
        return part

    def _output_task(self, chunk: Chunk, columns: list[bytes]) -> OutputTask:
        rows = b"".join(chunk.of(column, self._group.element_bytes) for column in columns)
        key = self._statement.public_key.encode()
        return OutputTask(*self._of(chunk), seed=self._draws.seed, public_key=key, rows=rows)

    def _chain_task(self, chunk: Chunk, first: Elements, given: Coefficients) -> ChainTask:
        columns = (column.encode() for column in (first, given.shuffled, given.products, given.before))
        return ChainTask(*self._of(chunk), self._draws.seed, *columns)

    def _of(self, chunk: Chunk) -> tuple[int, int, int, int]:
        return chunk.number, chunk.first, chunk.count, self._statement.width

    def _let_others(self, name: str, task_of: Callable[[Chunk], Task]) -> None:
        """Let other machines do what is not done yet of a step, and keep it."""
        if self._elsewhere is None:
            return
        missing = [chunk for chunk in self._plan if self._kept.find(f"{name}-{chunk.number}") is None]
        self._progress.step("waiting for other machines", len(missing))
        outcomes = self._elsewhere.perform(self._group, map(task_of, missing))
        for number, (chunk, outcome) in enumerate(zip(missing, outcomes, strict=True)):
            if outcome:
                self._kept.keep(f"{name}-{chunk.number}", outcome)
            self._progress.done(number + 1)

    def _make_chain(self, first: Elements, shuffled: Scalars, parts: ProofParts) -> Scalars:
        """Fill in `P` and `P'`; return the sums of `r_i`, `e'_i r_i`, `e'_i s_i1`, `e'_i s_i2`, ..."""
        size, tables = self._group.element_bytes, self._group.fixed_base(first)
        products = shuffled.running_products()  # y
        before = self._group.join_scalars([self._group.scalars_of([1]), products[:-1]])
        given = Coefficients(shuffled, products, before)
        inner = []
        self._let_others("chain", lambda chunk: self._chain_task(chunk, first, given.of(chunk)))
        for chunk in self._watched("committing to the order"):
            name = f"chain-{chunk.number}"
            if (kept := self._kept.find(name)) is None:
                prepared = first_of_chain(self._preparations.chain(chunk.number), chunk)
                kept = make_chain(self._group, tables, prepared, self._draws, chunk, given.of(chunk)).encode()
                self._kept.keep(name, kept)
            part = decode_chain_part(self._group, self._statement.width, chunk.count, kept)
            chunk.of(parts.chain, size)[:] = part.chain
            chunk.of(parts.chain_masks, size)[:] = part.masks
            inner.append(part.inner)
        return functools.reduce(operator.add, inner)

    def _masks(self, sums: Elements) -> Elements:
        """Return `F1, F2, F3, FA_1, FB_1, ...`."""
        group, drawn = self._group, self._draws.sums()
        public_key = self._statement.public_key
        alone = group.generator.times(group.join_scalars([drawn.alpha, drawn.gamma, drawn.delta]))
        pairs = [
            group.join([group.generator.times(phi), public_key.times(phi)])
            for phi in (drawn.phi[number : number + 1] for number in range(self._statement.width))
        ]
        return group.join([alone[:1] + sums[:1], alone[1:], sums[1:] - group.join(pairs)])

    def _make_replies(self, shuffled: Scalars, challenge: Scalars, parts: ProofParts) -> Scalars:
        """Fill in `kB` and `kE`; return `d`."""
        size = self._group.scalar_bytes
        last = self._group.scalars_of([0])
        for chunk in self._watched("answering the challenge"):
            rows = shuffled[chunk.first : chunk.end]
            chain_replies, order_replies, last = make_replies(self._draws, chunk, last, rows, challenge)
            chunk.of(parts.chain_replies, size)[:] = chain_replies.encode()
            chunk.of(parts.order_replies, size)[:] = order_replies.encode()
        return last

    def _replies(self, inner: Scalars, last: Scalars, challenge: Scalars) -> Scalars:
        """Return `kA, kC, kD, kF_1, ...`."""
        drawn, join = self._draws.sums(), self._group.join_scalars
        masks = join([drawn.alpha, drawn.gamma, drawn.delta, drawn.phi])
        return masks + challenge * join([inner[1:2], inner[:1], last, inner[2:]])

    def _columns(self, rows: memoryview) -> list[memoryview]:
        size = self._statement.column_bytes
        return [rows[number * size : (number + 1) * size] for number in range(2 * self._statement.width)]

    def _watched(self, text: str) -> Iterator[Chunk]:
        self._progress.step(text, len(self._plan))
        for chunk in self._plan:
            yield chunk
            self._progress.done(chunk.number + 1)


def shuffle(statement: ShuffleStatement, before: Buffer, generators: GeneratorSource, rng: Rng) -> Shuffled:
    """Shuffle a list and prove it, all in memory and at once.

    `before`: the input, `2 * width` columns, encoded. Errors are those of `Prover.prove`.
    """
    rows = even_rows(statement.size)
    draws = Draws(statement.group, rng.randbytes(SEED_BYTES), statement.width)
    preparing = ChunkPreparing(statement.public_key, generators, draws, chunks(statement.size, rows))
    return Prover(statement, draws, preparing, chunk_rows=rows, parts=NoParts(), progress=Unwatched()).prove(before)
