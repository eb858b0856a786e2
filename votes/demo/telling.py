"""The story of the demonstration, as it is told on a terminal: chapters, and who does what in them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from loopixmix.progress import Steps
from votes.results.documents import PublishedResult, ResultOfPoll, TableOfResult
from votes.results.wording import verdict, visible

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


def chart_lines(result: PublishedResult, titles: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a result: for each poll who won, and its charts. `titles`: of the polls, by id."""
    for poll in result.polls:
        yield ""
        yield f"{titles[poll.id]}: {verdict(poll) or 'counted'}"
        yield from _charts(poll)


def _charts(poll: ResultOfPoll) -> Iterator[str]:
    for table in poll.tables:
        if table.charted:
            yield from _chart(table)


def _chart(table: TableOfResult) -> Iterator[str]:
    named = [(visible(str(row[0])), int(row[table.charted])) for row in table.rows]
    most = max((figure for _, figure in named), default=0)
    width = max((len(name) for name, _ in named), default=0)
    for name, figure in named:
        yield f"{name:{width}}  {bar(figure, most):{BAR_WIDTH}} {figure:,}"


def bar(figure: int, most: int) -> str:
    """Return a bar for a figure of at most `most`, to the eighth of a character."""
    eighths = figure * BAR_WIDTH * 8 // most if most else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
