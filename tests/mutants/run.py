"""Does each break in `tests/mutants` turn a test red? Run as `python tests/mutants/run.py [NN ...]`.

A break (a mutant) is a patch of a few lines that puts a realistic mistake into the code. Its header says in words what
breaks, and names the tests that find it. Every break gets a copy of the tree of its own, so that the tree itself stays
as it is. A break counts as found when the tests of its header fail in that copy.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

WHAT = "What breaks: "
FOUND_BY = "Found by: "
LONGEST_S = 120.0
"""A break whose tests take longer than this hangs, and tells nothing."""
ALL_PASSED, SOME_FAILED = 0, 1
"""The two exit codes of pytest that mean that the named tests were run to an end."""


@dataclass(frozen=True)
class Break:
    """One patch: what it breaks, which modules it changes, and the tests (pytest's node ids) that find it."""

    path: Path
    what: str
    tests: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the file, which begins with the number."""
        return self.path.stem

    @property
    def number(self) -> str:
        """What a user calls the break."""
        return self.name.partition("-")[0]


class BrokenError(Exception):
    """The break tells nothing: its patch does not apply, or its tests do not run."""


def read_break(path: Path) -> Break:
    """Return the break in a patch; what its header lacks is empty."""
    header, _, diff = path.read_text(encoding="utf-8").partition("diff --git ")
    lines = header.splitlines()
    what = next((line.removeprefix(WHAT) for line in lines if line.startswith(WHAT)), "")
    tests = next((line.removeprefix(FOUND_BY) for line in lines if line.startswith(FOUND_BY)), "")
    modules = [line.removeprefix("+++ b/") for line in diff.splitlines() if line.startswith("+++ b/")]
    return Break(path, what, tuple(tests.split()), tuple(modules))


def all_breaks() -> list[Break]:
    """Return every break, in the order of their numbers."""
    return [read_break(path) for path in sorted(HERE.glob("*.patch"))]


def apply_patch(patch: Path, tree: Path, *, check_only: bool = False) -> None:
    """Apply a patch to the tree at `tree`, or only look whether it would apply; raise `BrokenError` if it does not.

    Git must not look for a repository above the tree: inside one it would leave out what lies elsewhere, and say
    nothing.
    """
    names = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "apply", "-p1", *(["--check"] if check_only else []), str(patch)]
    environment = {**names, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.splitlines() or ["no reason given"])[0]
        raise BrokenError(f"the patch does not apply ({reason})")


@contextlib.contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """Give a copy of the files that git tracks, as they are now, and of the built Rust engine; it does not stay."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder).resolve()
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        built = (str(path.relative_to(ROOT)) for path in (ROOT / "loopixmix").glob("*.so"))
        for name in {*filter(None, listed.split("\0")), *built}:
            # A file that was deleted without telling git is missing in the copy as well.
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        yield copy


def run_tests(tests: Iterable[str], tree: Path, *, longest_s: float | None) -> tuple[int, str]:
    """Run tests in a tree with the code of that tree; return pytest's exit code and what it printed.

    Raises `BrokenError` if they take too long.
    """
    # Also tests that are usually left out because they take minutes: here a break asks for them by name.
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-m", "", "-p", "no:cacheprovider", *tests]
    # Before everything else on the path, so that processes which the tests start import the copy too.
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    # A session of its own: whatever ends this program, it can end the tests with all that they have started.
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=longest_s)
    except subprocess.TimeoutExpired:
        raise BrokenError(f"its tests did not end within {longest_s:.0f} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, printed


def is_found(each: Break) -> bool:
    """Tell whether the tests of a break fail because of it; raise `BrokenError` if that cannot be told."""
    with copy_of_the_tree() as copy:
        apply_patch(each.path, copy)
        code, printed = run_tests(each.tests, copy, longest_s=LONGEST_S)
    if code not in (ALL_PASSED, SOME_FAILED):
        last = (printed.strip().splitlines() or ["nothing was printed"])[-1]
        raise BrokenError(f"pytest ended with exit code {code} ({last})")
    return code == SOME_FAILED


def complaint_without_breaks(breaks: Sequence[Break]) -> str:
    """Return what is wrong with the named tests before anything is broken, or nothing where all pass.

    They run in a copy like those of the breaks: a test that fails in every copy would find every break.
    """
    tests = dict.fromkeys(test for each in breaks for test in each.tests)
    with copy_of_the_tree() as copy:
        code, printed = run_tests(tests, copy, longest_s=None)
    return "" if code == ALL_PASSED else f"{printed.rstrip()}\n"


def chosen(numbers: Sequence[str]) -> list[Break]:
    """Return the breaks of these numbers, or all if there are none; end the program if one is unknown."""
    breaks = all_breaks()
    unknown = set(numbers) - {each.number for each in breaks}
    if unknown:
        raise SystemExit(f"there is no break {', '.join(sorted(unknown))}")
    return [each for each in breaks if not numbers or each.number in numbers]


def main(arguments: Sequence[str]) -> int:
    """Try the breaks and print a line for each; return 0 if every one was found."""
    parser = argparse.ArgumentParser(description="Does each break in tests/mutants turn a test red?")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="the number of a break; without any, all are tried")
    breaks = chosen(parser.parse_args(arguments).numbers)
    complaint = complaint_without_breaks(breaks)
    if complaint:
        print(f"{complaint}the named tests do not all pass before anything is broken")
        return 1
    found = 0
    for each in breaks:
        started_s = time.monotonic()
        try:
            if is_found(each):
                found += 1
                line = f"found   {each.name} ({time.monotonic() - started_s:.1f} s)"
            else:
                line = f"MISSED  {each.name}"
        except BrokenError as error:
            line = f"BROKEN  {each.name}: {error}"
        print(line, flush=True)
    print(f"{found} of {len(breaks)} breaks found")
    return 0 if found == len(breaks) else 1


if __name__ == "__main__":
    # Both ways of being stopped end the tests and remove the copy. A shell may have told its background jobs to ignore
    # the first one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
