"""Who may log in at the bridge, and what each user then works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from leap_plugin.bridge.imap.session.mailboxes import Mailboxes
from leap_plugin.mail.addresses import SUFFIX
from leap_plugin.mail.submitting import Announcement, Submissions

IsPassword: TypeAlias = Callable[[str, str], bool]
"""Tells whether a password belongs to a mail address; takes its time, for which a thread is due."""
MOST_LOGIN_CHARS = 320


@dataclass(frozen=True)
class MailUser:
    """A mail account, as mail programs work with it. `address`: as mail programs write it."""

    address: str
    mailboxes: Mailboxes
    submissions: Submissions


class MailUsers:
    """The users of one door: the ports of this machine, or those of its private address."""

    def __init__(self, users: Mapping[str, MailUser], is_password: IsPassword) -> None:
        """`users`: by address. `is_password`: whether a password opens this door."""
        self._users = {address.lower(): user for address, user in users.items()}
        self._is_password = is_password

    def log_in(self, login: str, password: str) -> MailUser | None:
        """Return the user, or None if name or password is wrong; it takes its time, for which a thread is due.

        The name is the mail address; an address of the network, `name@provider`, means the same.
        """
        folded = login[:MOST_LOGIN_CHARS].lower()
        user = self._users.get(folded) or self._users.get(folded + SUFFIX)
        # Asked for a name that does not exist as well: the time must not tell that it does not.
        right = self._is_password(user.address if user is not None else "", password)
        return user if right else None

    def announcement(self) -> Announcement:
        """Return what is told before it is known who asks: what at least one of the users may send."""
        told = [user.submissions.announcement() for user in self._users.values()]
        if not told:
            return Announcement(size_bytes=0, text="no mail account yet")
        return Announcement(size_bytes=max(one.size_bytes for one in told), text=told[0].text)


class ImapUsers:
    """The same users, as IMAP asks for them (`leap_plugin.bridge.imap.session.mailboxes.Accounts`)."""

    def __init__(self, users: MailUsers) -> None:
        """`users`: those of the same door."""
        self._users = users

    def open(self, user: bytes, password: bytes) -> Mailboxes | None:
        """Return the folders of a user, or None if user or password is wrong."""
        try:
            found = self._users.log_in(user.decode(), password.decode())
        except UnicodeDecodeError:
            return None
        return None if found is None else found.mailboxes
