"""Announcements of parties: written into the log when the files that they name are there."""

from __future__ import annotations

from typing import TypeAlias

from votes.board.board import Board
from votes.board.standing import Announced
from votes.board.uploads import MissingFile, UploadFolder
from votes.record.entries import EntryKind
from votes.record.statements import MixAnnouncement, ResultAnnouncement, SharesAnnouncement

MOST_RESULT_BYTES = 64 * 1024 * 1024
"""Of a result that voters load over the network; a longer one they get from the public face."""

Outcome: TypeAlias = int | list[MissingFile]
"""The index of the entry, or the files that have to come before it is written."""


class Announcing:
    """Takes announcements. Any thread may use it."""

    def __init__(self, board: Board, uploads: UploadFolder) -> None:
        """`uploads`: where the files of announcements come to."""
        self._board = board
        self._uploads = uploads
        self._result: tuple[bytes, bytes] = (b"", b"")

    def announce(self, kind: EntryKind, body: bytes) -> Outcome:
        """Write down a statement, once its files are there. Raises `PeerError` if it is not taken.

        For one that is in the log already the index is returned, and nothing is written.
        """
        known = self._board.place_of(kind, body)
        if known is not None:
            return known
        if kind is EntryKind.RECORD:
            self._board.publish_record(body)
            return 0
        missing = self._uploads.expect(self._files_of(self._board.check(kind, body)))
        return missing or self._board.announce(kind, body)

    def result(self) -> bytes:
        """Return the published result; empty if there is none, or if it is too long for the network."""
        announced = self._board.standing.result
        if announced is None:
            return b""
        digest, result = self._result
        if digest != announced.result:
            path = self._uploads.find(announced.result)
            is_short = path is not None and path.stat().st_size <= MOST_RESULT_BYTES
            result = path.read_bytes() if path is not None and is_short else b""
            self._result = (bytes(announced.result), result)
        return result

    def _files_of(self, statement: Announced) -> list[bytes]:
        match statement:
            case MixAnnouncement():
                return [statement.output, statement.proof]
            # They show every decrypted ballot, which such an election keeps to those who verify it.
            case SharesAnnouncement() if not self._board.standing.election.counts_only:
                return [statement.shares]
            case ResultAnnouncement():
                return [statement.result]
            case _:
                return []
