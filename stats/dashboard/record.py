"""What analysts did: exports from their book, spendings from the budgets."""

from __future__ import annotations

from stats.analysts.book import AnalystBook, Deed
from stats.central.budget import DataSpending
from stats.dashboard.seams import CentralData


def newest_deeds(book: AnalystBook, data: CentralData, most: int) -> list[Deed]:
    """Return the newest exports and spendings, the newest first. Both were written down before they happened."""
    spent = [_deed(each) for standing in data.all() for each in data.spendings(standing.name, most)]
    return sorted([*book.deeds(most), *spent], key=lambda deed: deed.at_s, reverse=True)[:most]


def _deed(spending: DataSpending) -> Deed:
    delta = f", delta {spending.delta:f}" if spending.delta else ""
    subject = f"{spending.data_set}: {spending.question}"
    return Deed(spending.at_s, spending.analyst, "spend", subject[:300], f"eps {spending.eps:f}{delta}")
