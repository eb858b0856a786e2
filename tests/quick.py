"""Check what was changed, in under a minute: `make quick`.

A file is changed if it differs from the newest commit that the work shares with `main`, committed or not. Somebody who
works on `main` itself is compared with `origin/main`, or without one with the last commit. The first line of the output
says which of these it was, and names the changed files.

Checked are the style of these files, all types, the layers, and three kinds of tests: those that were changed, those at
the mirrored place of a changed module, and those that import a changed module or world. A change in `native/` also
runs `make native`. Tests for which there is no time are named at the end; `make test` runs them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("loopixmix", "provider", "client", "leap_plugin", "votes", "stats", "simulations", "benchmarks")
WORLDS = "tests/worlds/"
NATIVE = "native/"
NATIVE_MODULES = ("loopixmix._native", "loopixmix.sphinx.native")
"""The modules that a change in `native/` concerns."""
ALWAYS = ("tests/test_layers.py", "tests/test_mirror.py")
SLOW = ("tests/integration/",)
"""Tests that start processes come last, so that the others have had their turn when time runs out."""
BUDGET_S = 40.0
"""When the last test may begin. The rest of the minute is for style, types and collecting the tests."""
MOST_NAMED = 10
"""How many of the changed files the first line names."""


@dataclass(frozen=True)
class Base:
    """The commit with which the work is compared, and what to call it."""

    commit: str
    name: str


def base_of(root: Path) -> Base:
    """Return what the work under `root` is compared with."""
    # On `main` the newest commit shared with `main` is the last one: whatever is committed would count as unchanged.
    on_main = _git(root, "branch", "--show-current") == ["main"]
    for name in ("origin/main",) if on_main else ("main", "origin/main"):
        shared = _git(root, "merge-base", "HEAD", name)
        if shared:
            return Base(shared[0], f"{name} ({shared[0][:8]})")
    return Base("HEAD", "the last commit")


def changed_files(root: Path, base: Base) -> list[str]:
    """Return the files under `root` that differ from `base`, those that are gone, and those new to git."""
    names = _git(root, "diff", "--name-only", "--no-renames", base.commit)
    return sorted({*names, *_git(root, "ls-files", "--others", "--exclude-standard")})


def report(changed: Sequence[str], base: Base) -> str:
    """Return the first line of the output."""
    if not changed:
        return f"Compared with {base.name}: nothing changed, so nothing is checked. `make test` checks everything."
    more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    files = "1 file" if len(changed) == 1 else f"{len(changed)} files"
    return f"Compared with {base.name}: {files} changed: {', '.join(changed[:MOST_NAMED])}{more}"


def _git(root: Path, *arguments: str) -> list[str]:
    """Return the lines that git prints; none if it fails, for example because there is no `main`."""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def concerning(changed: Iterable[str], root: Path) -> list[str]:
    """Return the test files that concern the changed files, those that most likely fail first."""
    changed = list(changed)
    tests = [name for name in changed if Path(name).name.startswith("test_") and name.startswith("tests/")]
    mirrors = [mirror for name in changed for mirror in mirrored(name, root)]
    modules = {module_of(name) for name in changed if module_of(name)}
    if any(name.startswith(NATIVE) for name in changed):
        modules.update(NATIVE_MODULES)
    importing = importers(modules, root)
    pages = ["tests/test_docs.py"] if any(name.endswith(".md") for name in changed) else []
    found = dict.fromkeys([*ALWAYS, *pages, *tests, *mirrors, *importing])
    there = [name for name in found if (root / name).is_file() and name.endswith(".py")]
    return sorted(there, key=lambda name: name.startswith(SLOW))


def module_of(name: str) -> str:
    """Return the dotted name of a module of ours or of a world; "" for any other file."""
    if not name.endswith(".py") or not name.startswith((*(f"{package}/" for package in PACKAGES), WORLDS)):
        return ""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def mirrored(name: str, root: Path) -> Iterator[str]:
    """Yield the tests at the place that mirrors a module: its own, or otherwise those of its folder."""
    if not module_of(name) or name.startswith(WORLDS):
        return
    folder, stem = Path(name).parent, Path(name).stem.lstrip("_")
    own = Path("tests") / folder / f"test_{stem}.py"
    if (root / own).is_file():
        yield str(own)
    else:
        yield from sorted(str(path.relative_to(root)) for path in (root / "tests" / folder).glob("test_*.py"))


def importers(modules: set[str], root: Path) -> list[str]:
    """Return the test files that import one of the modules themselves, or by a world that does."""
    imports = {
        str(path.relative_to(root)): set(imported(ast.parse(path.read_text(encoding="utf-8"))))
        for path in sorted((root / "tests").rglob("*.py"))
    }
    wanted = modules | _worlds_above(modules, imports)
    return [name for name, names in imports.items() if names & wanted and Path(name).name.startswith("test_")]


def _worlds_above(modules: set[str], imports: Mapping[str, set[str]]) -> set[str]:
    """Return the worlds that import one of the modules, however indirectly."""
    worlds = {module_of(name): names for name, names in imports.items() if name.startswith(WORLDS)}
    found: set[str] = set()
    while True:
        more = {world for world, names in worlds.items() if names & (modules | found)}
        if more <= found:
            return found
        found |= more


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names that a file imports. A name out of a package may be a module: it counts as both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# Budgets compare by identity (`eq=False`): pytest puts its plugins into sets, and a dataclass that compares by value
# cannot be in one.
@dataclass(eq=False)
class Budget:
    """A pytest plugin that lets tests begin until the time is up, and keeps the files of those that were left out."""

    span_s: float
    clock: Callable[[], float] = time.monotonic
    left_out: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._end_s = self.clock() + self.span_s

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip the test if the time is up."""
        if self.clock() > self._end_s:
            name = item.nodeid.partition("::")[0]
            self.left_out[name] = self.left_out.get(name, 0) + 1
            pytest.skip("no time left")


def commands_for(changed: Iterable[str], root: Path) -> list[tuple[str, ...]]:
    """Return the commands that check the changed files, apart from the tests in Python."""
    changed = list(changed)
    python = (sys.executable, "-P", "-m")
    commands: list[tuple[str, ...]] = [(*python, "mypy")]
    sources = [name for name in changed if name.endswith(".py") and (root / name).is_file()]
    if sources:
        commands += [(*python, "ruff", "check", *sources), (*python, "ruff", "format", "--check", *sources)]
    if any(name.startswith(NATIVE) for name in changed):
        commands.append(("make", "native"))
    return commands


def check(root: Path) -> int:
    """Check what was changed under `root`; return the exit code."""
    base = base_of(root)
    changed = changed_files(root, base)
    print(report(changed, base), flush=True)
    if not changed:
        return 0
    commands = commands_for(changed, root)
    running = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for command in commands
    ]
    budget = Budget(BUDGET_S)
    code = int(pytest.main(["-q", "-m", "not long and not chaos", *concerning(changed, root)], plugins=[budget]))
    for command, process in zip(commands, running, strict=True):
        printed, _ = process.communicate()
        if process.returncode:
            print(f"{' '.join(command)}:\n{printed.decode()}")
        code = code or process.returncode
    for name, count in budget.left_out.items():
        print(f"no time left for {count} tests of {name}")
    return code


if __name__ == "__main__":
    sys.exit(check(ROOT))
