"""The object graph of `loopixmix mail run`: one store, and for each account its client, folders, queue and inbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool

from client.remote import RemoteClient, remote_client, start
from leap_plugin.bridge.accepting import SubmissionDoor, SubmissionServer
from leap_plugin.bridge.account_client import AccountClient
from leap_plugin.bridge.listening import MailPort
from leap_plugin.bridge.smtp.session import Secrecy
from leap_plugin.bridge.users import MailUser, MailUsers
from leap_plugin.directory.certificate import CERTIFICATE_FILE, tls_context
from leap_plugin.directory.configuration import LOOPBACK, STORE_FILE, MailAccount, MailDirectory
from leap_plugin.directory.passwords import MailPasswords
from leap_plugin.directory.trace_file import load_trace_key
from leap_plugin.incoming.receiving import IncomingMail, MailShelves
from leap_plugin.mail.submitting import Announcement, SubmissionRefusedError, SubmittedMail
from leap_plugin.mail.trace import TraceKey
from leap_plugin.store.accounts import account_number
from leap_plugin.store.bell import MailBell
from leap_plugin.store.bridge_store import BridgeStore
from leap_plugin.store.mailboxes import StoredMailboxes
from leap_plugin.store.schema import MAIL_STORE
from loopixmix.process.program import World
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store

_R = TypeVar("_R")


@dataclass(frozen=True)
class AccountParts:
    """The parts of one account."""

    account: MailAccount
    remote: RemoteClient
    keeper: AccountClient
    incoming: IncomingMail
    user: MailUser


@dataclass(frozen=True)
class BridgeParts:
    """The parts of a bridge."""

    access: StoreAccess
    accounts: tuple[AccountParts, ...]
    smtp: tuple[SubmissionServer, ...]
    ports: tuple[MailPort, ...]


def wire_bridge(directory: MailDirectory, world: World) -> BridgeParts:
    """Open the store and put the parts together; raise `ConfigError` or `StoreError` with nothing left open."""
    trace_key = load_trace_key(directory.path)
    # Read before the store is opened: what may be wrong with it leaves nothing open then.
    context = tls_context(directory.path / CERTIFICATE_FILE)
    store = Store(MAIL_STORE, sqlite_url(directory.path / STORE_FILE), exclusive=True)
    reactor = cast(IReactorFromThreads, world.reactor)
    access = threaded_access(store, waiting="mails", call_on_reactor=reactor.callFromThread)
    bell = MailBell()
    shelves = MailShelves(access, bell)
    bridge_store = BridgeStore(store, bell)
    accounts = tuple(
        _wire_account(account, directory.client_of(account), world, trace_key, store, shelves, bridge_store)
        for account in directory.config.accounts
    )
    smtp, ports = _wire_doors(directory, {parts.user.address: parts.user for parts in accounts}, world, context)
    return BridgeParts(access, accounts, smtp, ports)


def in_thread(world: World) -> Callable[[Callable[[], _R]], Awaitable[_R]]:
    """Return what does blocking work in a thread of the reactor's."""
    pool = world.reactor.getThreadPool()

    def run(work: Callable[[], _R]) -> Awaitable[_R]:
        return deferToThreadPool(cast(IReactorFromThreads, world.reactor), pool, work)

    return run


def _wire_account(
    account: MailAccount,
    client: Path,
    world: World,
    trace_key: TraceKey,
    store: Store,
    shelves: MailShelves,
    bridge_store: BridgeStore,
) -> AccountParts:
    now_s = world.clock.seconds()
    number = store.write(lambda connection: account_number(connection, account.address, now_s=now_s))
    remote = remote_client(client, reactor=world.reactor, rng=world.rng)
    keeper = AccountClient(
        account.address, client, remote, start_daemon=_start_daemon(world), clock=world.clock, rng=world.rng
    )
    incoming = IncomingMail(account.address, remote, shelves, trace_key=trace_key, clock=world.clock, rng=world.rng)
    mailboxes = StoredMailboxes(number, bridge_store, now=lambda: datetime.fromtimestamp(world.clock.seconds(), UTC))
    return AccountParts(account, remote, keeper, incoming, MailUser(account.login, mailboxes, _NoQueue()))


def _start_daemon(world: World) -> Callable[[Path], Awaitable[None]]:
    async def begin(directory: Path) -> None:
        (await start(directory, reactor=world.reactor, rng=world.rng)).close()

    return begin


def _wire_doors(
    directory: MailDirectory, users: Mapping[str, MailUser], world: World, context: object
) -> tuple[tuple[SubmissionServer, ...], tuple[MailPort, ...]]:
    config, passwords = directory.config, MailPasswords(directory.path)
    secrecy = Secrecy(config.local.security)
    doors = [(LOOPBACK, secrecy, passwords.is_local, config.local.smtp_port, config.local.imap_port)]
    if config.private.address:
        private = config.private
        doors.append((private.address, Secrecy.TLS, passwords.is_of_device, private.smtp_port, private.imap_port))
    servers, ports = [], []
    for host, how, is_password, smtp_port, _ in doors:
        door = SubmissionDoor(MailUsers(users, is_password), how, context)
        server = SubmissionServer(door, clock=world.clock, in_thread=in_thread(world))
        servers.append(server)
        ports.append(MailPort("smtp", host, smtp_port, server, context if how is Secrecy.TLS else None))
    return tuple(servers), tuple(ports)


class _NoQueue:
    """Takes no mail."""

    def announcement(self) -> Announcement:
        return Announcement(size_bytes=10_000_000, text="mix network")

    async def check_recipient(self, address: str, size_bytes: int | None) -> None:  # noqa: ARG002
        return None

    async def submit(self, submitted: SubmittedMail) -> str:  # noqa: ARG002
        raise SubmissionRefusedError(450, "4.3.0", "no mail can be sent yet")
