"""A cross table of two questions, and the matrix of trips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loopixmix.web.showing.markup import Content, paragraph
from loopixmix.web.showing.tables import Cell, table
from stats.dashboard.results import CrossResult
from stats.dashboard.wording import percent
from stats.estimate.shares import NOISE_LABEL

MOST_COLUMNS, MOST_ROWS = 40, 100
HIDDEN = "hidden"


def cross_table(result: CrossResult) -> list[Content]:
    """Return the shares of all pairs of values, each with its interval."""
    cells = result.cells
    if not cells.reports:
        return [paragraph("No reports have been released yet.", class_="quiet")]
    shape = cells.raw.shape
    if shape[0] > MOST_ROWS or shape[1] > MOST_COLUMNS:
        words = f"This table has {shape[0]} rows and {shape[1]} columns: too many to show. An export has all of them."
        return [paragraph(words)]
    low, high = np.clip(cells.low, 0, 1), np.clip(cells.high, 0, 1)
    rows: list[Sequence[Cell]] = [
        (
            label,
            *(
                HIDDEN
                if cells.hidden[i, j]
                else f"{percent(cells.possible[i, j])} ({min(low[i, j], cells.possible[i, j]) * 100:.1f} to "
                f"{max(high[i, j], cells.possible[i, j]) * 100:.1f})"
                for j in range(shape[1])
            ),
        )
        for i, label in enumerate(result.row_labels)
    ]
    hidden = int(cells.hidden.sum())
    told = f"{cells.reports:,} reports. Share of all people who have both values, with {NOISE_LABEL}."
    if hidden:
        told += (
            f" {hidden} cells are hidden: too few people seem to be in them, or the difference to a row's or column's "
            "total would tell such a cell."
        )
    name = f"{result.rows.name} by {result.columns.name}"
    return [paragraph(told), table(name, (result.rows.name, *result.column_labels), rows)]
