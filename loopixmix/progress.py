"""How far a long piece of work is, on a terminal. Where there is none, bars show nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """One bar, which is gone when the work is over."""

    def __init__(self, console: Console, *, with_time_left: bool = False) -> None:
        """`with_time_left`: foretell how long the rest takes, which is right for work that goes on evenly."""
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[counted]}"),
            TimeElapsedColumn(),
        ]
        if with_time_left:
            columns += [TextColumn("left"), TimeRemainingColumn()]
        # Into a pipe or a file a bar would only write its last state, as a line of noise.
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=None, counted="", visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Count the time from now on."""
        self._progress.reset(self._task, visible=False)

    def show(self, text: str, done: float, of: float, *, counted: str = "") -> None:
        """Show that `done` of `of` parts of `text` are done, in the words `counted` if they say more."""
        self._progress.start()  # does nothing if it runs already
        self._progress.update(
            self._task,
            description=escape(text),
            completed=done,
            total=of,
            counted=escape(counted or f"{done:,.0f} of {of:,.0f}"),
            visible=True,
        )

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class Steps:
    """One piece of work after another: a bar for the present one, and a line for each that is over."""

    def __init__(self, console: Console, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """`console`: the terminal, or a stand-in. `now_s`: a clock for durations."""
        self._console = console
        self._bar = Bar(console)
        self._now_s = now_s
        self._text = ""
        self._total = 0
        self._begin_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.fail()
        self._bar.close()

    def step(self, text: str, total: int) -> None:
        """Begin a step of `total` parts; the one before it is over."""
        self.finish()
        self._text, self._total, self._begin_s = text, total, self._now_s()
        self._bar.begin()
        self.done(0)

    def done(self, parts: int) -> None:
        """Tell how many parts of the step are done."""
        self._bar.show(self._text, parts, self._total)

    def finish(self) -> None:
        """End the step, and tell how long it took."""
        self._end("[green]✓[/]")

    def fail(self) -> None:
        """End the step as one that failed or was interrupted."""
        self._end("[red]✗[/]")

    def _end(self, mark: str) -> None:
        if self._text:
            self._console.print(f"{mark} {escape(self._text)} [dim]({self._now_s() - self._begin_s:.1f} s)")
        self._text = ""
        self._bar.close()


def waiting(console: Console, text: str) -> AbstractContextManager[object]:
    """Show that `text` goes on, for work that cannot tell how far it is."""
    return console.status(escape(text))
