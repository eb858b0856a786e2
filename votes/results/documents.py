"""`result.json`: the result as it is published, in canonical JSON (docs/protocol/votes.md, 2.4).

It follows from the record and the decrypted rows alone. So whoever has these makes the same bytes, and compares.
"""

from __future__ import annotations

import msgspec

from loopixmix.errors import FormatError
from votes.record.canonical import Hex, decode_canonical, encode_canonical
from votes.tally.outcomes import ElectionResult, Figure, FigureTable, PollResult, Winners

VERSION = 1
MOST_RESULT_BYTES = 2**31
"""A million different rankings of 54 options take some 100 MB."""


class TableOfResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table. `columns`: the heading of each, first that of the names. `rows`: a name, then a figure for each column.

    `charted`: the column that a chart shows, counted from 0; 0 for none.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Figure, ...], ...]
    charted: int


class CountOfChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many ballots made one choice. `number`: of the choice."""

    number: Hex
    ballots: int


class ResultOfPoll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of one poll. `ballots`: all that were counted, with `blank` and `invalid` ones.

    `winners`: by name. `tied`: equal ones for the last `open_seats` seats, which stay open. `choices`: in the order of
    their numbers; empty if the election publishes counts only.
    """

    id: str
    method: str
    ballots: int
    blank: int
    invalid: int
    winners: tuple[str, ...]
    tied: tuple[str, ...]
    open_seats: int
    notes: tuple[str, ...]
    tables: tuple[TableOfResult, ...]
    choices: tuple[CountOfChoice, ...]


class PublishedResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of an election."""

    version: int
    fingerprint: Hex
    title: str
    voters: int
    rehearsal: bool
    counts_only: bool
    polls: tuple[ResultOfPoll, ...]


def published(result: ElectionResult) -> PublishedResult:
    """Return what is published of a result; single choices only if the election allows it."""
    return PublishedResult(
        version=VERSION,
        fingerprint=Hex(result.fingerprint),
        title=result.title,
        voters=result.voters,
        rehearsal=result.rehearsal,
        counts_only=result.counts_only,
        polls=tuple(_poll(each, counts_only=result.counts_only) for each in result.polls),
    )


def encode_result(result: PublishedResult) -> bytes:
    """Return the bytes of `result.json`."""
    return encode_canonical(result)


def decode_result(data: bytes) -> PublishedResult:
    """Read `result.json`. Raises `FormatError` for all but the one spelling of a result."""
    try:
        result = decode_canonical(data, PublishedResult, most_bytes=MOST_RESULT_BYTES)
    except FormatError as error:
        raise FormatError(f"the result cannot be read: {error}") from error
    if result.version != VERSION:
        raise FormatError(f"the result has version {result.version}; only {VERSION} is known")
    for poll in result.polls:
        for table in poll.tables:
            _check_table(table)
    return result


def _poll(result: PollResult, *, counts_only: bool) -> ResultOfPoll:
    counts, winners = result.counts, result.outcome.winners or Winners()
    return ResultOfPoll(
        id=result.poll.id,
        method=result.poll.method,
        ballots=counts.total,
        blank=counts.blank,
        invalid=counts.invalid,
        winners=winners.names,
        tied=winners.tied,
        open_seats=winners.open_seats,
        notes=result.outcome.notes,
        tables=tuple(_table(each) for each in result.outcome.tables),
        choices=()
        if counts_only
        else tuple(CountOfChoice(number=Hex(each.number), ballots=each.count) for each in counts.choices),
    )


def _table(table: FigureTable) -> TableOfResult:
    return TableOfResult(
        title=table.title,
        columns=table.columns,
        rows=tuple((row.name, *row.figures) for row in table.rows),
        charted=0 if table.charted is None else table.charted + 1,
    )


def _check_table(table: TableOfResult) -> None:
    width = len(table.columns)
    if not width or any(len(row) != width or not isinstance(row[0], str) for row in table.rows):
        raise FormatError(f"the table {table.title!r} of the result has rows that do not fit its {width} columns")
    charted = table.charted
    if charted and not (charted < width and all(isinstance(row[charted], int) for row in table.rows)):
        raise FormatError(f"the table {table.title!r} of the result has no column {charted} for a chart")
