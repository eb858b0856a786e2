"""A small data set with central noise, noise that a test chooses, and the whole of both together."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.central.budget import PrivacyBudgets
from stats.central.datasets import DataSets
from stats.central.importing import import_csv
from stats.central.noise import NoiseScale, NoiseSource, OpendpNoise
from stats.central.rows import ParquetFolder
from stats.central.schema import SCHEMA
from stats.central.terms import CategoryColumn, DataSetTerms, KeyColumn, NumberColumn

AGE = NumberColumn(name="age", lower="0", upper="120")
PAY = NumberColumn(name="pay", lower="-100", upper="500", step="0.01", default="0")
SEX = CategoryColumn(name="sex", values=("f", "m"))
TOWN = KeyColumn(name="town", most=1_000)
TERMS = DataSetTerms(
    title="People", columns=(AGE, PAY, SEX, TOWN), eps="10", delta="0.001", eps_each="1", delta_each="0.000001"
)
MARKED = "zz-marked-town"
"""Stands in one row, and must never be seen."""


class NoNoise:
    """Adds nothing, and remembers to what it was asked to add, and by which scales."""

    def __init__(self) -> None:
        """Begin."""
        self.scales: list[NoiseScale] = []
        self.numbers: list[list[int]] = []

    def add(self, numbers: Sequence[int], scale: NoiseScale) -> list[int]:
        """Return the numbers."""
        self.scales.append(scale)
        self.numbers.append(list(numbers))
        return list(numbers)


class ShiftingNoise:
    """Adds the same to every number."""

    def __init__(self, shift: int) -> None:
        """Add `shift`."""
        self._shift = shift

    def add(self, numbers: Sequence[int], scale: NoiseScale) -> list[int]:
        """Return the numbers, each shifted."""
        return [number + self._shift for number in numbers]


def people(count: int = 500) -> list[dict[str, str]]:
    """Return the rows of a file: two towns that many have, one that one person has."""
    rng = random.Random(7)
    rows = [
        {
            "age": str(min(max(round(rng.gauss(40, 15)), 0), 120)),
            "pay": f"{rng.gauss(100, 60):.2f}",
            "sex": rng.choice(("f", "m", "x")),
            "town": rng.choice(("Ulm", "Ulm", "O'Fallon")),
        }
        for _ in range(count)
    ]
    rows[3]["town"] = MARKED
    return rows


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def open_budgets(directory: Path) -> PrivacyBudgets:
    """Open the budgets in a directory."""
    return PrivacyBudgets(Store(SCHEMA, sqlite_url(directory / "budgets.sqlite3")), lambda: 1_800_000_000.0)


def people_data(
    directory: Path,
    noise: NoiseSource | None = None,
    rows: Sequence[dict[str, str]] | None = None,
    terms: DataSetTerms = TERMS,
) -> DataSets:
    """Import people, and return what can be asked about them."""
    folder, budgets = ParquetFolder(directory / "data"), open_budgets(directory)
    import_csv(write_rows(directory / "people.csv", rows or people()), folder.path("people"), terms)
    budgets.declare("people", terms)
    return DataSets(budgets, [folder], noise or OpendpNoise(), lambda: 1_800_000_000.0)
