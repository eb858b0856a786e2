"""The result of the demonstration's election, as it is shown on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from loopixmix.testnet.story import BAR_WIDTH, bar
from votes.results.documents import PublishedResult, ResultOfPoll, TableOfResult
from votes.results.wording import verdict, visible


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
