"""Data sets with central noise: what analysts ask, what it costs, and what they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal as Digits
from decimal import InvalidOperation
from fractions import Fraction
from typing import Protocol

from loopixmix.errors import MisuseError
from stats.central.answers import NoisyRow, answer_rows
from stats.central.asking.parsing import parse_question
from stats.central.asking.questions import DataQuestionError
from stats.central.budget import BudgetLeft, DataSpending, PrivacyBudgets
from stats.central.measuring import RawRows, measured
from stats.central.noise import NoiseSource
from stats.central.plan import plan_of
from stats.central.rows import DataAwayError
from stats.central.terms import DataSetTerms

MOST_ANALYST_CHARACTERS = 32


class RowsSource(Protocol):
    """Where rows of data sets are."""

    def find(self, name: str) -> RawRows | None:
        """Return the rows of a data set, or None if they are not here."""


@dataclass(frozen=True)
class DataSetStanding:
    """A data set as analysts may know it. How many rows it has is not said: that is a question like others."""

    name: str
    terms: DataSetTerms
    left: BudgetLeft


@dataclass(frozen=True)
class NoisyAnswer:
    """An answer: columns of groups first, then those of measures, each with its 95 % interval."""

    groups: tuple[str, ...]
    measures: tuple[str, ...]
    rows: tuple[NoisyRow, ...]
    eps: Digits
    delta: Digits
    left: BudgetLeft


class DataSets:
    """All data sets of a collector. Any thread may ask; every method waits for a disk."""

    def __init__(
        self, budgets: PrivacyBudgets, sources: Sequence[RowsSource], noise: NoiseSource, now_s: Callable[[], float]
    ) -> None:
        """`sources`: asked for the rows of a data set one after the other."""
        self.budgets = budgets
        self._sources = sources
        self._noise = noise
        self._now_s = now_s

    def all(self) -> list[DataSetStanding]:
        """Return all data sets by their names."""
        return [self.find(name) for name in self.budgets.names()]

    def find(self, name: str) -> DataSetStanding:
        """Return a data set; raise `MisuseError` if there is none of this name."""
        return DataSetStanding(name, self.budgets.terms(name), self.budgets.left(name))

    def ask(self, data_set: str, sql: str, analyst: str, eps: str | None = None) -> NoisyAnswer:
        """Answer a question, and charge its price before.

        `eps`: what it may spend, a decimal number; without it as much as the terms say. Raises `DataQuestionError` for
        a question that is not answered, `DataSetSpentError`, and `DataAwayError` if the rows cannot be reached, when
        the price is spent all the same. No error depends on the rows.
        """
        if not 1 <= len(analyst) <= MOST_ANALYST_CHARACTERS:
            raise MisuseError("a question has the name of an analyst")
        terms = self.budgets.terms(data_set)
        price = _price(eps or terms.eps_each)
        plan = plan_of(parse_question(sql, data_set, terms), terms, Fraction(price))
        raw = self._rows(data_set)
        delta = Digits(terms.delta_each) if plan.key_place is not None else Digits(0)
        left = self.budgets.charge(DataSpending(data_set, int(self._now_s()), analyst, sql, price, delta))
        rows = answer_rows(plan, measured(plan, raw, self._noise))
        names, width = plan.question.names, len(plan.question.groups)
        return NoisyAnswer(names[:width], names[width:], tuple(rows), price, delta, left)

    def _rows(self, name: str) -> RawRows:
        for source in self._sources:
            found = source.find(name)
            if found is not None:
                return found
        raise DataAwayError(f"{name}: its rows are not here")


def _price(eps: str) -> Digits:
    try:
        price = Digits(eps) if len(eps) <= 20 else Digits(0)
    except InvalidOperation:
        price = Digits(0)
    if not price.is_finite() or not 0 < price <= 10_000:
        raise DataQuestionError("eps is a decimal number over 0, such as 0.1")
    return price
