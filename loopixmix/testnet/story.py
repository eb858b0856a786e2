"""The story of a demonstration, as it is told on a terminal: chapters, and who does what in them."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from loopixmix.progress import Steps

ROLE_WIDTH = 22
BAR_WIDTH = 40
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Story:
    """Tells what happens. Long parts of it are steps, with a bar while they go on."""

    def __init__(self, console: Console, steps: Steps) -> None:
        """`steps`: on the same console."""
        self.steps = steps
        self._console = console
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Begin a new chapter."""
        self._chapters += 1
        self._console.print(f"\n[bold]{self._chapters}. {escape(title)}")

    def tell(self, who: str, what: str) -> None:
        """Say what a party does, or finds."""
        # Not wrapped by us: a terminal wraps lines so that they can still be copied whole.
        self._console.print(f"   [cyan]{escape(who):{ROLE_WIDTH}}[/] {escape(what)}", soft_wrap=True, highlight=False)

    def caught(self, who: str, what: str) -> None:
        """Say who caught whom."""
        self._console.print(f"   [cyan]{escape(who):{ROLE_WIDTH}}[/] [red]{escape(what)}", soft_wrap=True)

    def show(self, *lines: str) -> None:
        """Show lines as they are."""
        for line in lines:
            self._console.print(f"   {escape(line)}", soft_wrap=True, highlight=False)


def bar(figure: int, most: int) -> str:
    """Return a bar for a figure of at most `most`, to the eighth of a character."""
    eighths = figure * BAR_WIDTH * 8 // most if most else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
