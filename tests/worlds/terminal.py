"""Somebody at a terminal, with a home of their own, who runs the commands of LoopixMix and of applications.

Each command is a process as a user starts it. `tests.worlds.commands` runs many of them faster; this is for tests that
are about the whole: what is installed, what stands on the screen, what a program reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from select import select

import msgspec

from loopixmix.verdict import Verdict

ROOT = Path(__file__).parents[2]
COLUMNS, LINES = 80, 24
PATIENCE_S = 60.0
_LOOKS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07")
"""What a terminal does not show: colours, movements of the cursor, titles."""


class Terminal:
    """A terminal of one user; `close` ends what was started at it."""

    def __init__(self, home: Path) -> None:
        """`home`: an empty directory, in which the commands run, too."""
        self.home = home
        self._site = home / "site"
        self._site.mkdir(parents=True)
        self._path = [str(self._site), str(ROOT)]
        self._started: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the commands: of the tests' own only what makes programs run."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return kept | {
            "HOME": str(self.home),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "PYTHONPATH": os.pathsep.join(self._path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TERM": "tmux-256color",
            "COLUMNS": str(COLUMNS),
            "LINES": str(LINES),
        }

    def install(self, source: Path) -> None:
        """Install the package of `source`, which has a `pyproject.toml`, for this user, with its entry points."""
        project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
        installed = self._site / f"{project['name'].replace('-', '_')}-1.0.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: 1.0\n")
        groups = [
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in project["entry-points"].items()
        ]
        (installed / "entry_points.txt").write_text("\n".join(groups))
        self._path.insert(1, str(source))

    def attempt(
        self, *arguments: object, stdin: str = "", patience_s: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        """Run `loopixmix` with `arguments` to its end, whatever that is; return its exit code and what it printed."""
        return self._finish(_loopixmix(arguments), stdin=stdin, patience_s=patience_s)

    def run(self, *arguments: object, stdin: str = "", patience_s: float = PATIENCE_S) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.attempt(*arguments, stdin=stdin, patience_s=patience_s)
        assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr or done.stdout}"
        return done.stdout

    def json(self, *arguments: object, patience_s: float = PATIENCE_S) -> object:
        """Run a command with `--json` that must succeed; return the one value that it printed."""
        return msgspec.json.decode(self.run(*arguments, "--json", patience_s=patience_s))

    def verdict(self, *arguments: object, patience_s: float = PATIENCE_S) -> Verdict:
        """Run a command that judges with `--json`; its exit code must say the same as its verdict."""
        done = self.attempt(*arguments, "--json", patience_s=patience_s)
        assert done.returncode in (0, 1), done.stderr
        verdict = msgspec.json.decode(done.stdout, type=Verdict)
        assert done.returncode == (0 if verdict.passed else 1), done.stderr
        return verdict

    def python(self, *arguments: object, patience_s: float = PATIENCE_S) -> str:
        """Run Python as this user, who has installed what they have; return what it printed."""
        done = self._finish([sys.executable, *map(str, arguments)], stdin="", patience_s=patience_s)
        assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
        return done.stdout

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command that goes on; it is ended by `close` at the latest."""
        process = subprocess.Popen(
            _loopixmix(arguments),
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def look(
        self, *arguments: object, question: str = "", answer: str = "", patience_s: float = PATIENCE_S
    ) -> list[str]:
        """Run a command at a real terminal; return the lines that it shows, as they are in the end.

        `answer`: is typed when the terminal shows `question`.
        """
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        process = subprocess.Popen(
            _loopixmix(arguments),
            cwd=self.home,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = _read_all(ours, question=question, answer=answer, until_s=time.monotonic() + patience_s)
        finally:
            os.close(ours)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # A line that is written again, such as a bar of progress, is seen as it was last.
        lines = _LOOKS.sub("", shown).replace("\r\n", "\n").removesuffix("\n").split("\n")
        return [line.rpartition("\r")[2] for line in lines]

    def close(self) -> None:
        """End what was started and still runs."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
        for process in self._started:
            try:
                process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def _finish(self, line: Sequence[str], *, stdin: str, patience_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line,
            cwd=self.home,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )


def _loopixmix(arguments: Sequence[object]) -> list[str]:
    return [sys.executable, "-P", "-m", "loopixmix.main", *map(str, arguments)]


def _read_all(terminal: int, *, question: str, answer: str, until_s: float) -> str:
    """Return what is written to a terminal before its last program ends."""
    data, awaited = b"", question.encode()
    while select([terminal], [], [], max(0.0, until_s - time.monotonic()))[0]:
        try:
            data += os.read(terminal, 65536)
        except OSError:  # nobody has the other end any more
            return data.decode()
        if awaited and awaited in data:
            # Not before: who asks without showing what is typed throws away what was typed too early.
            os.write(terminal, answer.encode())
            awaited = b""
    raise TimeoutError(f"the command did not end; so far: {data.decode()[-2000:]}")
