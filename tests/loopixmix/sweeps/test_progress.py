"""How far a run is, on a terminal or in a log."""

from __future__ import annotations

import io

from rich.console import Console

from loopixmix.sweeps.progress import Lines, ProgressWatch, Silent, watcher_for


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[float, int, int]] = []
        self.closed = False

    def show(self, done: float, over: int, tasks: int) -> None:
        self.told.append((done, over, tasks))

    def close(self) -> None:
        self.closed = True


def test_lines_say_the_share_and_what_is_left() -> None:
    written = io.StringIO()
    lines = Lines(Console(file=written, width=100), "default", every_s=0.0)
    lines.show(0.0, 0, 4)
    lines.show(1.0, 1, 4)
    first, second = written.getvalue().splitlines()
    assert first == "default: 0.0 %, 0 of 4 tasks"
    assert second.startswith("default: 25.0 %, 1 of 4 tasks, about 0 s left")


def test_lines_that_are_not_due_are_not_written() -> None:
    written = io.StringIO()
    Lines(Console(file=written), "default").show(1.0, 1, 4)
    assert written.getvalue() == ""


def test_a_watch_tells_the_beginning_and_the_end() -> None:
    listener, done = Listener(), [(0.0, 0), (2.0, 2)]
    with ProgressWatch(listener, lambda: done[0], tasks=2):
        done.pop(0)
    assert (listener.told[0], listener.told[-1]) == ((0.0, 0, 2), (2.0, 2, 2))
    assert listener.closed


def test_quiet_is_silent() -> None:
    assert isinstance(watcher_for("default", quiet=True), Silent)
