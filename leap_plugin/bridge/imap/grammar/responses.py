"""Values of responses as bytes (RFC 3501 sections 4 and 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from leap_plugin.bridge.imap.grammar.names import encode_name
from leap_plugin.bridge.imap.grammar.scanner import MONTHS

NIL = b"NIL"
_BARE = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]{1,200}")
_QUOTABLE = re.compile(rb"[\x20-\x7e]{0,200}")


def encode_literal(data: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(data), data)


def encode_string(data: bytes) -> bytes:
    """Return text in quotes, and whatever quotes cannot hold as a literal."""
    if not _QUOTABLE.fullmatch(data):
        return encode_literal(data)
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def encode_astring(data: bytes) -> bytes:
    """Return text bare if it may stand so: programs look for what they asked for, letter by letter."""
    return data if _BARE.fullmatch(data) else encode_string(data)


def encode_nstring(data: bytes | None) -> bytes:
    return NIL if data is None else encode_string(data)


def encode_folder(name: str) -> bytes:
    return encode_string(encode_name(name))


def encode_list(items: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(items) + b")"


@lru_cache(maxsize=1_024)
def encode_flags(flags: frozenset[str]) -> bytes:
    return encode_list(flag.encode("ascii") for flag in sorted(flags))


def encode_date_time(at: datetime) -> bytes:
    """Return a moment with its zone, such as `"17-Jul-1996 02:44:25 -0700"`."""
    # Not by strftime: the names of its months follow the machine's language.
    return f'"{at.day:2d}-{MONTHS[at.month - 1]}-{at.year:04d} {at:%H:%M:%S %z}"'.encode("ascii")


def untagged(text: bytes) -> bytes:
    return b"* " + text + b"\r\n"


def tagged(tag: bytes, outcome: str, text: str, code: bytes = b"") -> bytes:
    """Return the last response to a command: OK, NO or BAD, with a response code (RFC 3501 section 7.1)."""
    shown = text.encode("ascii", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    return b"%b %b %b%b\r\n" % (tag, outcome.encode(), b"[%b] " % code if code else b"", shown)
