"""The list of credentials of a board that runs: taken up again whenever its file is replaced."""

from __future__ import annotations

from loopixmix.errors import LoopixmixError
from votes.board.running.directory import BoardDirectory
from votes.credentials.listing import CredentialList
from votes.record.election import Election

NO_LIST = "there is none: voters need their invitations"


class ServedCredentials:
    """Tells whether a credential is in the list. Any thread may ask; one at a time looks at the file.

    `state`: what the board has, in words.
    """

    def __init__(self, directory: BoardDirectory, credential_bytes: int) -> None:
        """Take up the list that is there. Raises `ConfigError` if it is damaged."""
        self._directory = directory
        self._credential_bytes = credential_bytes
        self._found: CredentialList | None = None
        self._root: bytes | None = None
        self._seen = directory.credentials_mark()
        self._found = directory.credentials(credential_bytes)
        self.state = self._told()

    def __contains__(self, credential: bytes) -> bool:
        """Tell whether a ballot may come without the proof that its credential is in the list."""
        found = self._found
        # Of another list only ballots count that bring the proof of their credential.
        return found is not None and found.root == self._root and credential in found

    def serve(self, election: Election) -> None:
        """Answer for this election."""
        self._root = bytes(election.credential_root)
        self.state = self._told()

    def look(self) -> str | None:
        """Take up the file if it was replaced; return what the board has now, or None if nothing changed.

        A damaged file changes nothing but that is told.
        """
        mark = self._directory.credentials_mark()
        if mark == self._seen:
            return None
        self._seen = mark
        try:
            self._found = self._directory.credentials(self._credential_bytes)
            self.state = self._told()
        except LoopixmixError as error:
            self.state = f"the new list is not taken up: {error}"
        return self.state

    def _told(self) -> str:
        if self._found is None:
            return NO_LIST
        if self._root is None or self._found.root == self._root:
            return f"{len(self._found):,} are taken up"
        return f"{len(self._found):,} are there, but it is not the list of the record: voters need their invitations"
