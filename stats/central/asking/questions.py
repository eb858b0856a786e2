"""A question to a data set, as values: what is measured, of which rows, in which groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.errors import MisuseError


class DataQuestionError(MisuseError):
    """The question is not one that a data set answers."""


@dataclass(frozen=True)
class RowCount:
    """How many rows there are."""


@dataclass(frozen=True)
class NumberSum:
    """The sum of a column."""

    column: str


@dataclass(frozen=True)
class NumberMean:
    """The mean of a column."""

    column: str


@dataclass(frozen=True)
class NumberQuantile:
    """The number below which the share `level` of a column lies; over 0 and below 1."""

    column: str
    level: float


RowMeasure: TypeAlias = RowCount | NumberSum | NumberMean | NumberQuantile


@dataclass(frozen=True)
class NumberRange:
    """The column is from `low` to `high` steps, both included; None is no bound."""

    column: str
    low: int | None
    high: int | None


@dataclass(frozen=True)
class OneOfCodes:
    """The category is one of these, by their places in its labels."""

    column: str
    codes: tuple[int, ...]


@dataclass(frozen=True)
class OneOfKeys:
    """The key is one of these."""

    column: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Conjunction:
    """All of them hold."""

    parts: tuple[RowTest, ...]


@dataclass(frozen=True)
class Disjunction:
    """One of them holds, or more."""

    parts: tuple[RowTest, ...]


@dataclass(frozen=True)
class Negation:
    """It does not hold."""

    part: RowTest


RowTest: TypeAlias = "NumberRange | OneOfCodes | OneOfKeys | Conjunction | Disjunction | Negation"


@dataclass(frozen=True)
class DataQuestion:
    """A question. `names`: how the columns of the answer are called, those of groups and then those of measures."""

    measures: tuple[RowMeasure, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...] = ()
    where: RowTest | None = None
