"""Results as values: who won a poll, and the tables that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from votes.record.polls import Poll
from votes.tally.counts import ChoiceCounts

Figure: TypeAlias = int | str
"""A whole number, or one with decimals as text: canonical JSON has no fractions."""


@dataclass(frozen=True)
class Elected:
    """Who won, by index. `tied`: equal ones for the last `open_seats` seats, which stay open."""

    winners: tuple[int, ...] = ()
    tied: tuple[int, ...] = ()
    open_seats: int = 0

    def named(self, names: Sequence[str], of_ties: Sequence[str] | None = None) -> Winners:
        """Return the same by name. `of_ties`: the names of what may be tied, if that is something else."""
        tied_names = names if of_ties is None else of_ties
        return Winners(
            tuple(names[each] for each in self.winners), tuple(tied_names[each] for each in self.tied), self.open_seats
        )


@dataclass(frozen=True)
class Winners:
    """Who won, by name. `tied`: equal ones for the last `open_seats` seats, which stay open."""

    names: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    open_seats: int = 0


@dataclass(frozen=True)
class FigureRow:
    """One row of a table: its name, and a figure for each column."""

    name: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class FigureTable:
    """A table of a result. `columns`: the heading of the names, then one for each figure.

    `charted`: the column of figures that a chart shows, all of whose figures are whole numbers from 0 on; `None` for no
    chart.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[FigureRow, ...]
    charted: int | None = None


@dataclass(frozen=True)
class PollOutcome:
    """What a method finds. `winners`: `None` if the poll only counts. `notes`: such as eliminations by lot."""

    winners: Winners | None
    tables: tuple[FigureTable, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PollResult:
    """The result of one poll."""

    poll: Poll
    counts: ChoiceCounts
    outcome: PollOutcome


@dataclass(frozen=True)
class ElectionResult:
    """The result of an election. `counts_only`: what is published tells no single choice, only counts."""

    title: str
    fingerprint: bytes
    voters: int
    rehearsal: bool
    counts_only: bool
    polls: tuple[PollResult, ...]


def share(part: int, whole: int) -> str:
    """Return a share in percent with one decimal, halves rounded up."""
    tenths = (2_000 * part + whole) // (2 * whole) if whole else 0
    return f"{tenths // 10}.{tenths % 10} %"


def vote_table(title: str, heading: str, names: Sequence[str], votes: Sequence[int], ballots: int) -> FigureTable:
    """Return a table of votes, each with its share of all `ballots`."""
    rows = (FigureRow(name, (count, share(count, ballots))) for name, count in zip(names, votes, strict=True))
    return FigureTable(title, (heading, "ballots", "share"), tuple(rows), charted=0)
