"""Sets of sequence numbers or UIDs (RFC 3501 section 9, `sequence-set`)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STAR = None
"""The largest number in use, written `*`."""


@dataclass(frozen=True)
class NumberSet:
    """Ranges of numbers, each with both ends; an end that is None is the largest number in use."""

    ranges: tuple[tuple[int | None, int | None], ...]

    def chosen(self, numbers: Sequence[int]) -> list[int]:
        """Return those of `numbers`, which ascend, that are in the set: each once, ascending.

        `*` is the last of them, even if the other end of its range is larger (RFC 3501 section 6.4.8).
        """
        if not numbers:
            return []
        spans = []
        for one, other in self.ranges:
            ends = [numbers[-1] if end is STAR else end for end in (one, other)]
            spans.append((bisect_left(numbers, min(ends)), bisect_right(numbers, max(ends))))
        chosen: list[int] = []
        reached = 0
        for first, last in sorted(spans):
            chosen += numbers[max(first, reached) : last]
            reached = max(reached, last)
        return chosen

    def spans(self, last: int) -> Spans:
        """Return the numbers of the set; `last`: the largest number in use, for which `*` stands."""
        ends = (sorted(last if end is STAR else end for end in pair) for pair in self.ranges)
        joined: list[list[int]] = []
        for first, final in sorted(ends):
            if joined and first <= joined[-1][1] + 1:
                joined[-1][1] = max(joined[-1][1], final)
            else:
                joined.append([first, final])
        return Spans(tuple(first for first, _ in joined), tuple(final for _, final in joined))


@dataclass(frozen=True)
class Spans:
    """Numbers in stretches that do not touch, by their first and last ones, ascending.

    Whether a number is among them takes a few comparisons, and no memory for each number that is.
    """

    firsts: tuple[int, ...]
    lasts: tuple[int, ...]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.firsts, number) - 1
        return at >= 0 and number <= self.lasts[at]


def encode_numbers(numbers: Iterable[int]) -> bytes:
    """Return a set as it is written; neighbours become ranges, and the order is kept."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs).encode()
