"""What FETCH may ask for (RFC 3501 section 6.4.5)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from leap_plugin.bridge.imap.grammar.scanner import Scanner

MOST_ITEMS = 64
MOST_DEPTH = 32
MOST_FIELDS = 128


class Datum(enum.Enum):
    """What is asked for by name alone."""

    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    ENVELOPE = "ENVELOPE"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    RFC822_SIZE = "RFC822.SIZE"
    UID = "UID"


class Kind(enum.Enum):
    """Which text of a part is asked for; WHOLE is what no word names."""

    WHOLE = ""
    HEADER = "HEADER"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True)
class BodySection:
    """`BODY[...]<...>`: a text of the message or of one of its parts."""

    part: tuple[int, ...]
    kind: Kind
    fields: tuple[bytes, ...] = ()
    peek: bool = False
    """Whether the message stays unseen."""
    partial: tuple[int, int] | None = None
    """First byte, from 0, and the number of bytes."""
    called: bytes | None = None
    """What the response calls it, if not by its section: RFC822 and its kin."""


FetchItem = Datum | BodySection
_MACROS = {
    "FAST": (Datum.FLAGS, Datum.INTERNALDATE, Datum.RFC822_SIZE),
    "ALL": (Datum.FLAGS, Datum.INTERNALDATE, Datum.RFC822_SIZE, Datum.ENVELOPE),
    "FULL": (Datum.FLAGS, Datum.INTERNALDATE, Datum.RFC822_SIZE, Datum.ENVELOPE, Datum.BODY),
}
_OLD_NAMES = {
    "RFC822": BodySection((), Kind.WHOLE, called=b"RFC822"),
    "RFC822.HEADER": BodySection((), Kind.HEADER, peek=True, called=b"RFC822.HEADER"),
    "RFC822.TEXT": BodySection((), Kind.TEXT, called=b"RFC822.TEXT"),
}


def parse_fetch_items(scanner: Scanner) -> tuple[FetchItem, ...]:
    """Read one item, a macro, or a list of items in parentheses; each counts once."""
    if not scanner.skip(b"("):
        for name, items in _MACROS.items():
            if scanner.skip(name.encode()):
                return items
        return (_item(scanner),)
    found = [_item(scanner)]
    while scanner.skip(b" "):
        found.append(_item(scanner))
        if len(found) > MOST_ITEMS:
            raise scanner.refusal(f"at most {MOST_ITEMS} items")
    scanner.expect(b")")
    return tuple(dict.fromkeys(found))


def _item(scanner: Scanner) -> FetchItem:
    # Not read as an atom: "[" is a letter of atoms.
    for start, peek in ((b"BODY.PEEK[", True), (b"BODY[", False)):
        if scanner.skip(start):
            return _section(scanner, peek)
    name = scanner.word()
    if name in _OLD_NAMES:
        return _OLD_NAMES[name]
    try:
        return Datum(name)
    except ValueError:
        raise scanner.refusal("an item that FETCH knows") from None


def _section(scanner: Scanner, peek: bool) -> BodySection:
    part: list[int] = []
    kind = Kind.WHOLE
    fields: tuple[bytes, ...] = ()
    while not scanner.next_is(b"]"):
        if part:
            scanner.expect(b".")
        if scanner.number_set_is_next():
            part.append(scanner.number())
            if not part[-1] or len(part) > MOST_DEPTH:
                raise scanner.refusal(f"at most {MOST_DEPTH} numbers of parts, from 1,")
            continue
        kind, fields = _kind(scanner, within_part=bool(part))
        break
    scanner.expect(b"]")
    partial = None
    if scanner.skip(b"<"):
        first = scanner.number()
        scanner.expect(b".")
        partial = first, scanner.number()
        if not partial[1]:
            raise scanner.refusal("a number of bytes over 0")
        scanner.expect(b">")
    return BodySection(tuple(part), kind, fields, peek, partial)


def _kind(scanner: Scanner, *, within_part: bool) -> tuple[Kind, tuple[bytes, ...]]:
    for kind in (Kind.FIELDS_NOT, Kind.FIELDS):
        if scanner.skip(kind.value.encode() + b" ("):
            fields = [scanner.astring()]
            while scanner.skip(b" "):
                fields.append(scanner.astring())
            scanner.expect(b")")
            if len(fields) > MOST_FIELDS:
                raise scanner.refusal(f"at most {MOST_FIELDS} header fields")
            return kind, tuple(fields)
    for kind in (Kind.HEADER, Kind.TEXT, Kind.MIME):
        if (kind is not Kind.MIME or within_part) and scanner.skip(kind.value.encode()):
            return kind, ()
    raise scanner.refusal("a section that FETCH knows")
