"""Whose queue it is, and what each part of it works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from client.api import Client
from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.addresses import mail_address_of
from leap_plugin.store.bell import MailBell
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess

_R = TypeVar("_R")


@dataclass(frozen=True)
class Author:
    """A mail account. `account`: its number in the store; `address`: its address of the network."""

    account: int
    address: str

    def mail_address(self, domains: Set[str]) -> str:
        """Return how mail programs write the address; `domains`: the mail domains of the network."""
        return mail_address_of(self.address, domains)

    @property
    def host(self) -> str:
        """The name by which reports call this program: nothing of the machine."""
        return self.mail_address(frozenset()).rpartition("@")[2]


class InThread(Protocol):
    """Does work in another thread, so that the reactor need not wait for it."""

    def __call__(self, work: Callable[[], _R], /) -> Awaitable[_R]:
        """Return the result of `work`, or raise what it raises."""


class QueueStore:
    """The store of mails, used from the reactor for one account."""

    def __init__(self, account: int, access: StoreAccess, bell: MailBell, in_thread: InThread) -> None:
        """`access`: to the store; `bell`: rings for `account` after each change; `in_thread`: where long work is done.

        Changes that come together share a commit.
        """
        self.account = account
        self._access = access
        self._bell = bell
        self._in_thread = in_thread

    async def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads; raises what it raises, or `StoreError`."""
        return await self._access.read(work)

    async def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, return once it is on the disk; it may run again. Raises what it raises, or `StoreError`."""
        result = await self._access.write(work)
        self._bell.ring(self.account)
        return result

    async def compute(self, work: Callable[[], _R]) -> _R:
        """Do work that takes long, and no store."""
        return await self._in_thread(work)

    def listen(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback`, from any thread, after each change of the account; returns how to stop."""
        return self._bell.listen(self.account, callback)


@dataclass(frozen=True, kw_only=True)
class SendingAccount:
    """The parts that each step of an account's sending works with.

    `client`: the account's client of the network; `clock`: tells the time of day, too; `rng`: draws what is random.
    """

    author: Author
    client: Client
    store: QueueStore
    settings: SendingSettings
    clock: Clock
    rng: Rng

    @property
    def number(self) -> int:
        """The number of the account in the store."""
        return self.author.account

    @property
    def now_s(self) -> float:
        """The time of day, in seconds since the Unix epoch."""
        return self.clock.seconds()
