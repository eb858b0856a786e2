"""Downloads of long files, whole or in ranges (RFC 9110, section 14), so that they go on after a break.

Twisted's own `static.File` warns at its import that a part of it is deprecated, and looks into the file system for
types and folders; here a path is known, and all files are plain bytes.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO, cast

from twisted.protocols.basic import FileSender
from twisted.web.server import Request

BYTES = "application/octet-stream"
AT_ONCE_BYTES = 65_536
"""Up to here an answer is made in one piece."""
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class _Part:
    """A part of an open file, for a sender that reads to the end."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        file.seek(first)
        self._file = file
        self._left = length

    def read(self, most: int) -> bytes:
        piece = self._file.read(min(most, self._left))
        self._left -= len(piece)
        return piece


async def download(request: Request, path: Path) -> bytes:
    """Answer with a file, or the range of it that is asked for; the last part of the answer is returned.

    A file that grows meanwhile is given as it was when it was asked for.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        asked = asked_range(request.getHeader("Range"), size)
        _write_headers(request, asked, size)
        if asked is None or request.method == b"HEAD":
            return b""
        first, length = asked
        part = _Part(file, first, length)
        if length <= AT_ONCE_BYTES:
            return part.read(length)
        try:
            await FileSender().beginFileTransfer(cast(BinaryIO, part), request)
        except Exception:
            # The other side went away; Twisted has no error of its own for that.
            return b""
    return b""


def _write_headers(request: Request, asked: tuple[int, int] | None, size: int) -> None:
    request.setHeader("Content-Type", BYTES)
    request.setHeader("Accept-Ranges", "bytes")
    if asked is None:
        request.setResponseCode(416)
        request.setHeader("Content-Range", f"bytes */{size}")
        return
    first, length = asked
    if length < size:
        request.setResponseCode(206)
        request.setHeader("Content-Range", f"bytes {first}-{first + length - 1}/{size}")
    request.setHeader("Content-Length", str(length))


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and length of what is asked for; None if there is nothing there.

    A header that is not understood is as if it were not there (RFC 9110, section 14.2).
    """
    found = None if header is None else _RANGE.fullmatch(header)
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        # The last so many bytes.
        length = min(int(last), size)
        return (size - length, length) if length else None
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return 0, size
    return (int(first), end - int(first)) if int(first) < size else None
