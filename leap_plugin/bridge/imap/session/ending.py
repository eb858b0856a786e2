"""How a command ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from leap_plugin.bridge.imap.session.mailboxes import (
    FolderExistsError,
    FullError,
    MailFolderError,
    NoFolderError,
    TooManyFlagsError,
)
from loopixmix.errors import LoopixmixError


@dataclass(frozen=True)
class Ending:
    """What the tagged response says; `code` is a response code (RFC 3501 section 7.1, RFC 5530)."""

    text: str = "done"
    code: bytes = b""
    done: bool = True


Replies = Generator[bytes, None, Ending]
"""Untagged responses, each whole, and in the end the outcome.

An empty one says nothing: in long work it is an occasion for others to work, or for the connection to end.
"""
READ_ONLY = Ending("the folder was opened for reading only", b"READ-ONLY", done=False)


def ending_of(error: LoopixmixError, *, creates: bool) -> Ending:
    """Return how a command ends that failed; `creates` if making the folder and trying again would help (TRYCREATE)."""
    match error:
        case NoFolderError():
            return Ending("there is no such folder", b"TRYCREATE" if creates else b"NONEXISTENT", done=False)
        case FolderExistsError():
            return Ending("a folder has this name already", b"ALREADYEXISTS", done=False)
        case TooManyFlagsError():
            return Ending(str(error), b"LIMIT", done=False)
        case MailFolderError():
            return Ending(str(error), b"CANNOT", done=False)
        case FullError():
            return Ending(str(error), b"OVERQUOTA", done=False)
        case _:
            return Ending(f"the mails cannot be reached: {error}", b"UNAVAILABLE", done=False)
