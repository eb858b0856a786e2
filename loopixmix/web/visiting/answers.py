"""What a page answers: something to show, another address, or a file to keep."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.errors import MisuseError
from loopixmix.web.showing.markup import Content

_PATH = re.compile(r"/[A-Za-z0-9._~/?=&%+-]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True)
class Shown:
    """A page to show, in the frame that all pages share."""

    title: str
    content: Content
    status: int = 200


@dataclass(frozen=True)
class SeeOther:
    """Another page of the same application to go to, after a form was carried out; `path` begins with a slash.

    Answered so, a form is not sent twice by going back or loading anew.
    """

    path: str

    def __post_init__(self) -> None:
        """Check the path: a second slash at its start would lead to another host."""
        if not _PATH.fullmatch(self.path) or self.path.startswith("//"):
            raise MisuseError(f"{self.path[:80]!r} is no path of this application")


@dataclass(frozen=True)
class Download:
    """A file for the person to keep; it is never shown as a page."""

    name: str
    media_type: str
    body: bytes

    def __post_init__(self) -> None:
        """Check the name, which becomes part of a header."""
        if not _FILE_NAME.fullmatch(self.name):
            raise MisuseError(f"{self.name[:80]!r} is no file name (allowed: letters, digits, . _ -)")


PageAnswer: TypeAlias = Shown | SeeOther | Download
