"""Voters from CSV files: read as a whole or not at all, and every fault told at once with its line."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from loopixmix.errors import MisuseError
from votes.credentials.listing import MOST_CREDENTIALS

ID, EMAIL = "id", "email"
ADDED = ("code", "invitation", "fingerprint")
"""Columns that the files for a mail merge get; a file of voters must not have them."""
MOST_FIELD = 1_000
"""Characters of one field."""
MOST_COLUMNS = 100
TOLD_EVERY = 10_000
"""Lines between two tellings of progress."""
MOST_TOLD = 1_000
"""Faults that are kept. A file in a wrong form has one in every line."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How formulas begin, also in the full-width letters that East Asian versions read alike."""


@dataclass(frozen=True)
class LineFault:
    """What is wrong in a line; lines count from 1, and the first one has the names of the columns."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


class VoterFileError(MisuseError):
    """The file of voters is refused as a whole. `faults`: the first thousand; `count`: how many there are."""

    def __init__(self, faults: Sequence[LineFault], count: int) -> None:
        super().__init__(f"the file of voters has {count} faults; nothing was taken from it")
        self.faults = tuple(faults)
        self.count = count

    def lines(self) -> Iterator[str]:
        """Yield a line for each fault, and how many more there are."""
        yield from map(str, self.faults)
        if self.count > len(self.faults):
            yield f"and {self.count - len(self.faults)} more"


@dataclass(frozen=True)
class VoterRules:
    """What a file of voters has to have. `required`: columns beside `id`. `unique`: columns with no value twice."""

    required: tuple[str, ...] = ()
    unique: tuple[str, ...] = (EMAIL,)


@dataclass(frozen=True)
class VoterTable:
    """Voters: the names of the columns, and a row for each voter. The column `id` tells voters apart."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(repr=False)

    @property
    def id_column(self) -> int:
        """The place of the column `id`."""
        return self.columns.index(ID)

    def find(self, voter: str) -> int:
        """Return the number of the row of a voter, from 0; raise `MisuseError` if there is none."""
        place = self.id_column
        for number, row in enumerate(self.rows):
            if row[place] == voter:
                return number
        raise MisuseError(f"there is no voter with the id {voter!r}")


Told = Callable[[int], object]
"""Hears how many lines are done."""


def read_voters(data: bytes, rules: VoterRules, told: Told = lambda _: None) -> VoterTable:
    """Read a file of voters: CSV (RFC 4180) in UTF-8, with the names of the columns in the first line.

    Raises `VoterFileError` with all faults.
    """
    return _Reading(rules, told).read(data)


def write_rows(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, as RFC 4180 says, in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(row)
        if text.tell() > 1 << 16:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def write_mailing(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[bytes]:
    """Yield the lines of a CSV file for a mail merge, in which no spreadsheet finds a formula.

    Somebody who could choose a name or an address would otherwise run formulas on the machine of whoever opens the
    file (OWASP: CSV injection). A cell that begins like one gets an apostrophe in front. No code and no common name
    begins so, and all other cells stay as they are.
    """
    return write_rows([_plain(name) for name in columns], ([_plain(cell) for cell in row] for row in rows))


def _plain(cell: str) -> str:
    # Some programs pass over spaces at the beginning.
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


class _Reading:
    def __init__(self, rules: VoterRules, told: Told) -> None:
        self._rules = rules
        self._told = told
        self._faults: list[LineFault] = []
        self._count = 0
        self._id = 0
        self._filled: list[int] = []
        self._unique: list[tuple[int, str, dict[str, int]]] = []

    def read(self, data: bytes) -> VoterTable:
        text = self._text(data)
        columns, rows = self._rows(text)
        if self._count:
            raise VoterFileError(self._faults, self._count)
        return VoterTable(columns, rows)

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
        # In UTF-16 every second byte of a line is zero; its lines have no meaning here.
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            self._fault(1, "the file is in UTF-16; allowed is UTF-8")
        else:
            for number, line in enumerate(data.split(b"\n"), start=1):
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    self._fault(number, f"byte {error.start + 1} is not UTF-8; save the file with that encoding")
        raise VoterFileError(self._faults, self._count)

    def _rows(self, text: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[tuple[str, ...]] = []
        columns: tuple[str, ...] = ()
        line = 1
        try:
            columns = self._columns(next(reader, []))
            line = reader.line_num + 1
            for row in reader:
                if self._is_right(row, columns, line) and self._is_new(row, line):
                    rows.append(tuple(row))
                line = reader.line_num + 1
                if line % TOLD_EVERY == 0:
                    self._told(line)
        except csv.Error as error:
            self._fault(line, f"is not CSV: {error}")
        self._check_count(columns, len(rows))
        return columns, rows

    def _columns(self, first: list[str]) -> tuple[str, ...]:
        columns = tuple(first)
        if columns:
            self._check_columns(columns)
        self._id = columns.index(ID) if ID in columns else 0
        self._filled = [place for place, name in enumerate(columns) if name in (ID, *self._rules.required)]
        unique = (ID, *self._rules.unique)
        self._unique = [(columns.index(name), name, {}) for name in unique if columns.count(name) == 1]
        return columns

    def _check_count(self, columns: tuple[str, ...], count: int) -> None:
        if not columns and not self._count:
            self._fault(1, "the file is empty; the first line has the names of the columns")
        elif not count and not self._count:
            self._fault(2, "there is no voter")
        elif count > MOST_CREDENTIALS:
            self._fault(MOST_CREDENTIALS + 2, f"an election has at most {MOST_CREDENTIALS} voters, not {count}")

    def _check_columns(self, columns: tuple[str, ...]) -> None:
        if len(columns) > MOST_COLUMNS:
            self._fault(1, f"has {len(columns)} columns; at most {MOST_COLUMNS} are allowed")
        for name in dict.fromkeys((ID, *self._rules.required)):
            if name not in columns:
                self._fault(1, f"the column {name!r} is missing; there are {', '.join(map(repr, columns))}")
        for name in dict.fromkeys(columns):
            if columns.count(name) > 1:
                self._fault(1, f"the column {name!r} is there {columns.count(name)} times")
            if not name.strip():
                self._fault(1, "a column has no name")
            if name in ADDED:
                self._fault(1, f"the column {name!r} is one that invitations get; call it otherwise")

    def _is_right(self, row: list[str], columns: tuple[str, ...], line: int) -> bool:
        if len(row) != len(columns):
            self._fault(line, f"has {len(row)} fields; the first line has {len(columns)}")
            return False
        if self._is_plain(row):
            return True
        before = self._count
        for name, value in zip(columns, row, strict=True):
            if not value.isprintable() or len(value) > MOST_FIELD:
                self._check_field(name, value, line)
            elif not value.strip() and (name == ID or name in self._rules.required):
                self._fault(line, f"{name} is empty")
            elif value != value.strip() and name == ID:
                self._fault(line, f"{name} begins or ends with a space")
        return self._count == before

    def _is_plain(self, row: list[str]) -> bool:
        """Tell whether a row is surely right: a short cut for almost all of a million rows."""
        return all(map(str.strip, map(row.__getitem__, self._filled))) and (
            "".join(row).isprintable() and max(map(len, row)) <= MOST_FIELD and row[self._id] == row[self._id].strip()
        )

    def _check_field(self, name: str, value: str, line: int) -> None:
        if len(value) > MOST_FIELD:
            self._fault(line, f"{name} has {len(value)} characters; at most {MOST_FIELD} are allowed")
        # Python calls less printable: spaces of other scripts, and joiners, which names in Persian have.
        hidden = [each for each in value if unicodedata.category(each) in ("Cc", "Co", "Cs", "Zl", "Zp")]
        if hidden:
            self._fault(line, f"{name} has a character that is not seen (U+{ord(hidden[0]):04X})")

    def _is_new(self, row: list[str], line: int) -> bool:
        before = self._count
        for place, name, seen in self._unique:
            # People write addresses in both cases, and mean one.
            value = row[place].casefold() if name == EMAIL else row[place]
            if value and seen.setdefault(value, line) != line:
                self._fault(line, f"{name} {row[place]!r} stands in line {seen[value]} already")
        return self._count == before

    def _fault(self, line: int, what: str) -> None:
        self._count += 1
        if len(self._faults) < MOST_TOLD:
            self._faults.append(LineFault(line, what))
