"""A CSV file becomes the rows of a data set: scaled, clamped, rounded, and at most so many for each person."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal as Digits
from decimal import InvalidOperation
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from loopixmix.errors import MisuseError
from loopixmix.process.files import PRIVATE_FILE, make_directory, sync_directory
from stats.central.terms import CategoryColumn, DataColumn, DataSetTerms, KeyColumn, NumberColumn

MOST_ROWS = 10_000_000
MOST_KEY_CHARACTERS = 100
_AT_ONCE = 100_000
_LONGEST_NUMBER = 40


@dataclass(frozen=True)
class Imported:
    """What became of a file. For the operator alone: these numbers have no noise."""

    rows: int
    clamped: int
    """How many numbers were outside of their bounds."""
    left_out: int
    """How many rows persons had beyond those that they may have."""


class ImportedRows:
    """Rows of a CSV file, checked one by one. Faults are told by line and column, never by what stands there."""

    def __init__(self, terms: DataSetTerms, header: Sequence[str]) -> None:
        """`header`: the first line. Raise `MisuseError` if a declared column is not in it, or twice."""
        self._terms = terms
        wanted = [column.name for column in terms.columns] + ([terms.person] if terms.person else [])
        for name in wanted:
            if header.count(name) != 1:
                raise MisuseError(f"the first line of the file must have the column {name!r} once")
        self._width = len(header)
        self._places = [header.index(column.name) for column in terms.columns]
        self._person = header.index(terms.person) if terms.person else None
        self._of_person: Counter[str] = Counter()
        self._keys: dict[str, set[str]] = {
            column.name: set() for column in terms.columns if isinstance(column, KeyColumn)
        }
        self.kept = 0
        self.clamped = 0
        self.left_out = 0

    def checked(self, lines: Iterable[tuple[int, Sequence[str]]]) -> Iterator[list[int | str]]:
        """Yield the rows that are kept; raise `MisuseError` with the number of a line that is not as declared."""
        for number, fields in lines:
            if len(fields) != self._width:
                raise MisuseError(f"line {number}: there are {len(fields)} fields instead of {self._width}")
            if not self._is_kept(fields):
                self.left_out += 1
                continue
            if self.kept >= MOST_ROWS:
                raise MisuseError(f"a data set has at most {MOST_ROWS:,} rows")
            self.kept += 1
            yield [
                self._value(column, fields[place], number)
                for column, place in zip(self._terms.columns, self._places, strict=True)
            ]

    def _is_kept(self, fields: Sequence[str]) -> bool:
        # The first rows of a person: which ones depends on nobody else.
        if self._person is None:
            return True
        person = fields[self._person]
        self._of_person[person] += 1
        return self._of_person[person] <= self._terms.rows_each

    def _value(self, column: DataColumn, text: str, line: int) -> int | str:
        match column:
            case NumberColumn():
                return self._number(column, text, line)
            case CategoryColumn():
                return column.values.index(text) if text in column.values else len(column.values)
            case KeyColumn(name=name, most=most):
                keys = self._keys[name]
                if len(text) > MOST_KEY_CHARACTERS:
                    raise MisuseError(f"line {line}, {name}: a key has at most {MOST_KEY_CHARACTERS} characters")
                keys.add(text)
                if len(keys) > most:
                    raise MisuseError(f"line {line}, {name}: there are over {most:,} different keys")
                return text

    def _number(self, column: NumberColumn, text: str, line: int) -> int:
        field = text.strip() or column.default or ""
        number = None
        if len(field) <= _LONGEST_NUMBER:
            with suppress(InvalidOperation):
                number = Digits(field)
        # The exponent is bounded before the number becomes a fraction: 1e999999999 would take all memory.
        if number is None or not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
            raise MisuseError(f"line {line}, {column.name}: this is no number")
        steps = column.steps(Fraction(number))
        inside = min(max(steps, column.low), column.high)
        self.clamped += inside != steps
        return inside


def import_csv(source: Path, target: Path, terms: DataSetTerms) -> Imported:
    """Make the Parquet file `target` from a CSV file whose first line names its columns; raise `MisuseError`.

    The file is there as a whole, or not at all. It and its folder are readable by their owner alone.
    """
    make_directory(target.parent)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with source.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = ImportedRows(terms, next(reader, []))
            _write(unfinished, terms, rows.checked(enumerate(reader, start=2)))
        unfinished.replace(target)
        sync_directory(target.parent)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise MisuseError(f"{source}: cannot be imported: {reason}") from None
    except csv.Error:
        raise MisuseError(f"{source}: cannot be imported: it is no CSV file") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return Imported(rows.kept, rows.clamped, rows.left_out)


def _write(path: Path, terms: DataSetTerms, rows: Iterator[list[int | str]]) -> None:
    schema = pa.schema(
        [(column.name, pa.string() if isinstance(column, KeyColumn) else pa.int64()) for column in terms.columns]
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        with pa.parquet.ParquetWriter(file, schema) as writer:
            while batch := list(islice(rows, _AT_ONCE)):
                columns = [
                    pa.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)
                ]
                writer.write_table(pa.table(columns, schema=schema))
        file.flush()
        os.fsync(file.fileno())
