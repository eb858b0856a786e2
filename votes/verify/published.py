"""The files of a published election, as a verifier reads them (docs/protocol/votes.md, 8)."""

from __future__ import annotations

from typing import Protocol

from loopixmix.errors import PeerError
from loopixmix.group.group import Buffer

APPROVAL, LISTS = "approval", "lists"
"""What a trustee's signature under the record, and its list of lists, are called in the folder that it hands in."""
RECORD, CREDENTIALS, ENTRIES, HEAD, RESULT = "record.json", "credentials", "entries", "head", "result.json"


class MissingFileError(PeerError):
    """A file of the published election is missing."""


class PublishedElection(Protocol):
    """A published election. Names are those of the page, with `/` between folders."""

    def read(self, name: str) -> Buffer:
        """Return a file's content. Raises `MissingFileError` if it is not there."""

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""


def mix_files(poll: str, mixer: int) -> tuple[str, str]:
    """Return the names of output and proof of a mixer, from 0."""
    return f"polls/{poll}/mixes/{mixer}/output", f"polls/{poll}/mixes/{mixer}/proof"


def shares_file(poll: str, trustee: int) -> str:
    """Return the name of a trustee's share, from 1."""
    return f"polls/{poll}/shares/{trustee}"


def announcement_of(name: str) -> str:
    """Return the name of the signed announcement that belongs to a mixer's output or a trustee's share."""
    return f"{name}.announcement"
