"""The provenance of a result: the code that computed it, the machine, the libraries and the input files."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from loopixmix import __version__
from loopixmix.sweeps import sources
from simulations.scenario import Scenario, ScenarioError

SOURCES = ("loopixmix", "provider", "client", "simulations")
# Parts of the code that change no outcome of a task: a new label of a plot must not make every result be computed anew.
NOT_COMPUTING = ("simulations/commands", "simulations/plots", "simulations/importing", "simulations/scenario/scenarios")
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "msgspec", "joblib", "twisted")
# A new version of these can change an outcome.
COMPUTING = ("python", "numpy", "scipy")

_ROOT = Path(__file__).parent.parent.parent


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Which code computes. `fingerprint` is a hash of the sources that can change an outcome, committed or not.

    `revision`: git's, "unknown" if there is no repository; `changed`: whether files differ from it. `native`:
    whether the native code is there.
    """

    version: str
    revision: str
    changed: bool
    fingerprint: str
    native: bool

    @property
    def text(self) -> str:
        """The revision as a reader wants it."""
        return f"{self.revision}{' with changes' if self.changed else ''} (sources {self.fingerprint[:12]})"


@functools.cache
def code() -> Code:
    """Return which code this process runs."""
    return Code(
        version=__version__,
        revision=_git("rev-parse", "--short=12", "HEAD") or "unknown",
        # Files that git does not know are left out here; the fingerprint has them.
        changed=bool(_git("status", "--porcelain", "--untracked-files=no")),
        fingerprint=sources.fingerprint(SOURCES, without=NOT_COMPUTING),
        native=find_spec("loopixmix._native") is not None,
    )


def computing() -> str:
    """Return in words what must be the same wherever tasks of one run are done: code, and libraries that compute."""
    own = code()
    libraries = ", ".join(f"{name} {found}" for name, found in versions().items() if name in COMPUTING)
    return f"sources {own.fingerprint}, {'with' if own.native else 'without'} native code, {libraries}"


def inputs_of(scenarios: Iterable[Scenario], engine: str) -> dict[str, str]:
    """Return the SHA-256 of what the scenarios take from files, and of the module of an engine of the user's own.

    Raises `ScenarioError` if a file cannot be read.
    """
    digests = {
        name: _file_digest(Path(name), key="links.matrix")
        for name in sorted({scenario.links.matrix for scenario in scenarios} - {""})
    }
    module, colon, _ = engine.partition(":")
    source = find_spec(module) if colon else None
    if source is not None and source.origin is not None and Path(source.origin).is_file():
        digests[f"module {module}"] = _file_digest(Path(source.origin), key="engine")
    return digests


def now() -> str:
    """Return the time of day, in UTC and ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that compute."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return what kind of machine this is, without its name."""
    model = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.machine()}"


def _file_digest(path: Path, *, key: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ScenarioError(f'{key} is "{path}": cannot be read: {reason}') from error


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
