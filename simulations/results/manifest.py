"""The manifest: what a folder of results was made from, by which code, when and where."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from loopixmix.errors import MisuseError
from simulations.results.provenance import Code
from simulations.scenario import Scenario
from simulations.scenario.plain import plain

FORMAT = 1
MANIFEST = "manifest.json"


class FolderError(MisuseError):
    """The folder cannot be used for this run."""


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """One swept key and its values."""

    key: str
    values: tuple[object, ...]

    def __post_init__(self) -> None:
        """Make values that were read equal to those that were written: JSON has no tuples, and lists come back."""
        msgspec.structs.force_setattr(self, "values", tuple(map(plain, self.values)))


class RunSession(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the command ran. `end`: "running", "complete", "interrupted" or "failed".

    `seconds` and the counts are written as the session goes on. Of one that was killed the file says "running" until
    the next session begins; `ended` stays None.
    """

    started: str
    ended: str | None = None
    seconds: float | None = None
    where: str
    tasks_done: int = 0
    task_seconds: float = 0.0
    end: str = "running"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that a reader must know to trust the figures, for how many of the points it holds, and which (from 0)."""

    text: str
    points: int
    numbers: tuple[int, ...] = ()


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """Work that was begun after a result was finished, and is not in its files yet, such as more replicates."""

    replicates: int
    tasks: int
    tasks_done: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Times, machine and sessions are here and in no other file of the folder.

    `complete`: whether the files hold the result of all `tasks`. If work goes on afterwards, the finished result stays
    as it is, and `unfinished` tells how far the new work is.
    """

    format: int = FORMAT
    engine: str
    replicates: int
    points: int
    sweep: tuple[Swept, ...]
    scenario: Scenario
    inputs: dict[str, str] = {}
    window: str
    code: Code
    complete: bool = False
    tasks: int
    tasks_done: int = 0
    unfinished: Unfinished | None = None
    notes: tuple[Note, ...] = ()
    files: dict[str, str] = {}
    versions: dict[str, str] = {}
    machine: str = ""
    sessions: tuple[RunSession, ...] = ()

    @property
    def digest(self) -> str:
        """A hash of all that makes the outcomes of this run; more replicates change nothing."""
        run = msgspec.structs.replace(self.scenario.run, replicates=1)
        scenario = msgspec.structs.replace(self.scenario, run=run)
        # More replicates belong to the same run, and so to the same folder.
        same = (self.engine, scenario, self.sweep, self.inputs, self.code.fingerprint, self.code.native)
        return hashlib.sha256(msgspec.json.encode(same)).hexdigest()


def ended(sessions: tuple[RunSession, ...]) -> tuple[RunSession, ...]:
    """Return the sessions of a folder in which no process runs: one that says it runs was killed."""
    return tuple(
        msgspec.structs.replace(session, end="interrupted") if session.end == "running" else session
        for session in sessions
    )


def read_manifest(folder: Path) -> Manifest:
    """Return a folder's manifest as it is written; raise `FolderError` if there is none or it is damaged."""
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise FolderError(f"{folder}: holds no {MANIFEST}: no run was kept there") from None
    except OSError as error:
        raise FolderError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, MisuseError) as error:
        raise FolderError(f"{path}: is no manifest of this version: {error}") from error
    if manifest.format != FORMAT:
        raise FolderError(f"{path}: is of format {manifest.format}: this version reads {FORMAT}")
    return manifest
