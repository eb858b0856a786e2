"""Values as lines for people; nothing that others wrote may steer the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

_KEPT = frozenset("\n\t\N{ZERO WIDTH JOINER}")
_STRANGE = "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """Return text in which no character steers a terminal; what would is shown as a question mark in a diamond."""
    return "".join(
        letter if letter.isprintable() or letter in _KEPT else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def plain_line(text: str) -> str:
    """Return text that is safe to show and stays on one line."""
    return plain(text).replace("\n", " ").replace("\t", " ")


def readable(body: bytes) -> str | None:
    """Return a body as text that is safe to show, or None if it is no text."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else plain(text.replace("\r\n", "\n"))


def size(length_bytes: int) -> str:
    """Return a number of bytes as people say it."""
    amount = float(length_bytes)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000 or unit == "MB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


def instant(at_s: float) -> str:
    """Return a time in this machine's zone."""
    return datetime.fromtimestamp(at_s, UTC).astimezone().isoformat(sep=" ", timespec="seconds")[:19]


def duration(seconds: float) -> str:
    """Return a span of time, coarse if it is long."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
