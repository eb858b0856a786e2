"""What rules of a record are made of: allowed ranges, and faults as sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RuleFault:
    """A rule that a record breaks. `field` is written as in JSON: `polls[0].options`. `what` goes on: "has ..."."""

    field: str
    what: str

    def __str__(self) -> str:
        return f"{self.field} {self.what}"


@dataclass(frozen=True)
class Allowed:
    """A range of whole numbers, both ends included."""

    least: int
    most: int

    def __contains__(self, number: int) -> bool:
        return self.least <= number <= self.most

    def __str__(self) -> str:
        return f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"


UNSEEN = ("Cc", "Cf", "Co", "Cs")
"""Unicode's categories of characters that are not seen."""
JOINERS = "\u200c\u200d"
"""Not seen either, but words of Persian and Hindi are not written without them."""
NAME = Allowed(1, 200)
"""Characters of the name of a party, an option, a list, a grade."""


def number_faults(field: str, number: int, allowed: Allowed) -> Iterator[RuleFault]:
    """Yield a fault unless the number is allowed."""
    if number not in allowed:
        yield RuleFault(field, f"is {number}; allowed is {allowed}")


def count_faults(field: str, items: Sequence[object], allowed: Allowed, what: str = "entries") -> Iterator[RuleFault]:
    """Yield a fault unless there is an allowed number of items."""
    if len(items) not in allowed:
        yield RuleFault(field, f"has {len(items)} {what}; allowed is {allowed}")


def text_faults(field: str, text: str, allowed: Allowed, *, lines: bool = False) -> Iterator[RuleFault]:
    """Yield the faults of a text: its length, invisible characters, another spelling of what looks the same.

    `lines`: it may have line breaks.
    """
    yield from count_faults(field, text, allowed, "characters")
    allowed_unseen = JOINERS + ("\n" if lines else "")
    if any(unicodedata.category(each) in UNSEEN and each not in allowed_unseen for each in text):
        yield RuleFault(field, "has a character that is not seen; allowed are visible ones and spaces")
    if not unicodedata.is_normalized("NFC", text):
        yield RuleFault(field, "has letters that are put together of parts; allowed is the normal form NFC of Unicode")
    if text != text.strip():
        yield RuleFault(field, "begins or ends with a space; allowed is a text without")


def unique_faults(field: str, names: Sequence[object]) -> Iterator[RuleFault]:
    """Yield a fault if something stands in `names` twice."""
    if len(set(names)) != len(names):
        yield RuleFault(field, "has an entry twice; allowed is each once")
