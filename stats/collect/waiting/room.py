"""All reports that wait, in pools: one for each sheet and period. One thread uses the room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from loopixmix.errors import StoreError
from loopixmix.process.files import UNFINISHED, erase_file, file_error, make_directory
from loopixmix.seams import Rng
from stats.collect.survey import CheckedReport, CollectedSurvey, PoolName
from stats.collect.waiting.batch import DrawnBatch, batch_number
from stats.collect.waiting.order import random_order
from stats.collect.waiting.records import RecordForm
from stats.collect.waiting.slots import SlotFile

SUFFIX = ".slots"


class HalfReleasedError(StoreError):
    """A batch has left its pool, and could not be erased there: only a new start puts that right."""


class _Pool:
    """One pool. `known`: the digest by what can be there once, of those that wait and of those that are being released.

    A report that is being released is not among the spent ones of the store yet. So it is known here until it is.
    """

    def __init__(self, file: SlotFile, form: RecordForm) -> None:
        self.file = file
        self.form = form
        self.known: dict[bytes, bytes] = {}


class WaitingRoom:
    """The pools, in files of one folder."""

    def __init__(self, folder: Path, *, rng: Rng) -> None:
        """Open the folder, or make it; raise `StoreError`. `rng`: draws slots, batches and orders."""
        self._folder = folder
        self._rng = rng
        self._pools: dict[PoolName, _Pool] = {}
        make_directory(folder)
        try:
            # A crash may leave a copy of reports that are in another file, too.
            for path in folder.glob(UNFINISHED):
                erase_file(path)
        except OSError as error:
            raise file_error(error, f"{folder}: cannot be used") from error

    def admit(self, survey: CollectedSurvey) -> list[DrawnBatch]:
        """Open the pools that a survey has left here; return the batches of which the release was begun.

        Raises `StoreError`.
        """
        begun: list[DrawnBatch] = []
        for name in sorted(path.name for path in self._folder.glob(f"{survey.prefix}-*")):
            number = batch_number(name)
            pool = survey.pool(name.partition(".")[0])
            self._open(survey, pool)
            if number is not None:
                form = self._pools[pool].form
                begun.append(DrawnBatch(pool, number, form, form.array((self._folder / name).read_bytes())))
        for batch in begun:
            self._leave(self._pools[batch.pool], batch)
        return begun

    def waiting(self, pool: PoolName) -> int:
        """Return how many reports wait in a pool."""
        found = self._pools.get(pool)
        return 0 if found is None else len(found.file)

    def digest(self, pool: PoolName, once: bytes) -> bytes | None:
        """Return the digest of the report that waits, or is being released, with `once`."""
        found = self._pools.get(pool)
        return None if found is None else found.known.get(once)

    def put(self, survey: CollectedSurvey, pool: PoolName, reports: Mapping[bytes, CheckedReport]) -> None:
        """Let reports wait, by what can be there once; they are on the disk when this returns. Raises `StoreError`."""
        found = self._open(survey, pool)
        found.file.put([found.form.encode(report) for report in reports.values()])
        found.known.update({once: report.digest for once, report in reports.items()})

    def draw(self, pool: PoolName, number: int, *, held_back: int) -> DrawnBatch:
        """Draw a batch in a random order, all but `held_back`, and take it out of the pool. Raises `StoreError`.

        From then on the batch is in its own file, also after a crash.
        """
        found = self._pools[pool]
        slots, records = found.file.read()
        order = random_order(len(slots), self._rng)[held_back:]
        batch = DrawnBatch(pool, number, found.form, records[order])
        batch.write(self._folder)
        try:
            if held_back:
                found.file.erase(slots[order])
            else:
                found.file.remove()
                found.file = self._open_file(pool, found.form)
        except Exception as error:  # whatever it is: drawn again, the same reports would be released twice
            raise HalfReleasedError(f"a release was left half-way, and goes on after a restart: {error}") from error
        return batch

    def forget(self, batch: DrawnBatch) -> None:
        """Erase a batch that is in the column store, and whose tokens are among the spent ones. Raises `StoreError`."""
        known = self._pools[batch.pool].known
        for once in batch.form.spent(batch.records):
            known.pop(once, None)
        self._erase(batch.path(self._folder))

    def discard(self, pool: PoolName) -> None:
        """Erase a pool with all reports that wait in it. Raises `StoreError`."""
        found = self._pools.pop(pool, None)
        if found is not None:
            found.file.remove()

    def close(self) -> None:
        """Close all files."""
        for pool in self._pools.values():
            pool.file.close()

    def _open(self, survey: CollectedSurvey, pool: PoolName) -> _Pool:
        found = self._pools.get(pool)
        if found is None:
            form = RecordForm(len(survey.table(pool.sheet).questions))
            found = self._pools[pool] = _Pool(self._open_file(pool, form), form)
            slots, records = found.file.read()
            found.known = form.spent(records)
            # A write that failed, and could not be undone, may have left a report that then came again.
            first = {once: place for place, once in reversed(list(enumerate(form.onces(records))))}
            doubles = np.setdiff1d(np.arange(len(slots)), np.fromiter(first.values(), np.int64, len(first)))
            found.file.erase(slots[doubles])
        return found

    def pools(self) -> list[PoolName]:
        """Return the pools that are open."""
        return list(self._pools)

    def _open_file(self, pool: PoolName, form: RecordForm) -> SlotFile:
        return SlotFile(self._folder / f"{pool}{SUFFIX}", form, rng=self._rng)

    def _leave(self, found: _Pool, batch: DrawnBatch) -> None:
        """Erase the reports of a batch from their pool, if a crash has kept them there; they are still known."""
        left = batch.form.spent(batch.records)
        slots, records = found.file.read()
        gone = [place for place, once in enumerate(found.form.onces(records)) if once in left]
        found.file.erase(slots[np.array(gone, dtype=np.int64)])
        found.known.update(left)

    def _erase(self, path: Path) -> None:
        try:
            erase_file(path)
        except OSError as error:
            raise file_error(error, f"{path}: cannot be erased") from error
