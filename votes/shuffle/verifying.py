"""Verifying a shuffle (docs/protocol/votes.md, 6). The letters are those of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from loopixmix.group.group import BadElementError, BadScalarError, Buffer, Elements, Scalars
from votes.record.transcript import coefficients, column_digest
from votes.shuffle.chunks import MOST_ROWS, Chunk, Unwatched, WorkProgress, chunks
from votes.shuffle.equations import Batch, BatchPart, Replies, RowElements, SingleEquations
from votes.shuffle.generators import GeneratorSource
from votes.shuffle.proof import ProofParts, split_proof
from votes.shuffle.statement import (
    ColumnDigests,
    ShuffleError,
    ShuffleStatement,
    batch_seed,
    first_seed,
    list_digests,
    second_challenge,
)
from votes.shuffle.tasks import CheckTask, Elsewhere

_Column = TypeVar("_Column", Elements, Scalars)

MOST_NAMED = 3
"""So many wrong equations are named: one lie makes many of them wrong, and they stand in one line."""


def verify_shuffle(
    statement: ShuffleStatement,
    before: Buffer,
    after: Buffer,
    proof: Buffer,
    generators: GeneratorSource,
    *,
    chunk_rows: int = MOST_ROWS,
    progress: WorkProgress | None = None,
    elsewhere: Elsewhere | None = None,
) -> None:
    """Check that `after` is a shuffle of `before`, both `2 * width` encoded columns.

    `generators`: at least as many as there are rows, derived by the verifier. `elsewhere`: machines that do a part, and
    whose word the verdict then rests on. Raises `ShuffleError` if anything is
    wrong: lengths, encodings, or the equations that it names.
    """
    statement.check_length("input", before)
    statement.check_length("output", after)
    if not statement.size:
        if len(proof):
            raise ShuffleError(f"nothing is proved of no rows, but the proof has {len(proof)} bytes")
        return
    reading = _Reading(statement, before, after, split_proof(statement, proof), generators)
    _check(reading, chunks(statement.size, chunk_rows), progress or Unwatched(), elsewhere)


class _Reading:
    """Reads a proof and all that it is about."""

    def __init__(
        self, statement: ShuffleStatement, before: Buffer, after: Buffer, parts: ProofParts, generators: GeneratorSource
    ) -> None:
        self.statement = statement
        self.parts = parts
        self._before = memoryview(before)
        self._after = memoryview(after)
        self._generators = generators

    def first_generator(self) -> Elements:
        return self._generators.elements(0, 1)

    def masks(self) -> Elements:
        return _decoded("F", self.statement.group.elements, self.parts.masks)

    def replies(self) -> tuple[Replies, Scalars]:
        """Return challenges and replies, and the coefficients of the batch."""
        statement, parts, group = self.statement, self.parts, self.statement.group
        chain = _decoded("kB", group.scalars, parts.chain_replies)
        order = _decoded("kE", group.scalars, parts.order_replies)
        sums = _decoded("kA, kC, kD, kF", group.scalars, parts.replies)
        seed = first_seed(statement, self._digests())
        commitments = (column_digest(parts.chain), column_digest(parts.chain_masks))
        challenge = second_challenge(group, seed, *commitments, self.masks())
        digests = (column_digest(parts.chain_replies), column_digest(parts.order_replies))
        weights = batch_seed(group, seed, challenge, *digests, sums)
        replies = Replies(coefficients(group, seed, statement.size), challenge, chain, order, sums)
        return replies, coefficients(group, weights, statement.size + 3 + 2 * statement.width)

    def rows(self, chunk: Chunk) -> RowElements:
        """Decode a chunk of rows; so each element is found to be one of the group."""
        group, parts = self.statement.group, self.parts

        def decoded(name: str, column: memoryview) -> Elements:
            return _decoded(name, group.elements, chunk.of(column, group.element_bytes), chunk.first)

        return RowElements(
            self._generators.elements(chunk.first, chunk.count),
            decoded("U", parts.commitments),
            decoded("P", parts.chain),
            decoded("P'", parts.chain_masks),
            tuple(decoded("the input", column) for column in self._columns(self._before)),
            tuple(decoded("the output", column) for column in self._columns(self._after)),
        )

    def task(self, chunk: Chunk, part: BatchPart) -> CheckTask:
        """Return a chunk of rows as a task."""

        def cut(*columns: memoryview) -> list[bytes]:
            return [bytes(chunk.of(column, self.statement.group.element_bytes)) for column in columns]

        scalars = (part.shared, part.coefficients, part.order, part.weights, part.following)
        return CheckTask(
            *(chunk.number, chunk.first, chunk.count, self.statement.width),
            fingerprint=self.statement.fingerprint,
            scalars=[column.encode() for column in scalars],
            proof=cut(self.parts.commitments, self.parts.chain, self.parts.chain_masks),
            before=cut(*self._columns(self._before)),
            after=cut(*self._columns(self._after)),
        )

    def _digests(self) -> ColumnDigests:
        return ColumnDigests(
            column_digest(self._generators.encodings(0, self.statement.size)),
            column_digest(self.parts.commitments),
            list_digests(self.statement, self._before),
            list_digests(self.statement, self._after),
        )

    def _columns(self, rows: memoryview) -> list[memoryview]:
        size = self.statement.column_bytes
        return [rows[number * size : (number + 1) * size] for number in range(2 * self.statement.width)]


def _check(reading: _Reading, plan: list[Chunk], progress: WorkProgress, elsewhere: Elsewhere | None) -> None:
    progress.step("reading the proof", 1)
    public_key = reading.statement.public_key
    replies, weights = reading.replies()
    batch = Batch(reading.statement.group, replies, weights)
    total = batch.of_sums(public_key, reading.first_generator(), reading.masks())
    progress.step("checking all equations together", len(plan))
    for number, part in enumerate(_parts(reading, batch, plan, elsewhere)):
        total += part
        progress.done(number + 1)
    if not total.is_identity()[0]:
        raise ShuffleError(_shown(list(islice(_wrong(reading, plan, replies, progress), MOST_NAMED + 1))))


def _shown(wrong: list[str]) -> str:
    named = ", ".join(wrong[:MOST_NAMED]) + (" and more" if len(wrong) > MOST_NAMED else "")
    return f"wrong equations: {named}"


def _parts(reading: _Reading, batch: Batch, plan: list[Chunk], elsewhere: Elsewhere | None) -> Iterator[Elements]:
    """Yield the part of the sum for each chunk."""
    group = reading.statement.group
    if elsewhere is None:
        yield from (batch.part(chunk).sum(group, reading.rows(chunk)) for chunk in plan)
        return
    outcomes = elsewhere.perform(group, (reading.task(chunk, batch.part(chunk)) for chunk in plan))
    for chunk, outcome in zip(plan, outcomes, strict=True):
        yield group.elements(outcome) if outcome else batch.part(chunk).sum(group, reading.rows(chunk))


def _wrong(reading: _Reading, plan: list[Chunk], replies: Replies, progress: WorkProgress) -> Iterator[str]:
    progress.step("checking the equations one by one", len(plan))
    equations = SingleEquations(
        reading.statement.group, replies, reading.statement.public_key, reading.first_generator()
    )
    for chunk in plan:
        yield from equations.wrong_rows(chunk, reading.rows(chunk))
        progress.done(chunk.number + 1)
    yield from equations.wrong_sums(reading.masks())


def _decoded(name: str, decode: Callable[[Buffer], _Column], encodings: Buffer, first: int = 0) -> _Column:
    try:
        return decode(encodings)
    except (BadElementError, BadScalarError) as error:
        raise ShuffleError(f"{name}: number {first + error.index} is no canonical encoding") from None
