"""A result as a page with charts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from loopixmix.web.showing.charts import Caption, ChartBar, bar_chart
from loopixmix.web.showing.frame import STYLE, STYLE_NAME, Frame, document
from loopixmix.web.showing.markup import Content, element, items, notice, paragraph, section
from loopixmix.web.showing.tables import Cell, table
from votes.record.election import Election
from votes.record.fingerprint import shown
from votes.record.polls import Poll
from votes.results.documents import PublishedResult, ResultOfPoll, TableOfResult
from votes.results.wording import (
    METHODS_IN_WORDS,
    REHEARSAL,
    ballots_in_words,
    verdict,
    visible,
)
from votes.tally.outcomes import Figure

T = TypeVar("T")
MOST_BARS = 40
MOST_ROWS = 200
MOST_COLUMNS = 14
"""A page shows this much of a table; the whole of it is in the other files."""
SHORT = 24
"""Characters of a cell that stay in one line."""
_NUMBER = re.compile(r"[0-9]+\.[0-9]+(?: %)?")


def result_content(election: Election, result: PublishedResult) -> Content:
    """Return a result as a part of a page.

    `election`: the record, for the polls' titles and questions.
    """
    parts: list[Content] = []
    if result.rehearsal:
        parts.append(element("div", paragraph(REHEARSAL), class_="errors"))
    if election.description:
        parts += [paragraph(line) for line in visible_lines(election.description)]
    polls = list(zip(election.polls, result.polls, strict=True))
    parts += [_poll(number, poll, found, result.voters) for number, (poll, found) in enumerate(polls, start=1)]
    parts.append(_about(result))
    return parts


def result_files(election: Election, result: PublishedResult) -> dict[str, bytes]:
    """Return the page as files that a browser opens from a folder, by their names: `result.html` and its stylesheet."""
    frame = Frame(application="Result of the election", prefix=".")
    page = document(frame, visible(result.title), result_content(election, result))
    return {"result.html": page, STYLE_NAME: STYLE}


def visible_lines(text: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    return [visible(line) for line in text.split("\n") if line.strip()]


def _poll(number: int, poll: Poll, found: ResultOfPoll, voters: int) -> Content:
    parts: list[Content] = [paragraph(line, class_="quiet") for line in visible_lines(poll.question)]
    sentence = verdict(found)
    if sentence is not None:
        parts.append(notice(element("strong", sentence)))
    parts.append(paragraph(ballots_in_words(found, voters), " ", METHODS_IN_WORDS[found.method]))
    if found.notes:
        parts.append(items(*(visible(note) for note in found.notes)))
    for each in found.tables:
        # The number keeps the names of tables apart, of which the page makes identifiers.
        parts += _table(f"{each.title} (poll {number})", each)
    return section(f"{number}. {visible(poll.title)}", *parts)


def _table(title: str, result: TableOfResult) -> list[Content]:
    """Return a chart, if there is one, and the table, unless the chart tells all of it."""
    parts: list[Content] = []
    if result.charted and result.rows:
        parts.append(_chart(title, result, result.charted))
    cut = len(result.rows) > MOST_ROWS or len(result.columns) > MOST_COLUMNS
    if not parts or result.columns[1:] != ("ballots", "share"):
        rows = [[_cell(figure) for figure in _cut(row)] for row in result.rows[:MOST_ROWS]]
        headings = ("share (%)" if column == "share" else visible(column) for column in _cut(result.columns))
        parts.append(table(f"{title}: figures" if parts else title, list(headings), rows))
    if cut:
        parts.append(paragraph("The table goes on in the CSV and JSON files.", class_="quiet"))
    return parts


def _cut(row: Sequence[T]) -> list[T]:
    """Return a row without its middle, if it is too long: the last column says what came of it."""
    return list(row) if len(row) <= MOST_COLUMNS else [*row[: MOST_COLUMNS - 1], row[-1]]


def _cell(figure: Figure) -> Cell:
    """Return a figure for a table, in which numbers are numbers: they stand to the right."""
    if isinstance(figure, str) and _NUMBER.fullmatch(figure):
        return float(figure.removesuffix(" %"))
    return figure if isinstance(figure, int) else _in_one_line(visible(figure))


def _in_one_line(text: str) -> str:
    """Return a short text that is not broken into lines, which would make a wide table tall as well."""
    return text.replace(" ", "\u00a0") if len(text) <= SHORT else text


def _chart(title: str, result: TableOfResult, column: int) -> Content:
    shares = result.columns.index("share") if "share" in result.columns else None
    figures = [
        (f"{row[0]} ({_in_one_line(str(row[shares]))})" if shares is not None else str(row[0]), int(row[column]))
        for row in result.rows
    ]
    # Two answers stay in their order, since everybody expects yes before no.
    ordered = figures if len(figures) == 2 else sorted(figures, key=lambda figure: -figure[1])
    more = f" The first {MOST_BARS} of {len(figures):,}." if len(figures) > MOST_BARS else ""
    caption = Caption(
        title=title,
        description=f"For each {result.columns[0]}: {result.columns[column]}.{more}",
        x=result.columns[0],
        y=result.columns[column],
    )
    return bar_chart(caption, [ChartBar(visible(name), count) for name, count in ordered[:MOST_BARS]])


def _about(result: PublishedResult) -> Content:
    return section(
        "Check it yourself",
        paragraph(
            "This result follows from the record of the election and the ballots on its board. Anybody can count anew. "
            "The election has this fingerprint:"
        ),
        paragraph(element("code", shown(result.fingerprint))),
        paragraph("Decimals are rounded on this page. The CSV and JSON files have all of them."),
    )
