"""Folders of mail in memory, and accounts with them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from leap_plugin.bridge.imap.message.mime import header_length
from leap_plugin.bridge.imap.session.mailboxes import (
    DELIMITER,
    INBOX,
    Changes,
    FlagChange,
    FolderExistsError,
    FolderState,
    FullError,
    Mailboxes,
    MailFolder,
    MailFolderError,
    NoFolderError,
    Summary,
)

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MOST_BYTES = 1_000_000


@dataclass
class _Mail:
    data: bytes
    flags: frozenset[str]
    at: datetime
    arrived: int
    flagged: int


@dataclass
class _Box:
    uid_validity: int
    uid_next: int = 1
    mails: dict[int, _Mail] = field(default_factory=dict)
    expunged: dict[int, int] = field(default_factory=dict)
    subscribed: bool = True


class _Pinned:
    """The folders of an account, as long as one of them is still the same."""

    def __init__(self, mailboxes: MemoryMailboxes, folder: str, uid_validity: int) -> None:
        self._mailboxes, self._folder, self._uid_validity = mailboxes, folder, uid_validity

    def __getattr__(self, name: str) -> object:
        if self._mailboxes.state(self._folder).uid_validity != self._uid_validity:
            raise NoFolderError(f"the folder {self._folder} is another one now")
        return getattr(self._mailboxes, name)


class MemoryMailboxes:
    """The folders of one account; several sessions may share it."""

    def pinned(self, folder: str, uid_validity: int) -> Mailboxes:
        return cast(Mailboxes, _Pinned(self, folder, uid_validity))

    def __init__(self) -> None:
        self._moment = 0
        self._boxes: dict[str, _Box] = {}
        self._listeners: dict[object, Callable[[], object]] = {}
        for name in (INBOX, "Sent"):
            self.create(name)

    def _tick(self) -> int:
        self._moment += 1
        return self._moment

    def listen(self, callback: Callable[[], object]) -> Callable[[], None]:
        key = object()
        self._listeners[key] = callback
        return lambda: self._listeners.pop(key, None) and None

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def ring(self) -> None:
        """Tell those who listen, as the store does after each change."""
        for callback in list(self._listeners.values()):
            callback()

    def _box(self, folder: str) -> _Box:
        if folder not in self._boxes:
            raise NoFolderError(f"there is no folder {folder}")
        return self._boxes[folder]

    def folders(self) -> Sequence[MailFolder]:
        uses = {"Sent": "\\Sent"}
        return [MailFolder(name, uses.get(name), box.subscribed) for name, box in sorted(self._boxes.items())]

    def create(self, folder: str) -> None:
        if folder in self._boxes:
            raise FolderExistsError(f"there is a folder {folder}")
        levels = folder.split(DELIMITER)
        for depth in range(1, len(levels) + 1):
            if (name := DELIMITER.join(levels[:depth])) not in self._boxes:
                self._boxes[name] = _Box(uid_validity=self._tick())

    def delete(self, folder: str) -> None:
        self._box(folder)
        if folder == INBOX or any(name.startswith(folder + DELIMITER) for name in self._boxes):
            raise MailFolderError("INBOX, and a folder with others below it, cannot be deleted")
        del self._boxes[folder]

    def rename(self, old: str, new: str) -> None:
        self._box(old)
        self.create(new)
        if old == INBOX:
            self.move(old, self.uids(old), new)
            return
        self._boxes[new] = self._boxes.pop(old)
        for name in [name for name in self._boxes if name.startswith(old + DELIMITER)]:
            self._boxes[new + name[len(old) :]] = self._boxes.pop(name)

    def subscribe(self, folder: str, wanted: bool) -> None:
        self._box(folder).subscribed = wanted

    def state(self, folder: str) -> FolderState:
        box = self._box(folder)
        unseen = [uid for uid, mail in box.mails.items() if "\\Seen" not in mail.flags]
        first = unseen[0] if unseen else None
        return FolderState(box.uid_validity, box.uid_next, len(box.mails), len(unseen), self._moment, first)

    def uids(self, folder: str) -> Sequence[int]:
        return list(self._box(folder).mails)

    def summaries(self, folder: str, uids: Sequence[int]) -> Sequence[Summary]:
        mails = self._box(folder).mails
        return [Summary(uid, m.flags, m.at, len(m.data)) for uid in uids if (m := mails.get(uid))]

    def read(self, folder: str, uid: int) -> bytes | None:
        mail = self._box(folder).mails.get(uid)
        return mail.data if mail else None

    def headers(self, folder: str, uids: Sequence[int]) -> Mapping[int, bytes]:
        mails = self._box(folder).mails
        return {uid: (data := mails[uid].data)[: header_length(data)] for uid in uids if uid in mails}

    def changes(self, folder: str, after: int) -> Changes:
        box = self._box(folder)
        return Changes(
            self._moment,
            box.uid_validity,
            [uid for uid, mail in box.mails.items() if mail.arrived > after],
            [uid for uid, moment in box.expunged.items() if moment > after],
            {uid: mail.flags for uid, mail in box.mails.items() if mail.flagged > after},
        )

    def change_flags(self, folder: str, uids: Sequence[int], change: FlagChange) -> None:
        moment = self._tick()
        for uid in uids:
            if mail := self._box(folder).mails.get(uid):
                mail.flags, mail.flagged = change.applied(mail.flags), moment

    def append(self, folder: str, message: bytes, flags: frozenset[str], at: datetime | None) -> int:
        box = self._box(folder)
        if len(message) + sum(len(mail.data) for mail in box.mails.values()) > MOST_BYTES:
            raise FullError("the folder is full")
        uid, box.uid_next = box.uid_next, box.uid_next + 1
        box.mails[uid] = _Mail(message, flags, at or NOON, arrived=self._tick(), flagged=0)
        return uid

    def copy(self, folder: str, uids: Sequence[int], target: str) -> Sequence[tuple[int, int]]:
        self._box(target)
        mails = [(uid, mail) for uid in uids if (mail := self._box(folder).mails.get(uid))]
        return [(uid, self.append(target, mail.data, mail.flags, mail.at)) for uid, mail in mails]

    def move(self, folder: str, uids: Sequence[int], target: str) -> Sequence[tuple[int, int]]:
        pairs = self.copy(folder, uids, target)
        self._remove(folder, [uid for uid, _ in pairs])
        return pairs

    def expunge(self, folder: str, uids: Sequence[int] | None) -> None:
        mails = self._box(folder).mails
        chosen = mails if uids is None else [uid for uid in uids if uid in mails]
        self._remove(folder, [uid for uid in chosen if "\\Deleted" in mails[uid].flags])

    def _remove(self, folder: str, uids: Sequence[int]) -> None:
        moment = self._tick()
        for uid in uids:
            del self._box(folder).mails[uid]
            self._box(folder).expunged[uid] = moment


@dataclass
class OneAccount:
    """Lets one user in, by one password."""

    mailboxes: Mailboxes
    user: bytes = b"alice"
    password: bytes = b"secret"

    def open(self, user: bytes, password: bytes) -> Mailboxes | None:
        right = hmac.compare_digest(user, self.user) & hmac.compare_digest(password, self.password)
        return self.mailboxes if right else None
