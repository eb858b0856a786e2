"""Cells of too few people are not shown, nor what would tell them by a difference (docs/protocol/stats.md, 6)."""

from __future__ import annotations

import numpy as np

from stats.estimate.reports import Flags, Numbers

MIN_CELL = 5


def hidden_values(counts: Numbers, *, one_each: bool, min_cell: int = MIN_CELL) -> Flags:
    """Tell which values are hidden: those with estimated counts below `min_cell`; with 0 none.

    If the counts add up to a known total (`one_each`), a value that is hidden alone could be found by subtraction.
    Then the smallest other value is hidden too.
    """
    hidden = _few(counts, min_cell)
    if one_each:
        _hide_second(hidden, counts)
    return hidden


def hidden_cells(
    counts: Numbers, *, rows_add_up: bool = True, columns_add_up: bool = True, min_cell: int = MIN_CELL
) -> Flags:
    """Tell which cells of a table are hidden: those with estimated counts below `min_cell`; with 0 none.

    In rows and columns that add up to a known total, no cell is hidden alone: the smallest other cell is hidden too,
    until that is so.
    """
    hidden = _few(counts, min_cell)
    # Each round hides at least one more cell, so it ends.
    while True:
        before = int(hidden.sum())
        if rows_add_up:
            _hide_second_of_rows(hidden, counts)
        if columns_add_up:
            _hide_second_of_rows(hidden.T, counts.T)
        if int(hidden.sum()) == before:
            return hidden


def _few(counts: Numbers, min_cell: int) -> Flags:
    return counts < min_cell if min_cell else np.zeros(counts.shape, np.bool_)


def _hide_second_of_rows(hidden: Flags, counts: Numbers) -> None:
    for row in range(len(counts)):
        # In a column that hides something already, one more cell needs no further one.
        columns: Flags = np.any(hidden, axis=0)
        _hide_second(hidden[row], counts[row], columns)


def _hide_second(hidden: Flags, counts: Numbers, preferred: Flags | None = None) -> None:
    if len(counts) > 1 and int(hidden.sum()) == 1:
        others = ~hidden & preferred if preferred is not None and (~hidden & preferred).any() else ~hidden
        hidden[int(np.argmin(np.where(others, counts, np.inf)))] = True
