"""The folders of an account for IMAP, kept in a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from leap_plugin.bridge.imap.session.mailboxes import (
    INBOX,
    Changes,
    FlagChange,
    FolderState,
    FullError,
    MailFolder,
    NoFolderError,
    Summary,
)
from leap_plugin.store.accounts import used_bytes
from leap_plugin.store.bridge_store import BridgeStore
from leap_plugin.store.folders import (
    append,
    change_flags,
    changes_after,
    copy,
    delete_folder,
    expunge,
    headers_in,
    message_in,
    move,
    state_of,
    summaries_in,
    uids_in,
)
from leap_plugin.store.tree import (
    create_folder,
    find_folder,
    folders_of,
    rename_folder_rows,
    subscribe_folder,
)

_R = TypeVar("_R")
MOST_ACCOUNT_BYTES = 64 * 1024**3


class StoredMailboxes:
    """The folders of one account, as `leap_plugin/bridge/imap/session/mailboxes.py::Mailboxes` describes them."""

    def __init__(
        self,
        account: int,
        store: BridgeStore,
        *,
        now: Callable[[], datetime],
        most_bytes: int = MOST_ACCOUNT_BYTES,
        pinned: tuple[str, int] | None = None,
    ) -> None:
        """`account`: its number. `now`: the time of day. `most_bytes`: of all mails together, for what users add.

        `pinned`: a folder and its UIDVALIDITY, without which nothing is done.
        """
        self._pinned = pinned
        self._account = account
        self._store = store
        self._now = now
        self._most_bytes = most_bytes

    def pinned(self, folder: str, uid_validity: int) -> StoredMailboxes:
        pinned = (folder, uid_validity)
        return StoredMailboxes(self._account, self._store, now=self._now, most_bytes=self._most_bytes, pinned=pinned)

    def folders(self) -> Sequence[MailFolder]:
        return self._read(lambda connection: folders_of(connection, self._account))

    def create(self, folder: str) -> None:
        self._write(lambda connection: create_folder(connection, self._account, folder))

    def delete(self, folder: str) -> None:
        self._write(lambda connection: delete_folder(connection, self._account, folder))

    def rename(self, old: str, new: str) -> None:
        def work(connection: Connection) -> None:
            if old != INBOX:
                rename_folder_rows(connection, self._account, old, new)
                return
            create_folder(connection, self._account, new)
            move(connection, self._account, old, uids_in(connection, self._account, old), new)

        self._write(work)

    def subscribe(self, folder: str, wanted: bool) -> None:
        self._write(lambda connection: subscribe_folder(connection, self._account, folder, wanted))

    def state(self, folder: str) -> FolderState:
        return self._read(lambda connection: state_of(connection, self._account, folder))

    def uids(self, folder: str) -> Sequence[int]:
        return self._read(lambda connection: uids_in(connection, self._account, folder))

    def summaries(self, folder: str, uids: Sequence[int]) -> Sequence[Summary]:
        return self._read(lambda connection: summaries_in(connection, self._account, folder, uids))

    def read(self, folder: str, uid: int) -> bytes | None:
        return self._read(lambda connection: message_in(connection, self._account, folder, uid))

    def headers(self, folder: str, uids: Sequence[int]) -> Mapping[int, bytes]:
        return self._read(lambda connection: headers_in(connection, self._account, folder, uids))

    def changes(self, folder: str, after: int) -> Changes:
        return self._read(lambda connection: changes_after(connection, self._account, folder, after))

    def change_flags(self, folder: str, uids: Sequence[int], change: FlagChange) -> None:
        self._write(lambda connection: change_flags(connection, self._account, folder, uids, change))

    def append(self, folder: str, message: bytes, flags: frozenset[str], at: datetime | None) -> int:
        moment = at or self._now()

        def work(connection: Connection) -> int:
            if used_bytes(connection, self._account) + len(message) > self._most_bytes:
                raise FullError(f"the mails of an account have at most {self._most_bytes} bytes together")
            return append(connection, self._account, folder, message, flags, moment)

        return self._write(work)

    def copy(self, folder: str, uids: Sequence[int], target: str) -> Sequence[tuple[int, int]]:
        return self._write(lambda connection: copy(connection, self._account, folder, uids, target))

    def move(self, folder: str, uids: Sequence[int], target: str) -> Sequence[tuple[int, int]]:
        return self._write(lambda connection: move(connection, self._account, folder, uids, target))

    def expunge(self, folder: str, uids: Sequence[int] | None) -> None:
        self._write(lambda connection: expunge(connection, self._account, folder, uids))

    def listen(self, callback: Callable[[], object]) -> Callable[[], None]:
        return self._store.bell.listen(self._account, callback)

    def _read(self, work: Callable[[Connection], _R]) -> _R:
        return self._store.read(lambda connection: self._checked(connection, work))

    def _write(self, work: Callable[[Connection], _R]) -> _R:
        return self._store.write(self._account, lambda connection: self._checked(connection, work))

    def _checked(self, connection: Connection, work: Callable[[Connection], _R]) -> _R:
        if self._pinned is not None:
            folder, uid_validity = self._pinned
            if find_folder(connection, self._account, folder).uid_validity != uid_validity:
                raise NoFolderError(f"the folder {folder} is another one now")
        return work(connection)
