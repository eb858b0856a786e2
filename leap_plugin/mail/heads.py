"""The head of a mail as bytes: where it ends, and lines of it left out. It works on malformed mail, too."""

from __future__ import annotations

import re

_END = re.compile(rb"(?:\A|(\n))\r?\n")


def head_of(mail: bytes) -> bytes:
    """Return the header lines of a mail with their line ends; all of it if no empty line ends them."""
    end = _END.search(mail)
    # The line end before the empty line belongs to the head.
    return mail if end is None else mail[: max(end.end(1), 0)]


def lines_of(mail: bytes, name: str) -> tuple[str, ...]:
    """Return what all header lines of that name say, unfolded and without the space around; `name` in any case."""
    found = re.finditer(_pattern(name), head_of(mail))
    return tuple(b" ".join(line[1].split()).decode("utf-8", "replace") for line in found)


def without_lines(mail: bytes, *names: str) -> bytes:
    """Return a mail without its header lines of these names; every other byte stays."""
    head = head_of(mail)
    kept = head
    for name in names:
        kept = re.sub(_pattern(name), b"", kept)
    return kept + mail[len(head) :]


def _pattern(name: str) -> re.Pattern[bytes]:
    # A header line with those that continue it. The last one may lack its line end.
    return re.compile(
        rb"^" + re.escape(name.encode()) + rb"[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)", re.IGNORECASE | re.MULTILINE
    )
