"""A bar for a message on its way."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from client.api import OutgoingMessage
from client.cli.text import plain_line


class FragmentProgress:
    """Shows how many fragments are acknowledged, on a terminal only."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} acknowledged"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> FragmentProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, message: OutgoingMessage) -> None:
        """Show how far a message is."""
        if self._task is None:
            self._task = self._progress.add_task("", total=message.fragments)
        self._progress.update(
            self._task,
            description=f"{message.state.value} to {plain_line(message.to)}",
            completed=message.fragments_acknowledged,
            total=message.fragments,
        )
