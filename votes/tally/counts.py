"""How often each choice was made, from decrypted rows (docs/protocol/votes.md, 2.1)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from loopixmix.errors import FormatError
from loopixmix.group.group import Elements, Group
from votes.ballot.choices import BlankVote, Choice
from votes.ballot.plaintexts import PollCoding, extract_numbers


@dataclass(frozen=True)
class CountedChoice:
    """A choice, its number as bytes, and how many ballots made it."""

    number: bytes
    choice: Choice
    count: int


@dataclass(frozen=True)
class ChoiceCounts:
    """How often each choice was made. `choices`: in the order of their numbers, without the blank vote."""

    choices: tuple[CountedChoice, ...]
    blank: int = 0
    invalid: int = 0

    @property
    def valid(self) -> int:
        """Ballots that take part in the count."""
        return sum(each.count for each in self.choices)

    @property
    def total(self) -> int:
        """All ballots, blank and invalid ones included."""
        return self.valid + self.blank + self.invalid

    def digest(self) -> bytes:
        """SHA-512 of all distinct choices and counts: what lots are drawn from."""
        pieces = (each.number + each.count.to_bytes(8, "big") for each in self.choices)
        return hashlib.sha512(b"".join(pieces)).digest()

    def totals(self, counted: Callable[[Choice], Iterable[int]], size: int) -> list[int]:
        """Return how many ballots count for each of `size` things; `counted` tells for which ones a choice does."""
        totals = [0] * size
        for each in self.choices:
            for thing in counted(each.choice):
                totals[thing] += each.count
        return totals


class ChoiceCounter:
    """Counts decrypted rows as they come, in pieces of any size.

    It counts equal rows by their bytes, and looks into each distinct one once: a million answers to a question of yes
    or no are two rows.
    """

    def __init__(self, group: Group, coding: PollCoding) -> None:
        """`coding`: that of the poll whose rows these are."""
        self._group = group
        self._coding = coding
        self._rows: Counter[bytes] = Counter()

    def add(self, columns: Sequence[Elements]) -> None:
        """Count rows of decrypted elements, one column for each element of a row."""
        if len(columns) != self._coding.width:
            raise ValueError(f"there are {len(columns)} columns; rows of this poll have {self._coding.width}")
        self.add_encoded([column.encode() for column in columns])

    def add_encoded(self, columns: Sequence[bytes]) -> None:
        """Count rows of which the columns' encodings are given."""
        size = self._group.element_bytes
        cut = [[column[at : at + size] for at in range(0, len(column), size)] for column in columns]
        self._rows.update(cut[0] if len(cut) == 1 else map(b"".join, zip(*cut, strict=True)))

    def finish(self) -> ChoiceCounts:
        """Return the counts. Rows that are no choice's embedding are counted as invalid."""
        rows = list(self._rows)
        counted: list[CountedChoice] = []
        blank = 0
        for row, number in zip(rows, self._numbers(rows), strict=True):
            choice = self._choice(number)
            if isinstance(choice, BlankVote):
                blank += self._rows[row]
            elif choice is not None and number is not None:
                counted.append(CountedChoice(number, choice, self._rows[row]))
        counted.sort(key=lambda each: each.number)
        told = blank + sum(each.count for each in counted)
        return ChoiceCounts(tuple(counted), blank, self._rows.total() - told)

    def _numbers(self, rows: Sequence[bytes]) -> list[bytes | None]:
        size = self._group.element_bytes
        columns = [
            self._group.elements(b"".join(row[place * size : (place + 1) * size] for row in rows))
            for place in range(self._coding.width)
        ]
        return extract_numbers(self._group, columns)

    def _choice(self, number: bytes | None) -> Choice | None:
        if number is None:
            return None
        try:
            return self._coding.decode(number)
        except FormatError:
            # Whoever made this ballot encrypted something else; the page calls it invalid.
            return None


def count_choices(coding: PollCoding, choices: Iterable[Choice]) -> ChoiceCounts:
    """Count choices that were never encrypted, such as those of a published election."""
    numbers = Counter(coding.encode(choice) for choice in choices)
    return counts_of(coding, numbers)


def counts_of(coding: PollCoding, numbers: Counter[bytes]) -> ChoiceCounts:
    """Return the counts of numbers of choices, each of which is one of the poll's."""
    decoded = [CountedChoice(number, coding.decode(number), numbers[number]) for number in sorted(numbers)]
    blank = sum(each.count for each in decoded if isinstance(each.choice, BlankVote))
    return ChoiceCounts(tuple(each for each in decoded if not isinstance(each.choice, BlankVote)), blank)
