"""The budget of each data set: a filter that charges durably before anything is answered, and refuses when it is spent.

Composition is basic: the eps of all answers add up, and so do their deltas. It holds for questions that depend on the
answers before (Rogers, Roth, Ullman, Vadhan 2016: a filter of pure differential privacy is the plain sum).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as Digits
from fractions import Fraction

import msgspec
from sqlalchemy import Connection, func, insert, select

from loopixmix.errors import MisuseError
from loopixmix.store.transactions import Store
from stats.central.schema import data_sets, spendings
from stats.central.terms import DataSetTerms, check_terms

EPS_UNIT, DELTA_UNIT = 10**6, 10**15
LEAST_EPS = Digits("0.001")
"""Of a question: what costs less tells nothing, and would only fill the record."""
MOST_DATA_SETS = 500
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class DataSetSpentError(MisuseError):
    """The budget of the data set does not suffice for this question."""


@dataclass(frozen=True)
class BudgetLeft:
    """What may still be spent on a data set, and what it had in the beginning."""

    eps: Digits
    delta: Digits
    eps_whole: Digits
    delta_whole: Digits


@dataclass(frozen=True)
class DataSpending:
    """What a question cost, who asked it, and when."""

    data_set: str
    at_s: int
    analyst: str
    question: str
    eps: Digits
    delta: Digits


class PrivacyBudgets:
    """All data sets and their budgets in a store. Threads and programs may use it side by side."""

    def __init__(self, store: Store, now_s: Callable[[], float]) -> None:
        """`store`: of the schema of `stats.central`."""
        self._store = store
        self._now_s = now_s

    def check_new(self, name: str, terms: DataSetTerms) -> None:
        """Raise `MisuseError` if the name is taken or not allowed, or if the terms are unsound."""
        check_terms(terms)
        if not NAME.fullmatch(name):
            raise MisuseError("the name of a data set has 1 to 32 characters: a-z 0-9 _ , first a letter")
        self._store.read(lambda connection: _check_free(connection, name))

    def declare(self, name: str, terms: DataSetTerms) -> None:
        """Add a data set; raise `MisuseError` as `check_new` does."""
        self.check_new(name, terms)
        row = {"name": name, "terms": msgspec.json.encode(terms).decode(), "made_at_s": int(self._now_s())}

        def work(connection: Connection) -> None:
            _check_free(connection, name)
            connection.execute(insert(data_sets).values(**row))

        self._store.write(work)

    def names(self) -> list[str]:
        """Return the names of all data sets."""
        asked = select(data_sets.c.name).order_by(data_sets.c.name)
        return [str(name) for name in self._store.read(lambda connection: connection.scalars(asked).all())]

    def terms(self, name: str) -> DataSetTerms:
        """Return the terms of a data set; raise `MisuseError` if there is none of this name."""
        return self._store.read(lambda connection: _known_terms(connection, name))

    def left(self, name: str) -> BudgetLeft:
        """Return what is left of its budget; raise `MisuseError` if there is no such data set."""
        return self._store.read(lambda connection: _left(connection, name))

    def charge(self, spending: DataSpending) -> BudgetLeft:
        """Write a spending down, and return what is left then; raise `DataSetSpentError` if there is not so much.

        When this returns, the spending is on the disk. Only then may anything be answered: a program that is killed
        afterwards has spent without an answer, and never answered without spending.
        """
        values = {"data_set": spending.data_set, "at_s": spending.at_s, "analyst": spending.analyst}
        values |= {"question": spending.question, "eps_millionths": _whole(spending.eps, EPS_UNIT)}
        values |= {"delta_quadrillionths": _whole(spending.delta, DELTA_UNIT)}
        if spending.eps < LEAST_EPS:
            raise MisuseError(f"a question spends an eps of {LEAST_EPS} or more")

        def work(connection: Connection) -> BudgetLeft:
            before = _left(connection, spending.data_set)
            if spending.eps > before.eps or spending.delta > before.delta:
                raise DataSetSpentError(
                    f"{spending.data_set}: the question needs eps {spending.eps:f} and delta {spending.delta:f}, "
                    f"but eps {before.eps:f} and delta {before.delta:f} are left"
                )
            connection.execute(insert(spendings).values(**values))
            return _left(connection, spending.data_set)

        return self._store.write(work)

    def spendings(self, name: str, most: int) -> list[DataSpending]:
        """Return the newest spendings on a data set, the newest first."""
        asked = select(spendings).where(spendings.c.data_set == name).order_by(spendings.c.number.desc()).limit(most)
        rows = self._store.read(lambda connection: connection.execute(asked).all())
        return [
            DataSpending(
                *(row.data_set, row.at_s, row.analyst, row.question),
                *(_amount(row.eps_millionths, EPS_UNIT), _amount(row.delta_quadrillionths, DELTA_UNIT)),
            )
            for row in rows
        ]

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _left(connection: Connection, name: str) -> BudgetLeft:
    terms = _known_terms(connection, name)
    sums = select(func.sum(spendings.c.eps_millionths), func.sum(spendings.c.delta_quadrillionths))
    eps, delta = connection.execute(sums.where(spendings.c.data_set == name)).one()
    whole_eps, whole_delta = Digits(terms.eps), Digits(terms.delta)
    return BudgetLeft(
        whole_eps - _amount(int(eps or 0), EPS_UNIT),
        whole_delta - _amount(int(delta or 0), DELTA_UNIT),
        whole_eps,
        whole_delta,
    )


def _check_free(connection: Connection, name: str) -> None:
    if _terms(connection, name) is not None:
        raise MisuseError(f"there is a data set {name!r} already, or there was one")
    if (connection.scalar(select(func.count()).select_from(data_sets)) or 0) >= MOST_DATA_SETS:
        raise MisuseError(f"there are {MOST_DATA_SETS} data sets already, as many as there may be")


def _known_terms(connection: Connection, name: str) -> DataSetTerms:
    terms = _terms(connection, name)
    if terms is None:
        raise MisuseError("there is no data set of this name")
    return terms


def _terms(connection: Connection, name: str) -> DataSetTerms | None:
    found = connection.scalar(select(data_sets.c.terms).where(data_sets.c.name == name))
    return None if found is None else msgspec.json.decode(found, type=DataSetTerms)


def _whole(amount: Digits, unit: int) -> int:
    whole = Fraction(amount) * unit
    if whole.denominator != 1 or whole < 0:
        raise MisuseError(f"an amount is a multiple of 1/{unit:,}, not {amount}")
    return int(whole)


def _amount(whole: int, unit: int) -> Digits:
    return Digits(whole) / Digits(unit)
