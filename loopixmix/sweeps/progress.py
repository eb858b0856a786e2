"""The progress of a sweep: a bar on a terminal, or a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, TypeAlias

from rich.console import Console

from loopixmix import progress

LOOK_EVERY_S = 0.2
LINE_EVERY_S = 30.0

Done: TypeAlias = Callable[[], tuple[float, int]]
"""Returns how many tasks' work is done, those that run counting by their share, and how many tasks are over."""


class Watcher(Protocol):
    """Is told how far a sweep is."""

    def show(self, done: float, over: int, tasks: int) -> None:
        """Show that the work of `done` of `tasks` tasks is done, and `over` of them are over."""

    def close(self) -> None:
        """Stop showing."""


class Silent:
    """Shows nothing."""

    def show(self, done: float, over: int, tasks: int) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class TerminalBar:
    """A bar on a terminal, with what is left in time."""

    def __init__(self, console: Console, name: str) -> None:
        """`console`: the terminal; `name`: what stands before the bar."""
        self._bar = progress.Bar(console, with_time_left=True)
        self._name = name

    def show(self, done: float, over: int, tasks: int) -> None:
        """Move the bar."""
        counted = f"{100 * done / max(tasks, 1):>5.1f} %  {over} of {tasks} tasks"
        self._bar.show(self._name, done, tasks, counted=counted)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


class Lines:
    """A line now and then, for logs; none for what is over before the first would come."""

    def __init__(self, console: Console, name: str, *, every_s: float = LINE_EVERY_S) -> None:
        """`console`: where lines go; `name`: their beginning; `every_s`: seconds between two of them."""
        self._console = console
        self._name = name
        self._every_s = every_s
        self._began_s = self._last_s = time.monotonic()
        self._began_with: float | None = None

    def show(self, done: float, over: int, tasks: int) -> None:
        """Write a line if it is time for one."""
        if self._began_with is None:
            # An earlier session's tasks are done already, and tell nothing of how fast this one is.
            self._began_with = done
        now_s = time.monotonic()
        if now_s - self._last_s < self._every_s:
            return
        self._last_s = now_s
        passed_s, gained = now_s - self._began_s, done - self._began_with
        left = f", about {passed_s * (tasks - done) / gained:.0f} s left" if gained > 0 else ""
        share = f"{100 * done / tasks:.1f} %"
        self._console.print(f"{self._name}: {share}, {over} of {tasks} tasks{left}", highlight=False)

    def close(self) -> None:
        """Do nothing: lines stay."""


def watcher_for(name: str, *, quiet: bool = False) -> Watcher:
    """Return what shows the progress of `name` on stderr: a bar on a terminal, lines elsewhere, nothing if `quiet`."""
    if quiet:
        return Silent()
    console = Console(stderr=True)
    return TerminalBar(console, name) if sys.stderr.isatty() else Lines(console, name)


class ProgressWatch:
    """Looks from time to time how far a sweep is, beside it, and tells a watcher."""

    def __init__(self, watcher: Watcher, done: Done, *, tasks: int) -> None:
        """`watcher` is told what `done` says, of so many `tasks`."""
        self._watcher, self._done, self._tasks = watcher, done, tasks
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> ProgressWatch:
        """Begin to look."""
        self._watcher.show(*self._done(), self._tasks)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Look a last time and stop."""
        self._over.set()
        self._thread.join()
        if kind is None:
            self._watcher.show(*self._done(), self._tasks)
        self._watcher.close()

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            self._watcher.show(*self._done(), self._tasks)
