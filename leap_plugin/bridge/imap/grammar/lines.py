"""From the bytes of a connection to whole commands, of bounded length, with their literals (RFC 3501 section 4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from leap_plugin.bridge.receiving_room import ReceivingRoom, RoomShare

LITERAL_MARK = re.compile(rb"\{(\d{1,20})(\+?)\}\Z")
_TAG = re.compile(rb"([!#$&',-\[\]-z|}~]{1,64}) ([A-Za-z]{1,16})?")
"""A tag (RFC 3501 section 9: ASTRING-CHAR except "+") and the first word after it."""


@dataclass(frozen=True)
class Limits:
    """How much a client may send, and ask for."""

    line_bytes: int = 65_536
    """Of the text of one command, without its literals."""
    literal_bytes: int = 65_536
    """Of all literals of one command that is not APPEND."""
    message_bytes: int = 36 * 1024 * 1024
    """Of the message in an APPEND."""
    skipped_bytes: int = 1_048_576
    """Of an endless line, before the connection ends."""
    search_s: float = 60.0
    """Of work for one SEARCH, not counting the time in which others work. A phone gives up earlier."""


@dataclass(frozen=True)
class RawCommand:
    """A whole command: its text, cut where literals stand. The parts with odd index are the literals."""

    parts: tuple[bytes, ...]


@dataclass(frozen=True)
class BareLine:
    """A line that is no command: the answer to a continuation request, without its CRLF."""

    line: bytes


@dataclass(frozen=True)
class LiteralWanted:
    """The client waits for a continuation request before it sends a literal."""


@dataclass(frozen=True)
class NoCommand:
    """What came is no command; `fatal` if what follows cannot be told apart from it.

    `crowded`: it may be one, but its message cannot be received beside others just now.
    """

    tag: bytes | None
    reason: str
    fatal: bool = False
    too_big: bool = False
    crowded: bool = False


Input = RawCommand | BareLine | LiteralWanted | NoCommand


def tag_of(text: bytes) -> bytes | None:
    """Return the tag that a line begins with, or None if that is not valid."""
    found = _TAG.match(text)
    return found[1] if found else None


def _announces_literal(line: bytes) -> bool:
    """Tell whether a literal may follow that does not wait: as commands, its bytes would be somebody else's words.

    Of a line that was too long perhaps only the last byte is left.
    """
    text = line.rstrip(b"\r\n")
    return text.endswith(b"+}") or text == b"}"


class CommandReader:
    """Cuts a stream of bytes into commands.

    One input is taken at a time, because a command decides how the next line is to be read.
    """

    def __init__(self, limits: Limits, room: ReceivingRoom | None = None) -> None:
        """`room`: for messages, shared with other connections."""
        self._limits = limits
        self._room = room or ReceivingRoom()
        self._shares: list[RoomShare] = []
        self._waiting = bytearray()
        self._scanned = 0
        self._parts: list[bytes] = []
        self._text_bytes = 0
        self._literals_bytes = 0
        self._literal_left: int | None = None
        self._skipped = 0
        self.takes_messages = False
        """Whether APPEND may bring a whole message: not before the client has logged in."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._waiting += data

    def next_input(self, *, bare: bool = False) -> Input | None:
        """Return what comes next, or None while it is incomplete; `bare` reads a line that is no command.

        The command before is dealt with when this is called: its message is in memory no more.
        """
        if not self._parts:
            self.forget_room()
        while True:
            if self._literal_left is not None and not self._take_literal(self._literal_left):
                return None
            line = self._take_line()
            if not isinstance(line, bytes):
                return line
            if bare and not self._parts:
                return BareLine(line)
            found = self._take_text(line)
            if found is not None:
                return found

    def forget_room(self) -> None:
        """Give back the room of messages: they were dealt with, or come no more."""
        for share in self._shares:
            share.give_back()
        self._shares = []

    def _take_literal(self, length: int) -> bool:
        if len(self._waiting) < length:
            return False
        self._parts.append(bytes(self._waiting[:length]))
        del self._waiting[:length]
        self._literal_left, self._scanned = None, 0
        return True

    def _take_line(self) -> bytes | NoCommand | None:
        end = self._waiting.find(b"\n", self._scanned)
        room = self._limits.line_bytes - self._text_bytes
        if end < 0 and len(self._waiting) <= room and not self._skipped:
            self._scanned = len(self._waiting)
            return None
        if end < 0:
            return self._skip()
        line = bytes(self._waiting[: end + 1])
        del self._waiting[: end + 1]
        self._scanned = 0
        if self._skipped or len(line) > room + 2:
            self._skipped = 0
            return self._refuse(line, "the line is too long", fatal=_announces_literal(line))
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            reason = "a line ends in CRLF, and has no other CR, LF or NUL"
            return self._refuse(line, reason, fatal=_announces_literal(line))
        return line[:-2]

    def _skip(self) -> NoCommand | None:
        # The tag stands at the beginning: it is kept, and all else is forgotten.
        if not self._parts:
            self._parts.append(bytes(self._waiting[:128]))
        self._skipped += len(self._waiting)
        self._waiting.clear()
        self._scanned = 0
        if self._skipped > self._limits.skipped_bytes:
            return self._refuse(b"", "the line has no end", fatal=True)
        return None

    def _take_text(self, line: bytes) -> Input | None:
        mark = LITERAL_MARK.search(line)
        text = line[: mark.start()] if mark else line
        self._text_bytes += len(line)
        if mark is None:
            command = RawCommand((*self._parts, text))
            self._forget()
            return command
        length, waits = int(mark[1]), not mark[2]
        self._literals_bytes += length
        most = self._most_literal_bytes(self._parts[0] if self._parts else text)
        if tag_of(self._parts[0] if self._parts else text) is None:
            return self._refuse(text, "the command has no valid tag", fatal=not waits)
        if self._literals_bytes > most:
            # The bytes of a literal that does not wait come all the same: only the end of the connection stops them
            # (RFC 7888 section 4).
            return self._refuse(text, f"a literal has at most {most} bytes here", fatal=not waits, too_big=True)
        if length > self._limits.literal_bytes:
            share = self._room.take(length)
            if share is None:
                reason = "other long messages are coming in just now: try again in a moment"
                return self._refuse(text, reason, fatal=not waits, crowded=True)
            self._shares.append(share)
        self._parts.append(text)
        self._literal_left = length
        return LiteralWanted() if waits else None

    def _most_literal_bytes(self, first: bytes) -> int:
        found = _TAG.match(first)
        if self.takes_messages and found and (found[2] or b"").upper() == b"APPEND":
            return self._limits.message_bytes
        return self._limits.literal_bytes

    def _refuse(
        self, text: bytes, reason: str, *, fatal: bool = False, too_big: bool = False, crowded: bool = False
    ) -> NoCommand:
        tag = tag_of(self._parts[0] if self._parts else text)
        self._forget()
        return NoCommand(tag, reason, fatal, too_big, crowded)

    def _forget(self) -> None:
        self._parts, self._text_bytes, self._literals_bytes, self._skipped = [], 0, 0, 0
