"""What a session works on: the folders of one account, and who may open them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from loopixmix.errors import MisuseError

INBOX = "INBOX"
MOST_FLAGS = 64
"""Of one message."""
DELIMITER = "/"


class MailFolderError(MisuseError):
    """The folder does not allow this."""


class NoFolderError(MailFolderError):
    """There is no such folder."""


class FolderExistsError(MailFolderError):
    """A folder has this name already."""


class TooManyFlagsError(MailFolderError):
    """The message has too many flags."""


class FullError(MisuseError):
    """The mailbox has no room for this."""


@dataclass(frozen=True)
class MailFolder:
    """A folder of an account."""

    name: str
    special_use: str | None = None
    """What it is for (RFC 6154 section 2), such as `\\Sent`."""
    subscribed: bool = True


@dataclass(frozen=True)
class FolderState:
    """What is known of a folder without looking at its messages."""

    uid_validity: int
    uid_next: int
    messages: int
    unseen: int
    moment: int
    """The number of the last change; each change of the account has a greater one."""
    first_unseen: int | None = None
    """The UID of the first message that is not seen."""


class Summary(NamedTuple):
    """What is known of a message without reading it."""

    uid: int
    flags: frozenset[str]
    arrived_at: datetime
    size_bytes: int


@dataclass(frozen=True)
class Changes:
    """What happened in a folder after a moment."""

    moment: int
    uid_validity: int
    arrived: Sequence[int] = ()
    """UIDs, ascending."""
    expunged: Sequence[int] = ()
    flagged: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """The flags of each message, present or arrived, whose flags changed."""
    present: Sequence[int] | None = None
    """If the moment lies too far back to tell what was expunged since: the UIDs of all messages that are left."""


@dataclass(frozen=True)
class FlagChange:
    """What a STORE does to the flags of a message: adds ("+"), removes ("-") or replaces them ("")."""

    sign: str
    flags: frozenset[str]

    def applied(self, flags: frozenset[str]) -> frozenset[str]:
        """Return the flags of a message after the change. Names of flags are the same in any case.

        Raises TooManyFlagsError.
        """
        mine = {flag.lower() for flag in self.flags}
        others = frozenset(flag for flag in flags if flag.lower() not in mine)
        match self.sign:
            case "+":
                if len(others) + len(self.flags) > MOST_FLAGS:
                    raise TooManyFlagsError(f"a message has at most {MOST_FLAGS} flags")
                return others | self.flags
            case "-":
                return others
            case _:
                return self.flags


class Mailboxes(Protocol):
    """The folders of one account.

    Names are as users see them, with `/` between levels. UIDs ascend in a folder and never come again. Every method
    with a `folder` raises NoFolderError if there is none, and each that changes something is durable when it returns.
    """

    def pinned(self, folder: str, uid_validity: int) -> Mailboxes:
        """Return the same folders, for work on one of them in several steps.

        Each step raises NoFolderError once `folder` is gone, or is another one of the same name; it does nothing then.
        """

    def folders(self) -> Sequence[MailFolder]:
        """Return all folders, by name."""

    def create(self, folder: str) -> None:
        """Raise FolderExistsError if the name is taken; parents are made too (RFC 3501 section 6.3.3)."""

    def delete(self, folder: str) -> None:
        """Remove a folder and its messages; MailFolderError for INBOX and for one with folders below it."""

    def rename(self, old: str, new: str) -> None:
        """Rename a folder and those below it; of INBOX the messages move (RFC 3501 section 6.3.5)."""

    def subscribe(self, folder: str, wanted: bool) -> None:
        """Note whether the user wants to see a folder."""

    def state(self, folder: str) -> FolderState:
        """Return the state of a folder."""

    def uids(self, folder: str) -> Sequence[int]:
        """Return the UIDs of all messages, ascending."""

    def summaries(self, folder: str, uids: Sequence[int]) -> Sequence[Summary]:
        """Return what is known of these messages; those that are gone are left out."""

    def read(self, folder: str, uid: int) -> bytes | None:
        """Return a message as it came, or None if it is gone."""

    def headers(self, folder: str, uids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the headers of messages, each with its blank line; those that are gone, or overlong, are left out."""

    def changes(self, folder: str, after: int) -> Changes:
        """Return what happened after a moment."""

    def change_flags(self, folder: str, uids: Sequence[int], change: FlagChange) -> None:
        """Change the flags of messages; those that are gone are passed over."""

    def append(self, folder: str, message: bytes, flags: frozenset[str], at: datetime | None) -> int:
        """Store a message, which came now if `at` is None, and return its UID. FullError if there is no room."""

    def copy(self, folder: str, uids: Sequence[int], target: str) -> Sequence[tuple[int, int]]:
        """Copy all of these messages that are there, or none; return the old and new UID of each."""

    def move(self, folder: str, uids: Sequence[int], target: str) -> Sequence[tuple[int, int]]:
        """As `copy`, and remove them here in the same step."""

    def expunge(self, folder: str, uids: Sequence[int] | None) -> None:
        """Remove the messages that bear `\\Deleted`: all, or those of `uids`."""

    def listen(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` after each change of the account, in any thread, until the returned function is called."""


class Accounts(Protocol):
    """Who may log in."""

    def open(self, user: bytes, password: bytes) -> Mailboxes | None:
        """Return the folders of a user, or None if user or password is wrong; compares in constant time."""
