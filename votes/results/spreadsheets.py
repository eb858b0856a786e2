"""A result as CSV (RFC 4180): all figures, and all choices if they are public."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from loopixmix.group.group import Group
from votes.ballot.plaintexts import coding_of
from votes.ballot.wording import choice_in_words
from votes.record.election import Election
from votes.results.documents import PublishedResult, ResultOfPoll
from votes.results.wording import visible
from votes.tally.outcomes import Figure

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def figures_csv(result: PublishedResult) -> str:
    """Return all figures, one in each line: poll, table, row, column, figure."""
    lines: list[Sequence[Figure]] = [("poll", "table", "row", "column", "figure")]
    for poll in result.polls:
        lines += _totals(poll)
        for table in poll.tables:
            for name, *figures in table.rows:
                columns = zip(table.columns[1:], figures, strict=True)
                lines += [(poll.id, table.title, name, column, figure) for column, figure in columns if figure != ""]
    return _written(lines)


def _totals(poll: ResultOfPoll) -> list[Sequence[Figure]]:
    totals = (("all", poll.ballots), ("blank", poll.blank), ("invalid", poll.invalid))
    lines: list[Sequence[Figure]] = [(poll.id, "Ballots", name, "ballots", count) for name, count in totals]
    lines += [(poll.id, "Winners", name, "place", place) for place, name in enumerate(poll.winners, start=1)]
    return lines + [(poll.id, "Equal", name, "open seats", poll.open_seats) for name in poll.tied]


def choices_csv(election: Election, result: PublishedResult, group: Group) -> str:
    """Return each choice that was made and how often, in words: poll, choice, ballots.

    `election`, `group`: whose result it is. Raises `FormatError` for a number that is no choice.
    """
    lines: list[Sequence[Figure]] = [("poll", "choice", "ballots")]
    for poll, counted in zip(election.polls, result.polls, strict=True):
        coding = coding_of(poll, group)
        for each in counted.choices:
            lines.append((poll.id, "; ".join(choice_in_words(poll, coding.decode(each.number))), each.ballots))
        if counted.blank:
            lines.append((poll.id, "blank", counted.blank))
        if counted.invalid:
            lines.append((poll.id, "invalid", counted.invalid))
    return _written(lines)


def _written(lines: Iterable[Sequence[Figure]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([_safe(cell) for cell in line] for line in lines)
    return written.getvalue()


def _safe(cell: Figure) -> Figure:
    """Return a cell that no spreadsheet takes for a formula, whatever a voter wrote (OWASP: CSV injection)."""
    if isinstance(cell, int):
        return cell
    shown = visible(cell)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
