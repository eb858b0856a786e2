"""A batch that is being released, in a file of its own: once it is there, its reports have left the pool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from loopixmix.process.files import write_atomically
from stats.collect.survey import PoolName
from stats.collect.waiting.records import RecordForm, Records

_NAME = re.compile(r"[0-9a-f-]+\.([0-9]{1,18})\.batch")


@dataclass(frozen=True)
class DrawnBatch:
    """Reports in the order in which they are appended. `number`: of the batch among those of its sheet."""

    pool: PoolName
    number: int
    form: RecordForm
    records: Records

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.records)

    def path(self, folder: Path) -> Path:
        """Return the file of the batch."""
        return folder / f"{self.pool}.{self.number}.batch"

    def write(self, folder: Path) -> None:
        """Write the file, as a whole and on the disk; raise `StoreError`."""
        write_atomically(self.path(folder), self.records.tobytes())


def batch_number(name: str) -> int | None:
    """Return the number in the name of a batch's file; None if it is none."""
    found = _NAME.fullmatch(name)
    return None if found is None else int(found.group(1))
