"""Whom an entrance takes mail for: users, ways back of anonymous senders, and the postmaster."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from client.api import Client, KeyChangedError, LoopixmixError, UnavailableError
from leap_plugin.gateways.store.ways import WayBack, word_in
from leap_plugin.mail.addresses import AddressError, read_address
from loopixmix.bounds import BoundedMap
from loopixmix.errors import ConfigError, MisuseError

KNOWN_CONTACTS = 100_000
ROLES = ("postmaster", "abuse")
"""Names that every mail domain has (RFC 5321, 4.5.1; RFC 2142)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

FindWay: TypeAlias = Callable[[str], Awaitable[WayBack | None]]
"""Returns where the word of a way back leads."""


class EntranceRefusedError(MisuseError):
    """A mail from outside, or one of its recipients, is not taken; the message is one line for the other server."""

    def __init__(self, code: int, status: str, message: str) -> None:
        """`code` and `status` are those of SMTP (RFC 5321, 4.2) and RFC 3463."""
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class KnownRecipient:
    """A recipient of a mail. `to`: as `Client.send` takes it.

    `for_address`: the mail address, for an account that receives for several; empty for others.
    """

    to: str
    for_address: str = ""


class UsersFile:
    """The names in a file, which the operator may change while the gateway runs."""

    def __init__(self, path: Path) -> None:
        """`path`: one name a line; what follows a `#` is a comment."""
        self._path = path
        self._state: tuple[int, int] | None = None
        self._names: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Tell whether a name is in the file now; raise `ConfigError` if it cannot be read."""
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_ino)
            if state != self._state:
                lines = (line.partition("#")[0].strip() for line in self._path.read_text("utf-8").splitlines())
                self._names, self._state = frozenset(line.lower() for line in lines if line), state
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._path}: the list of users cannot be read: {error}") from error
        return name in self._names


class EntranceRecipients:
    """Finds recipients."""

    def __init__(
        self,
        domains: tuple[str, ...],
        is_user: Callable[[str], bool],
        find_way: FindWay,
        *,
        client: Client,
        provider: str,
        postmaster: str,
    ) -> None:
        """`is_user`: whether a name is a user's. `provider`: theirs; empty if the network knows the domains."""
        self._domains = domains
        self._is_user = is_user
        self._find_way = find_way
        self._client = client
        self._provider = provider
        self._postmaster = postmaster
        self._known: BoundedMap[str, None] = BoundedMap(KNOWN_CONTACTS)

    async def find(self, address: str) -> KnownRecipient:
        """Return whom an address of RCPT belongs to; raise `EntranceRefusedError`."""
        local, _, domain = address.rpartition("@")
        if not local and address.lower() in ROLES:
            # RFC 5321, 4.5.1: the postmaster is known without a domain, too.
            local, domain = address, self._domains[0]
        domain = domain.lower()
        try:
            read_address(f"{local}@{domain}", frozenset())
        except AddressError as error:
            raise EntranceRefusedError(553, "5.1.3", "this is no mail address") from error
        if domain not in self._domains:
            raise EntranceRefusedError(550, "5.7.1", "this server takes no mail for that domain")
        name = local.lower() if local.isascii() else local
        word = word_in(name)
        if word is not None:
            way = await self._find_way(word)
            if way is None:
                raise EntranceRefusedError(550, "5.1.1", "there is nobody at that address any more")
            return KnownRecipient(await self._contact(way.to))
        if name in ROLES:
            return KnownRecipient(await self._contact(self._postmaster))
        name = name.partition("+")[0]
        if not _NAME.fullmatch(name) or not self._is_user(name):
            raise EntranceRefusedError(550, "5.1.1", "there is nobody at that address")
        to = await self._contact(f"{name}@{self._provider or domain}")
        # Only the network knows whether a domain is bound to one account.
        return KnownRecipient(to, "" if self._provider else f"{name}@{domain}")

    async def _contact(self, to: str) -> str:
        if "@" not in to or to in self._known:
            return to
        try:
            await self._client.add_contact(to)
        except KeyChangedError as error:
            raise EntranceRefusedError(450, "4.7.5", "the recipient's key has changed") from error
        except UnavailableError as error:
            raise EntranceRefusedError(450, "4.4.1", "the recipient cannot be looked up just now") from error
        except LoopixmixError as error:
            raise EntranceRefusedError(451, "4.3.0", "the recipient cannot be looked up") from error
        self._known[to] = None
        return to
