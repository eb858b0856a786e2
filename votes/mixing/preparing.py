"""What is computed before the election closes, kept in sealed files."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.group.group import Group
from votes.mixing.sealing import SealedFiles
from votes.shuffle.chunks import Chunk, WorkProgress
from votes.shuffle.preparation import (
    ChunkPreparing,
    PreparedChain,
    PreparedRows,
    decode_chain,
    decode_rows,
    encode_chain,
    encode_rows,
)


class KeptPreparations:
    """Hands over what was prepared, and prepares what was not."""

    def __init__(
        self, group: Group, width: int, plan: Sequence[Chunk], preparing: ChunkPreparing, files: SealedFiles
    ) -> None:
        """`plan`: the chunks of as many rows as there may be."""
        self._group = group
        self._width = width
        self._plan = plan
        self._preparing = preparing
        self._files = files

    def prepare(self, progress: WorkProgress) -> None:
        """Prepare all that is not there yet."""
        progress.step("preparing", len(self._plan))
        for chunk in self._plan:
            self.rows(chunk.number)
            self.chain(chunk.number)
            progress.done(chunk.number + 1)

    def rows(self, number: int) -> PreparedRows:
        """Return what chunk `number` needs for its output."""
        name = self._name("rows", number)
        if (kept := self._files.find(name)) is not None:
            return decode_rows(self._group, self._width, self._plan[number].count, kept)
        prepared = self._preparing.rows(number)
        self._files.keep(name, encode_rows(prepared))
        return prepared

    def chain(self, number: int) -> PreparedChain:
        """Return what it needs for the chain."""
        name = self._name("chain", number)
        if (kept := self._files.find(name)) is not None:
            return decode_chain(self._group, self._plan[number].count, kept)
        prepared = self._preparing.chain(number)
        self._files.keep(name, encode_chain(prepared))
        return prepared

    def _name(self, what: str, number: int) -> str:
        # What an engine dumps means nothing to another one, or perhaps to another version of it.
        return f"{what}-{number:05}-{self._group.engine}-{self._group.dump_bytes}"
