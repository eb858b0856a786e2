"""Reads the words of one command, strictly: what the grammar does not have is refused (RFC 3501 section 9)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from leap_plugin.bridge.imap.grammar.names import MOST_NAME_BYTES, decode_name
from leap_plugin.bridge.imap.grammar.sequences import STAR, NumberSet
from loopixmix.errors import FormatError

MOST_NUMBER = 2**32 - 1
MOST_FLAGS = 64
MOST_FLAG_BYTES = 64
MOST_RANGES = 4_096
MOST_WILDCARDS = 16
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_ASTRING = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_PATTERN = re.compile(rb"[!#$%&'*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_QUOTED = re.compile(rb'"((?:[^"\\\x80-\xff]|\\["\\])*)"')
_NUMBER = re.compile(rb"\d{1,10}")
_FLAG = re.compile(rb"\\?[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_SET = re.compile(rb"[0-9*][0-9*:,]*")
_DATE = re.compile(rb"\"?( ?\d{1,2})-([A-Za-z]{3})-(\d{4})\"?")
_DATE_TIME = re.compile(rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')
_SYSTEM_FLAGS = {name.upper(): name for name in (r"\Answered", r"\Flagged", r"\Deleted", r"\Seen", r"\Draft")}


class Scanner:
    """Stands at one place of a command and reads on from there.

    `parts` are text and literals in turn, as `RawCommand` has them. Every method raises FormatError if something else
    stands there than it reads.
    """

    def __init__(self, parts: tuple[bytes, ...]) -> None:
        self._parts = parts
        self._part = 0
        self._at = 0

    @property
    def _text(self) -> bytes:
        return self._parts[self._part]

    def refusal(self, wanted: str) -> FormatError:
        """Return the error that something else stands here than is wanted."""
        return FormatError(f"{wanted} is expected at byte {self._at} of the text")

    def next_is(self, start: bytes) -> bool:
        """Tell whether `start` stands here, in any case."""
        return self._text[self._at : self._at + len(start)].upper() == start

    def skip(self, start: bytes) -> bool:
        """Pass over `start` if it stands here; tell whether it did."""
        if not self.next_is(start):
            return False
        self._at += len(start)
        return True

    def expect(self, start: bytes) -> None:
        if not self.skip(start):
            raise self.refusal(repr(start.decode()))

    def space(self) -> None:
        self.expect(b" ")

    def end(self) -> None:
        if self._part < len(self._parts) - 1 or self._at < len(self._text):
            raise self.refusal("the end of the command")

    @property
    def at_end(self) -> bool:
        return self._part == len(self._parts) - 1 and self._at == len(self._text)

    def _match(self, pattern: re.Pattern[bytes], wanted: str) -> re.Match[bytes]:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self.refusal(wanted)
        self._at = found.end()
        return found

    def atom(self) -> bytes:
        return self._match(_ATOM, "an atom")[0]

    def word(self) -> str:
        """Read an atom that is the name of something, in capitals."""
        return self.atom().decode("ascii").upper()

    def number(self) -> int:
        """Read a number of 32 bits."""
        number = int(self._match(_NUMBER, "a number")[0])
        if number > MOST_NUMBER:
            raise self.refusal(f"a number up to {MOST_NUMBER}")
        return number

    def literal_is_next(self) -> bool:
        return self._at == len(self._text) and self._part + 1 < len(self._parts)

    def literal(self) -> bytes:
        if not self.literal_is_next():
            raise self.refusal("a literal")
        literal = self._parts[self._part + 1]
        self._part, self._at = self._part + 2, 0
        return literal

    def string(self) -> bytes:
        if self.literal_is_next():
            return self.literal()
        return re.sub(rb"\\(.)", rb"\1", self._match(_QUOTED, "a string")[1])

    def astring(self) -> bytes:
        if self.literal_is_next() or self.next_is(b'"'):
            return self.string()
        return self._match(_ASTRING, "an atom or string")[0]

    def nstring(self) -> bytes | None:
        return None if self.skip(b"NIL") else self.string()

    def folder(self) -> str:
        """Read the name of a folder."""
        return decode_name(self.astring())

    def pattern(self) -> bytes:
        """Read what LIST compares names with (`list-mailbox`)."""
        quoted = self.literal_is_next() or self.next_is(b'"')
        pattern = self.string() if quoted else self._match(_PATTERN, "a pattern")[0]
        if len(pattern) > MOST_NAME_BYTES or pattern.count(b"*") + pattern.count(b"%") > MOST_WILDCARDS:
            raise self.refusal(f"a pattern of at most {MOST_NAME_BYTES} bytes and {MOST_WILDCARDS} wildcards")
        return pattern

    def flags(self) -> frozenset[str]:
        """Read a list of flags in parentheses."""
        self.expect(b"(")
        if self.skip(b")"):
            return frozenset()
        flags = self.bare_flags()
        self.expect(b")")
        return flags

    def bare_flags(self) -> frozenset[str]:
        """Read one flag or more. System flags get their usual capitals, and `\\Recent` is for the server alone."""
        flags = set()
        while True:
            flag = self._match(_FLAG, "a flag")[0].decode("ascii")
            if len(flag) > MOST_FLAG_BYTES:
                raise self.refusal(f"a flag of at most {MOST_FLAG_BYTES} characters")
            if flag.startswith("\\") and flag.upper() not in _SYSTEM_FLAGS:
                raise self.refusal("a flag that a client may set")
            flags.add(_SYSTEM_FLAGS.get(flag.upper(), flag))
            if len(flags) > MOST_FLAGS:
                raise self.refusal(f"at most {MOST_FLAGS} flags")
            if not self.skip(b" "):
                return frozenset(flags)

    def number_set_is_next(self) -> bool:
        return _SET.match(self._text, self._at) is not None

    def numbers(self) -> NumberSet:
        """Read a set of sequence numbers or UIDs."""
        written = self._match(_SET, "a set of numbers")[0].split(b",")
        if len(written) > MOST_RANGES:
            raise self.refusal(f"at most {MOST_RANGES} ranges")
        ranges = []
        for piece in written:
            first, colon, last = piece.partition(b":")
            ranges.append((self._end_of_range(first), self._end_of_range(last if colon else first)))
        return NumberSet(tuple(ranges))

    def _end_of_range(self, written: bytes) -> int | None:
        if written == b"*":
            return STAR
        if not _NUMBER.fullmatch(written) or not 0 < int(written) <= MOST_NUMBER:
            raise self.refusal("a set of numbers from 1")
        return int(written)

    def date(self) -> date:
        """Read a day, such as `1-Feb-1994`."""
        found = self._match(_DATE, "a date such as 1-Feb-1994")
        try:
            return date(int(found[3]), self._month(found[2]), int(found[1]))
        except ValueError:
            raise self.refusal("a date that exists") from None

    def date_time(self) -> datetime:
        """Read a moment, such as `"17-Jul-1996 02:44:25 -0700"`."""
        found = self._match(_DATE_TIME, "a date and time")
        day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
        if not 1900 <= year < 9999:
            # Nearer to the ends of the calendar, a change of zone leaves it.
            raise self.refusal("a year from 1900")
        offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
        try:
            zone = timezone(offset if found[7] == b"+" else -offset)
            return datetime(year, self._month(found[2]), day, hour, minute, second, tzinfo=zone)
        except ValueError:
            raise self.refusal("a date and time that exist") from None

    def _month(self, name: bytes) -> int:
        return MONTHS.index(name.decode("ascii").capitalize()) + 1
