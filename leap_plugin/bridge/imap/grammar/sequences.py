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


def encode_numbers(numbers: Iterable[int]) -> bytes:
    """Return a set as it is written; neighbours become ranges, and the order is kept."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs).encode()
