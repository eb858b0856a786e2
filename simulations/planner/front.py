"""Cost by latency and entropy, and the designs that no other one beats (the Pareto front)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulations.planner.search import Found, cheapest
from simulations.planner.wishes import Terms, Wishes

LATENCY_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
MORE_BITS = (-4.0, -2.0, 0.0, 2.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The cheapest design at one latency and entropy, if there is one; `beaten` if another is better."""

    latency_s: float
    bits: float
    found: Found | None
    beaten: bool = False


@dataclass(frozen=True, kw_only=True)
class Front:
    """A table: a row for each latency, a column for each entropy."""

    latencies_s: tuple[float, ...]
    bits: tuple[float, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def unbeaten(self) -> list[Cell]:
        """The Pareto front: cells that no other beats, quickest first."""
        return [cell for row in self.rows for cell in row if cell.found is not None and not cell.beaten]


def front_of(wishes: Wishes, terms: Terms) -> Front:
    """Return costs at latencies and entropies around the wished ones."""
    latencies_s = tuple(wishes.latency_s * factor for factor in LATENCY_FACTORS)
    bits = tuple(wishes.bits + more for more in MORE_BITS if wishes.bits + more >= 1)
    rows = [_row(replace(wishes, latency_s=each_s), terms, bits) for each_s in latencies_s]
    cells = [cell for row in rows for cell in row]
    judged = tuple(tuple(replace(cell, beaten=_beaten(cell, cells)) for cell in row) for row in rows)
    return Front(latencies_s=latencies_s, bits=bits, rows=judged)


def _row(wishes: Wishes, terms: Terms, bits: Sequence[float]) -> list[Cell]:
    row: list[Cell] = []
    found: Found | None = None
    for each in bits:
        # What is cheapest for less entropy and has more is the cheapest for more as well.
        if found is None or found.bits < each:
            found = None if row and row[-1].found is None else cheapest(replace(wishes, bits=each), terms)
        row.append(Cell(latency_s=wishes.latency_s, bits=each, found=found))
    return row


def _beaten(cell: Cell, cells: Sequence[Cell]) -> bool:
    return any(_beats(other, cell) for other in cells)


def _beats(one: Cell, other: Cell) -> bool:
    """Tell whether `one` is no slower, no less anonymous and no dearer than `other`, and better in one of these."""
    if one.found is None or other.found is None:
        return False
    mine = (one.latency_s, -one.bits, one.found.cost_user_month)
    theirs = (other.latency_s, -other.bits, other.found.cost_user_month)
    return mine != theirs and all(a <= b * (1 + 1e-9) if b > 0 else a <= b for a, b in zip(mine, theirs, strict=True))
