"""Long columns by the piece, so that memory stays bounded and a killed program loses one piece only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from loopixmix.group.group import Buffer

MOST_ROWS = 1 << 16
"""Rows in a chunk. Larger ones make sums of products a little cheaper, and memory fuller."""


@dataclass(frozen=True)
class Chunk:
    """The rows `first` to `end - 1`."""

    number: int
    first: int
    count: int

    @property
    def end(self) -> int:
        """The first row of the next chunk."""
        return self.first + self.count

    def of(self, column: Buffer, row_bytes: int) -> memoryview:
        """Return these rows' part of a column whose rows have `row_bytes` bytes."""
        return memoryview(column)[self.first * row_bytes : self.end * row_bytes]


def chunks(size: int, rows: int = MOST_ROWS) -> list[Chunk]:
    """Cut `size` rows into chunks of `rows`; the last may be shorter."""
    return [Chunk(number, first, min(rows, size - first)) for number, first in enumerate(range(0, size, rows))]


def even_rows(size: int, most: int = MOST_ROWS) -> int:
    """Return how many rows a chunk should have, at most `most`, so that none is much shorter than the others."""
    number = max(1, -(-size // most))
    return max(1, -(-size // number))


def gather(column: Buffer, width: int, order: Sequence[int]) -> bytes:
    """Return the entries of a column, `width` bytes each, in another order."""
    data = bytes(column)
    entries = [data[start : start + width] for start in range(0, len(data), width)]
    return b"".join(map(entries.__getitem__, order))


class WorkProgress(Protocol):
    """Hears how far a long piece of work is, such as `loopixmix.progress.Steps`."""

    def step(self, text: str, total: int) -> None:
        """Begin a step of `total` parts; the one before it is over."""

    def done(self, parts: int) -> None:
        """Tell how many parts of the step are done."""


class Unwatched:
    """Progress that nobody looks at."""

    def step(self, text: str, total: int) -> None:
        """Do nothing."""

    def done(self, parts: int) -> None:
        """Do nothing."""
