"""The folder of a run: what is done is kept at once, and an interrupted run goes on where it stopped.

manifest.json                     what was run, by which code, when, where; the only file with times
scenario.toml                     the scenario as run
parts/00000-00000.outcome         the outcome of one task (point, replicate): a SHA-256, then MessagePack
parts/00000-theory.outcome        what the exact engine says of that point
replicates, summary, distributions: .csv and .parquet, when all is done
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from loopixmix.errors import StoreError
from loopixmix.process.files import PUBLIC_FILE, write_atomically
from simulations.results.differences import differences
from simulations.results.findings import Findings
from simulations.results.manifest import MANIFEST, FolderError, Manifest, read_manifest
from simulations.results.tables import as_csv, as_parquet, distributions_table, replicates_table, summary_table
from simulations.scenario import to_toml
from simulations.sweep.tasks import Record, Task

SCENARIO = "scenario.toml"
PARTS = "parts"
TABLES = ("replicates", "summary", "distributions")

_DIGEST_BYTES = 32


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a task. `digest`: of everything that made it."""

    digest: str
    record: Record


class Folder:
    """The folder of one run, held by one process at a time."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """`path`: the folder, made if it is not there; `manifest`: the run that is to be kept in it.

        Raises `FolderError` if it holds something else or another process has it, `StoreError` if the disk fails.
        """
        self.path = path
        self._code = manifest.code.fingerprint
        self._complete = False
        try:
            (path / PARTS).mkdir(parents=True, exist_ok=True)
            # The folder itself is locked, and no file in it that would be left behind by a kill.
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(f"{path}: cannot be used as a folder: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.manifest = self._compared(manifest)
        except BlockingIOError:
            self.close()
            raise FolderError(f"{path}: another process runs in this folder") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others have the folder."""
        os.close(self._lock)

    def finished(self, tasks: Sequence[Task]) -> list[Record]:
        """Return what is kept of `tasks`; what is damaged or was made by something else counts as not done."""
        found = (self._read(task) for task in tasks)
        return [record for record in found if record is not None]

    def keep(self, task: Task, record: Record) -> None:
        """Keep what a task gave: all of it or nothing, whatever happens meanwhile."""
        # Without its time: the same task must give the same bytes.
        part = _Part(digest=task.digest(self._code), record=msgspec.structs.replace(record, seconds=None))
        body = msgspec.msgpack.encode(part)
        # With its hash: a part that a power cut left half written must count as not done.
        put(self._part(task), hashlib.sha256(body).digest() + body)

    def is_complete(self) -> bool:
        """Tell whether all tables are there as they were written."""
        return self._complete and all(
            _digest_of(self.path / name) == digest for name, digest in self.manifest.files.items()
        )

    def note(self, manifest: Manifest) -> None:
        """Write the manifest as it is now."""
        self.manifest = manifest
        put(self.path / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")

    def publish(self, found: Findings) -> Manifest:
        """Write all tables, and the manifest last; return the manifest as written."""
        tables = (
            replicates_table(found.points, found.records),
            summary_table(found.points, found.records, found.theory),
            distributions_table(found.points, found.records, found.theory),
        )
        files = {SCENARIO: to_toml(found.scenario).encode("utf-8")}
        for name, table in zip(TABLES, tables, strict=True):
            files |= {f"{name}.csv": as_csv(table), f"{name}.parquet": as_parquet(table)}
        for name, content in files.items():
            put(self.path / name, content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        self.note(msgspec.structs.replace(found.manifest, files=digests))
        return self.manifest

    def _compared(self, wanted: Manifest) -> Manifest:
        """Return the manifest to go on with; raise `FolderError` if the folder keeps another run."""
        if not (self.path / MANIFEST).exists():
            others = [entry.name for entry in self.path.iterdir() if entry.name != PARTS and entry.name[0] != "."]
            if others or any((self.path / PARTS).glob("[!.]*")):
                raise FolderError(f"{self.path}: holds other files and no {MANIFEST}: choose a new folder")
            return wanted
        kept = read_manifest(self.path)
        found = list(differences(kept, wanted))
        if found:
            raise FolderError(
                f"{self.path}: keeps another run: {'; '.join(found)} (choose another folder, or run what it holds)"
            )
        self._complete = kept.complete and kept.replicates == wanted.replicates
        return kept

    def _part(self, task: Task) -> Path:
        which = "theory" if task.theory else f"{task.replicate:05}"
        return self.path / PARTS / f"{task.point:05}-{which}.outcome"

    def _read(self, task: Task) -> Record | None:
        try:
            content = self._part(task).read_bytes()
        except OSError:
            return None
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        try:
            part = msgspec.msgpack.decode(body, type=_Part)
        except msgspec.DecodeError:
            return None
        return part.record if part.digest == task.digest(self._code) else None


def put(path: Path, data: bytes) -> None:
    """Put `data` into `path`: a reader finds the old content or the new, also after a crash.

    Not waited for until the disk has it: what a power cut damages is noticed by its hash and made again.
    """
    write_atomically(path, data, mode=PUBLIC_FILE, lasting=False)


def _digest_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
