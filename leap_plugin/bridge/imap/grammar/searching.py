"""What SEARCH may look for (RFC 3501 section 6.4.4)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Union

from leap_plugin.bridge.imap.grammar.scanner import Scanner
from leap_plugin.bridge.imap.grammar.sequences import NumberSet, Spans

MOST_NESTED = 16
MOST_KEYS = 256


class TextPlace(enum.Enum):
    """Where a text is looked for, if not in one header field."""

    BODY = "BODY"
    TEXT = "TEXT"


@dataclass(frozen=True)
class Flagged:
    """Messages that have a flag, or do not."""

    flag: str
    wanted: bool


@dataclass(frozen=True)
class Containing:
    """Messages that contain a text, in any case."""

    place: TextPlace
    text: bytes


@dataclass(frozen=True)
class InHeader:
    """Messages with this header field, and this text in it; an empty text is in every such field."""

    field: str
    text: bytes


@dataclass(frozen=True)
class Sized:
    """Messages larger, or smaller, than so many bytes."""

    larger: bool
    size_bytes: int


class When(enum.Enum):
    """How the day of a message lies to the one that is asked for."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"


@dataclass(frozen=True)
class Dated:
    """Messages by the day on which they came, or, if `sent`, which their Date field bears."""

    when: When
    day: date
    sent: bool


@dataclass(frozen=True)
class Numbered:
    """Messages by their numbers."""

    numbers: NumberSet
    by_uid: bool


@dataclass(frozen=True)
class Within:
    """Messages by their numbers, of which `*` is known: `Numbered` as it is compared with each message."""

    spans: Spans
    by_uid: bool


@dataclass(frozen=True)
class Not:
    key: SearchKey


@dataclass(frozen=True)
class AnyOf:
    """Either key; none at all finds nothing."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True)
class AllOf:
    """All keys; none at all finds every message."""

    keys: tuple[SearchKey, ...]


SearchKey = Union[Flagged, Containing, InHeader, Sized, Dated, Numbered, Within, Not, AnyOf, AllOf]  # noqa: UP007

_FIXED: Mapping[str, SearchKey] = {
    "ALL": AllOf(()),
    # No message is ever "recent": the flag says that no other session was told first, and here all are told.
    "RECENT": AnyOf(()),
    "NEW": AnyOf(()),
    "OLD": AllOf(()),
    **{flag.upper(): Flagged(f"\\{flag}", True) for flag in ("Answered", "Deleted", "Draft", "Flagged", "Seen")},
    **{
        f"UN{flag.upper()}": Flagged(f"\\{flag}", False) for flag in ("Answered", "Deleted", "Draft", "Flagged", "Seen")
    },
}
_FIELDS = ("BCC", "CC", "FROM", "SUBJECT", "TO")


def parse_search(scanner: Scanner) -> SearchKey:
    """Read keys to the end of the command; a message is found that fits all."""
    keys = _Keys(scanner)
    found = keys.some(MOST_NESTED)
    scanner.end()
    return found


class _Keys:
    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._left = MOST_KEYS

    def some(self, depth: int) -> SearchKey:
        keys = [self.one(depth)]
        while self._scanner.skip(b" "):
            keys.append(self.one(depth))
        return keys[0] if len(keys) == 1 else AllOf(tuple(keys))

    def one(self, depth: int) -> SearchKey:
        scanner = self._scanner
        self._left -= 1
        if depth == 0 or self._left < 0:
            raise scanner.refusal(f"at most {MOST_KEYS} keys, nested at most {MOST_NESTED} deep,")
        if scanner.skip(b"("):
            found = self.some(depth - 1)
            scanner.expect(b")")
            return found
        if scanner.number_set_is_next():
            return Numbered(scanner.numbers(), by_uid=False)
        name = scanner.word()
        if name in _FIXED:
            return _FIXED[name]
        scanner.space()
        return self._with_argument(name, depth)

    def _with_argument(self, name: str, depth: int) -> SearchKey:
        scanner = self._scanner
        if name in _FIELDS:
            return InHeader(name, scanner.astring())
        match name:
            case "HEADER":
                field = scanner.astring().decode("ascii", "replace")
                scanner.space()
                return InHeader(field, scanner.astring())
            case "BODY" | "TEXT":
                return Containing(TextPlace(name), scanner.astring())
            case "KEYWORD" | "UNKEYWORD":
                return Flagged(scanner.atom().decode("ascii"), name == "KEYWORD")
            case "LARGER" | "SMALLER":
                return Sized(name == "LARGER", scanner.number())
            case "BEFORE" | "ON" | "SINCE" | "SENTBEFORE" | "SENTON" | "SENTSINCE":
                return Dated(When(name.removeprefix("SENT")), scanner.date(), name.startswith("SENT"))
            case "UID":
                return Numbered(scanner.numbers(), by_uid=True)
            case "NOT":
                return Not(self.one(depth - 1))
            case "OR":
                one = self.one(depth - 1)
                scanner.space()
                return AnyOf((one, self.one(depth - 1)))
            case _:
                raise scanner.refusal("a key that SEARCH knows")
