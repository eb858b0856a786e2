"""The folder of a run: what is done is kept at once, and an interrupted run goes on where it stopped.

manifest.json                     what was run, by which code, when, where; the only file with times
scenario.toml                     the scenario as run
parts/00000-00000.outcome         the outcome of one task (point, replicate): a SHA-256, then MessagePack
parts/00000-theory.outcome        what the exact engine says of that point
replicates, summary, distributions: .csv and .parquet, when all is done; they stay while more is done
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loopixmix.process.files import PUBLIC_FILE, UNFINISHED, file_error, write_atomically, write_together
from simulations.results.differences import differences
from simulations.results.findings import Findings
from simulations.results.holding import hold, is_held
from simulations.results.manifest import MANIFEST, FolderError, Manifest, ended, read_manifest
from simulations.results.tables import as_csv, as_parquet, distributions_table, replicates_table, summary_table
from simulations.scenario import to_toml
from simulations.sweep.tasks import Record, Task

SCENARIO = "scenario.toml"
PARTS = "parts"
TABLES = ("replicates", "summary", "distributions")
FILES = (SCENARIO, *(f"{table}.{kind}" for table in TABLES for kind in ("csv", "parquet")))
"""All that a finished run publishes, its manifest left out."""

_DIGEST_BYTES = 32


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a task. `digest`: of everything that made it."""

    digest: str
    record: Record


@dataclass(frozen=True)
class Kept:
    """The names of the parts that a folder keeps, none if there is no folder."""

    names: frozenset[str]

    def lacking(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks of which there is no part; whether one is damaged is not looked at."""
        return [task for task in tasks if _part_name(task) not in self.names]


def kept_in(path: Path, wanted: Manifest) -> Kept:
    """Return what a folder keeps of a run, without changing it; raise `FolderError` if it keeps something else."""
    if not (path / MANIFEST).exists():
        check_unused(path)
        return Kept(frozenset())
    check_same(path, read_manifest(path), wanted)
    return Kept(frozenset(part.name for part in (path / PARTS).glob("*.outcome")))


def check_same(path: Path, kept: Manifest, wanted: Manifest) -> None:
    """Raise `FolderError`, which says what differs, if the folder keeps another run than the wanted one."""
    found = list(differences(kept, wanted))
    if found:
        raise FolderError(
            f"{path}: keeps another run: {'; '.join(found)} (choose another folder, or run what it holds)"
        )


def check_unused(path: Path) -> None:
    """Raise `FolderError` if a folder without a manifest is no new one; it need not be there."""
    entries = list(path.iterdir()) if path.is_dir() else []
    others = [entry.name for entry in entries if entry.name != PARTS and entry.name[0] != "."]
    if others or any((path / PARTS).glob("[!.]*")):
        raise FolderError(f"{path}: holds other files and no {MANIFEST}: choose a new folder")


class Folder:
    """The folder of one run, held by one process at a time."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """`path`: the folder, made if it is not there; `manifest`: the run that is to be kept in it.

        Raises `FolderError` if it holds something else or another process has it, `StoreError` if the disk fails.
        """
        self.path = path
        self._code = manifest.code.fingerprint
        self._published: Manifest | None = None
        self._whole: Manifest | None = None
        try:
            (path / PARTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(error, f"{path}: cannot be used as a folder") from error
        self._hold = hold(path)
        try:
            self._tidy()
            self.manifest = self._compared(manifest)
            self._look_at_files()
        except BaseException:
            self.close()
            raise

    @property
    def published(self) -> Manifest | None:
        """The manifest of the finished result that can be read; None if there is none, or a file is damaged."""
        return self._published

    @property
    def whole(self) -> Manifest | None:
        """The same manifest if no file of the result is missing either."""
        return self._whole

    def close(self) -> None:
        """Let others have the folder."""
        self._tidy()
        os.close(self._hold)

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

    def note(self, manifest: Manifest) -> None:
        """Write the manifest as it is now."""
        put(self.path / MANIFEST, _encoded(manifest))
        self.manifest = manifest

    def publish(self, found: Findings) -> Manifest:
        """Write all tables and the manifest of them; return the manifest as written.

        A finished result that is there already stays until all of the new one is on the disk.
        """
        tables = (
            replicates_table(found.points, found.records),
            summary_table(found.points, found.records, found.theory),
            distributions_table(found.points, found.records, found.theory),
        )
        files = {SCENARIO: to_toml(found.scenario).encode("utf-8")}
        for name, table in zip(TABLES, tables, strict=True):
            files |= {f"{name}.csv": as_csv(table), f"{name}.parquet": as_parquet(table)}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        manifest = msgspec.structs.replace(found.manifest, files=digests)
        # The manifest last: it has the hashes of the others.
        together = {self.path / name: content for name, content in (files | {MANIFEST: _encoded(manifest)}).items()}
        write_together(together, mode=PUBLIC_FILE, lasting=False)
        self.manifest = self._published = self._whole = manifest
        return manifest

    def _look_at_files(self) -> None:
        manifest = self.manifest
        other = [name for name in FILES if digest_of(self.path / name) != manifest.files.get(name)]
        # Somebody may have removed what a result can be read without.
        needed = [name for name in other if name.endswith(".parquet") or (self.path / name).exists()]
        self._published = manifest if manifest.complete and not needed else None
        self._whole = manifest if manifest.complete and not other else None

    def _tidy(self) -> None:
        """Remove what a kill left half written, here and among the parts."""
        for folder in (self.path, self.path / PARTS):
            for left in folder.glob(UNFINISHED):
                # In a folder that nobody may write it stays, and does no harm.
                with contextlib.suppress(OSError):
                    left.unlink()

    def _compared(self, wanted: Manifest) -> Manifest:
        """Return the manifest to go on with; raise `FolderError` if the folder keeps another run."""
        if not (self.path / MANIFEST).exists():
            check_unused(self.path)
            return wanted
        kept = read_manifest(self.path)
        check_same(self.path, kept, wanted)
        # Nobody else runs here: this process holds the folder.
        return msgspec.structs.replace(kept, sessions=ended(kept.sessions))

    def _part(self, task: Task) -> Path:
        return self.path / PARTS / _part_name(task)

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


def _part_name(task: Task) -> str:
    return f"{task.point:05}-{'theory' if task.theory else f'{task.replicate:05}'}.outcome"


def put(path: Path, data: bytes) -> None:
    """Put `data` into `path`: a reader finds the old content or the new, also after a crash.

    Not waited for until the disk has it: what a power cut damages is noticed by its hash and made again.
    """
    write_atomically(path, data, mode=PUBLIC_FILE, lasting=False)


def manifest_now(folder: Path) -> Manifest:
    """Return a folder's manifest as it is now: a session that says it runs, and whose process is gone, was interrupted.

    Raises `FolderError` if there is no manifest, or it is damaged.
    """
    manifest = read_manifest(folder)
    if any(session.end == "running" for session in manifest.sessions) and not is_held(folder):
        # Read again: the run may have ended properly since it was read.
        manifest = read_manifest(folder)
        manifest = msgspec.structs.replace(manifest, sessions=ended(manifest.sessions))
    return manifest


def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
