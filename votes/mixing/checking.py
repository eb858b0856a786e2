"""Verifying the mix of another mixer, from files."""

from __future__ import annotations

import mmap
from pathlib import Path

from loopixmix.errors import StoreError
from votes.shuffle.chunks import MOST_ROWS, WorkProgress
from votes.shuffle.generators import GeneratorSource
from votes.shuffle.statement import ShuffleStatement
from votes.shuffle.tasks import Elsewhere
from votes.shuffle.verifying import verify_shuffle


def verify_mix(
    statement: ShuffleStatement,
    before: Path,
    output: Path,
    proof: Path,
    generators: GeneratorSource,
    *,
    progress: WorkProgress,
    chunk_rows: int = MOST_ROWS,
    elsewhere: Elsewhere | None = None,
) -> None:
    """Check the mix in files, of which only the chunk that is worked on is held in memory.

    `statement`: with as many rows as the board says. `elsewhere`: machines that do a part, and are believed. Raises
    `ShuffleError` if anything is wrong, `StoreError` if a file cannot be read.
    """
    rows, shuffled, proven = (mapped(path) for path in (before, output, proof))
    verify_shuffle(
        statement,
        *(rows, shuffled, proven),
        generators,
        chunk_rows=chunk_rows,
        progress=progress,
        elsewhere=elsewhere,
    )


def mapped(path: Path) -> memoryview:
    """Return the content of a file, which the system reads as it is needed. Nobody may shorten it meanwhile."""
    try:
        with path.open("rb") as file:
            # An empty file cannot be mapped. Nobody closes the mapping: an error keeps views of it alive for a while.
            size = path.stat().st_size
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
