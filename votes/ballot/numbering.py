"""Numbers for sets, sequences and digits: each has one number, and each number below the count is one of them.

Python's integers are as large as they need to be: a full ranking of 1,000 options has 8,530 bits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import comb, perm


@dataclass(frozen=True)
class Sizes:
    """Numbers in which all things of one size come before those of the next.

    `least`: the smallest size; `counts[i]`: how many things have the size `least + i`.
    """

    least: int
    counts: tuple[int, ...]
    starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Kept, because adding up a thousand large binomials for each ballot would take longer than all the rest.
        object.__setattr__(self, "starts", tuple(accumulate(self.counts, initial=0)))

    @property
    def count(self) -> int:
        """How many things there are of all sizes."""
        return self.starts[-1]

    def start(self, size: int) -> int:
        """Return the first number of a size."""
        return self.starts[size - self.least]

    def locate(self, number: int) -> tuple[int, int]:
        """Return the size of the thing with this number, and its number among those of its size."""
        index = bisect_right(self.starts, number) - 1
        return self.least + index, number - self.starts[index]


@dataclass(frozen=True)
class Subsets:
    """Sets of `least` to `most` of the numbers below `size`, the smaller sets first.

    Sets of one size are in colexicographic order (Knuth, The Art of Computer Programming 7.2.1.3, theorem L).
    """

    size: int
    least: int
    most: int
    sizes: Sizes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        most = max(self.least - 1, min(self.most, self.size))
        counts = tuple(comb(self.size, length) for length in range(self.least, most + 1))
        object.__setattr__(self, "sizes", Sizes(self.least, counts))

    @property
    def count(self) -> int:
        """How many sets there are."""
        return self.sizes.count

    def number(self, members: frozenset[int]) -> int:
        """Return the number of a set."""
        placed = enumerate(sorted(members), start=1)
        return self.sizes.start(len(members)) + sum(comb(member, place) for place, member in placed)

    def members(self, number: int) -> frozenset[int]:
        """Return the set with this number, which is below `count`."""
        length, rest = self.sizes.locate(number)
        found: list[int] = []
        member = self.size
        for place in range(length, 0, -1):
            member -= 1
            while (below := comb(member, place)) > rest:
                member -= 1
            rest -= below
            found.append(member)
        return frozenset(found)


@dataclass(frozen=True)
class Sequences:
    """Sequences of `least` to `most` different numbers below `size`, the shorter ones first.

    Those of one length are in lexicographic order.
    """

    size: int
    least: int
    most: int
    sizes: Sizes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        counts = tuple(perm(self.size, length) for length in range(self.least, min(self.most, self.size) + 1))
        object.__setattr__(self, "sizes", Sizes(self.least, counts))

    @property
    def count(self) -> int:
        """How many sequences there are."""
        return self.sizes.count

    def number(self, members: Sequence[int]) -> int:
        """Return the number of a sequence."""
        left = list(range(self.size))
        number = 0
        for member in members:
            index = left.index(member)
            number = number * len(left) + index
            del left[index]
        return self.sizes.start(len(members)) + number

    def members(self, number: int) -> tuple[int, ...]:
        """Return the sequence with this number, which is below `count`."""
        length, rest = self.sizes.locate(number)
        indices: list[int] = []
        for choices in range(self.size - length + 1, self.size + 1):
            rest, index = divmod(rest, choices)
            indices.append(index)
        left = list(range(self.size))
        return tuple(left.pop(index) for index in reversed(indices))


@dataclass(frozen=True)
class Digits:
    """Numbers of `length` digits to a base, the first digit the highest."""

    base: int
    length: int

    @property
    def count(self) -> int:
        """How many numbers there are."""
        count: int = self.base**self.length
        return count

    def number(self, digits: Sequence[int]) -> int:
        """Return the number that these digits write."""
        number = 0
        for digit in digits:
            number = number * self.base + digit
        return number

    def digits(self, number: int) -> tuple[int, ...]:
        """Return the digits of a number, which is below `count`."""
        found: list[int] = []
        for _ in range(self.length):
            number, digit = divmod(number, self.base)
            found.append(digit)
        return tuple(reversed(found))
