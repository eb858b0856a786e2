"""What a data set is: its columns with their bounds, who a person is, and the budget. All of it is public.

Numbers are scaled, clamped and rounded before anything is computed: inside, a number is a whole count of steps. Noise
on floating-point numbers would leak by its last bits (Mironov 2012).
"""

from __future__ import annotations

from decimal import Decimal as Digits
from fractions import Fraction
from typing import Annotated, TypeAlias

import msgspec

from loopixmix.errors import MisuseError
from stats.questionnaire.questions import Label, Name

MOST_STEPS = 2**36
"""The sum of 10 million numbers of so many steps fits into 63 bits."""
MOST_COLUMNS = 100
MOST_KEYS = 50_000

SignedDecimal = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,9})?$")]
Amount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?$")]
"""Of eps: in millionths at the finest, so that sums of spendings are exact."""
SmallAmount = Annotated[str, msgspec.Meta(pattern=r"^0(\.[0-9]{1,15})?$")]


class NumberColumn(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="number"
):
    """A number. What is outside of its bounds is put to the nearer one, and then rounded to a multiple of `step`."""

    name: Name
    lower: SignedDecimal
    upper: SignedDecimal
    step: SignedDecimal = "1"
    default: SignedDecimal | None = None
    """What an empty field counts as; without it an empty field is refused at the import."""

    @property
    def low(self) -> int:
        """The lower bound in steps."""
        return self.steps(Fraction(self.lower))

    @property
    def high(self) -> int:
        """The upper bound in steps."""
        return self.steps(Fraction(self.upper))

    @property
    def width(self) -> Fraction:
        """One step."""
        return Fraction(self.step)

    def steps(self, number: Fraction) -> int:
        """Return a number in steps, rounded and not clamped."""
        return round(number / Fraction(self.step))


class CategoryColumn(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="category"
):
    """One of several values that everybody may know. Any other value counts as `other`, which comes after them."""

    name: Name
    values: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1, max_length=1000)]
    other: Label = "other"

    @property
    def labels(self) -> tuple[str, ...]:
        """All values, `other` the last."""
        return (*self.values, self.other)


class KeyColumn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="key"):
    """A text that nobody knows beforehand, told only if so many rows have it that one person makes no difference."""

    name: Name
    most: Annotated[int, msgspec.Meta(ge=1, le=MOST_KEYS)] = 10_000
    """So many different ones the data set has at most; more are refused at the import."""


DataColumn: TypeAlias = NumberColumn | CategoryColumn | KeyColumn


class DataSetTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What its operator declares. Pure eps, and delta for keys alone, add up over all questions (basic composition)."""

    title: Label
    columns: Annotated[tuple[DataColumn, ...], msgspec.Meta(min_length=1, max_length=MOST_COLUMNS)]
    eps: Amount
    """The budget: no person loses more by all answers together, whatever is asked."""
    delta: SmallAmount = "0"
    eps_each: Amount = "0.1"
    """What a question spends if it does not say otherwise."""
    delta_each: SmallAmount = "0"
    """What a question spends that groups by keys."""
    person: Name | None = None
    """The column of a file that tells whose row it is; it is not kept. The import keeps `rows_each` of a person."""
    rows_each: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    """So many rows a person has at most; noise grows with it. Without `person` the operator vouches for it."""

    def column(self, name: str) -> DataColumn | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def check_terms(terms: DataSetTerms) -> None:
    """Raise `MisuseError` if what was declared contradicts itself."""
    names = [column.name for column in terms.columns]
    if len({*names, terms.person}) != len(names) + 1:
        raise MisuseError("two columns have the same name")
    for column in terms.columns:
        if isinstance(column, NumberColumn):
            _check_number(column)
        if isinstance(column, CategoryColumn) and len(set(column.labels)) != len(column.labels):
            raise MisuseError(f"{column.name}: two values are the same")
    if not 0 < Digits(terms.eps_each) <= Digits(terms.eps) or Digits(terms.delta_each) > Digits(terms.delta):
        raise MisuseError("eps_each is over 0, and neither eps_each nor delta_each is over the budget")
    if any(isinstance(column, KeyColumn) for column in terms.columns) and not Digits(terms.delta_each):
        raise MisuseError("unknown keys need a delta and a delta_each over 0")


def _check_number(column: NumberColumn) -> None:
    step = Fraction(column.step)
    bounds = Fraction(column.lower), Fraction(column.upper)
    if step <= 0 or bounds[0] >= bounds[1] or any((bound / step).denominator != 1 for bound in bounds):
        raise MisuseError(f"{column.name}: lower is below upper, and both are multiples of a step over 0")
    if max(abs(bound / step) for bound in bounds) > MOST_STEPS:
        raise MisuseError(f"{column.name}: the bounds are within {MOST_STEPS} steps from 0")
    if column.default is not None and not bounds[0] <= Fraction(column.default) <= bounds[1]:
        raise MisuseError(f"{column.name}: the default is within the bounds")
