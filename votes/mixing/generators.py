"""The generators of an election in files, derived once and read back fast."""

from __future__ import annotations

import hashlib
from pathlib import Path

from loopixmix.errors import StoreError
from loopixmix.group.group import Elements, Group
from loopixmix.process.files import make_directory, write_atomically
from votes.shuffle.chunks import MOST_ROWS, Chunk, WorkProgress, chunks
from votes.shuffle.generators import check_available, derive_generators

_DIGEST_BYTES = 32


class KeptGenerators:
    """Generators in files of `chunk_rows` each, for a mixer, trustee or auditor.

    A file that is missing or damaged is made again. They are nobody's secret; but whoever can write into the directory
    can make this program believe a wrong proof.
    """

    def __init__(
        self, directory: Path, group: Group, fingerprint: bytes, count: int, *, chunk_rows: int = MOST_ROWS
    ) -> None:
        """`fingerprint`: that of the election. `count`: how many there are. Nothing is derived yet."""
        make_directory(directory)
        self._directory = directory
        self._group = group
        self._fingerprint = fingerprint
        self._plan = chunks(count, chunk_rows)
        self._rows = chunk_rows
        self._count = count
        self._recent: tuple[int, Elements, bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def derive(self, progress: WorkProgress) -> None:
        """Derive all that are not there yet."""
        progress.step("deriving generators", len(self._plan))
        for chunk in self._plan:
            self._chunk(chunk)
            progress.done(chunk.number + 1)

    def elements(self, first: int, count: int) -> Elements:
        """Return `count` generators from `H_first` on. Raises `ValueError` if there are not so many."""
        check_available(self, first, count)
        pieces = [self._chunk(chunk)[0][begin:end] for chunk, begin, end in self._pieces(first, count)]
        return pieces[0] if len(pieces) == 1 else self._group.join(pieces)

    def encodings(self, first: int, count: int) -> bytes:
        """Return their encodings."""
        check_available(self, first, count)
        size = self._group.element_bytes
        return b"".join(
            self._chunk(chunk)[1][begin * size : end * size] for chunk, begin, end in self._pieces(first, count)
        )

    def _pieces(self, first: int, count: int) -> list[tuple[Chunk, int, int]]:
        """Return the chunks in which rows are, and from where to where in each."""
        end = first + count
        touched = self._plan[first // self._rows : -(-end // self._rows)]
        return [(chunk, max(0, first - chunk.first), min(chunk.count, end - chunk.first)) for chunk in touched]

    def _chunk(self, chunk: Chunk) -> tuple[Elements, bytes]:
        if self._recent is None or self._recent[0] != chunk.number:
            self._recent = (chunk.number, *(self._load(chunk) or self._derive(chunk)))
        return self._recent[1:]

    def _derive(self, chunk: Chunk) -> tuple[Elements, bytes]:
        elements = derive_generators(self._group, self._fingerprint, chunk.first, chunk.count)
        encodings = elements.encode()
        content = encodings + elements.dump()
        write_atomically(self._path(chunk), self._digest(chunk, content) + content, lasting=False)
        return elements, encodings

    def _load(self, chunk: Chunk) -> tuple[Elements, bytes] | None:
        path = self._path(chunk)
        try:
            data = memoryview(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if digest != self._digest(chunk, content):
            return None
        size = chunk.count * self._group.element_bytes
        return self._group.load(content[size:]), bytes(content[:size])

    def _digest(self, chunk: Chunk, content: bytes | memoryview) -> bytes:
        """Return a checksum that also tells another election, engine or place."""
        about = f"{self._group.name} {self._group.engine} {chunk.first} {chunk.count} {self._group.dump_bytes}"
        hashed = hashlib.sha256(self._fingerprint + about.encode() + b"|")
        hashed.update(content)
        return hashed.digest()

    def _path(self, chunk: Chunk) -> Path:
        return self._directory / f"{self._group.engine}-{chunk.number:05}"
