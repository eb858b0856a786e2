"""Topics of benchmarks: which modules measure for each, and how they are run.

A module that measures has a function `measure` that yields its figures one by one, and names them in `FIGURES`. A topic
is such a module, or one with a list `MEASURED_BY` of several. Each module runs in a process of its own: a reactor can
be started only once, and one that fails, crashes or hangs must not hide what the others find.
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

import msgspec

from benchmarks.report import ROOT, Figure

LONGEST_S = 40 * 60.0
"""No topic takes longer; what is not measured by then has failed."""


class MeasuringModule(Protocol):
    """A module of benchmarks that measures."""

    def measure(self) -> Iterator[Figure] | Sequence[Figure]:
        """Yield figures as they are found."""


class Measured(msgspec.Struct, frozen=True):
    """The figures of a topic, those that failed among them, and why they did."""

    figures: list[Figure]
    problems: list[str]


def modules_of(topic: str) -> list[str] | None:
    """Return the names of the modules that measure for a topic; None if there is no such topic."""
    module = f"benchmarks.{topic}"
    names = _constants(module) if all(map(str.isidentifier, topic.split("."))) else {}
    if "MEASURED_BY" in names:
        return [*names["MEASURED_BY"]]
    return [module] if "measure" in names else None


def measure_topic(modules: Sequence[str], *, tell: Callable[[str], object], longest_s: float = LONGEST_S) -> Measured:
    """Let each module measure, one after the other, and return what they found. `tell` hears how far it is."""
    until_s = time.monotonic() + longest_s
    measured = Measured([], [])
    for module in modules:
        tell(f"{module} ...")
        begin_s = time.monotonic()
        figures, problem = _measure_apart(module, timeout_s=until_s - begin_s)
        tell(f"{module} took {time.monotonic() - begin_s:.0f} s")
        measured.figures.extend(figures)
        if problem is not None:
            lacking = [name for name in _constants(module).get("FIGURES", ()) if name not in _names(figures)]
            # A module that does not name its figures fails under its own name.
            measured.figures.extend(failed(name) for name in lacking or [module.rpartition(".")[2]])
            measured.problems.append(f"{module}: {problem}")
    return measured


def failed(name: str) -> Figure:
    """Return a figure that could not be measured."""
    return Figure(name=name, value=None, unit="", met=False)


def perform(module: str, out: Path) -> None:
    """Let one module measure in this process, and write each figure to `out` as soon as it is found."""
    with out.open("ab", buffering=0) as file:
        for figure in cast(MeasuringModule, import_module(module)).measure():
            file.write(msgspec.json.encode(figure) + b"\n")


def _measure_apart(module: str, *, timeout_s: float) -> tuple[list[Figure], str | None]:
    """Return what a module found in a process of its own, and in one line why it did not find the rest."""
    with tempfile.NamedTemporaryFile() as found:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "benchmarks", "--module", module, found.name], cwd=ROOT, start_new_session=True
        )
        try:
            code = process.wait(timeout=max(0.0, timeout_s))
            problem = None if code == 0 else f"failed with exit code {code}; the reason is above"
        except subprocess.TimeoutExpired:
            problem = "took too long and was stopped"
        finally:
            # With all that it started, also if the one who measures loses patience.
            _end(process)
        return [msgspec.json.decode(line, type=Figure) for line in found.read().splitlines()], problem


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _constants(module: str) -> dict[str, tuple[str, ...]]:
    """Return the lists of words that a module defines at its top, and its functions, without importing it."""
    # It may need libraries that are not installed, and start things.
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # a part of what is no folder
        return {}
    if spec is None or spec.origin is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for node in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = ()
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            words = [item.value for item in node.value.elts if isinstance(item, ast.Constant)]
            found.update({target.id: tuple(map(str, words)) for target in node.targets if isinstance(target, ast.Name)})
    return found


def _names(figures: Sequence[Figure]) -> set[str]:
    return {figure.name for figure in figures}
