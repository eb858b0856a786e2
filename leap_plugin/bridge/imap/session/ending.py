"""How a command ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass


@dataclass(frozen=True)
class Ending:
    """What the tagged response says; `code` is a response code (RFC 3501 section 7.1, RFC 5530)."""

    text: str = "done"
    code: bytes = b""
    done: bool = True


Replies = Generator[bytes, None, Ending]
"""Untagged responses, each whole, and in the end the outcome."""
READ_ONLY = Ending("the folder was opened for reading only", b"READ-ONLY", done=False)
