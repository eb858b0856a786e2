"""The object graph of `loopixmix mail run`: one store, and for each account its client, folders, queue and inbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import IReactorFromThreads

from client.remote import RemoteClient, remote_client, start
from leap_plugin.bridge.accepting import SubmissionDoor, SubmissionServer
from leap_plugin.bridge.account_client import AccountClient
from leap_plugin.bridge.imap.session.states import Privacy
from leap_plugin.bridge.listening import MailPort
from leap_plugin.bridge.receiving_room import ReceivingRoom
from leap_plugin.bridge.serving.server import ImapDoor, ImapServer
from leap_plugin.bridge.serving.threads import BridgeThreads
from leap_plugin.bridge.smtp.session import Secrecy
from leap_plugin.bridge.users import ImapUsers, IsPassword, MailUser, MailUsers
from leap_plugin.directory.certificate import CERTIFICATE_FILE, tls_context
from leap_plugin.directory.configuration import LOOPBACK, STORE_FILE, LocalDoor, MailAccount, MailDirectory, PrivateDoor
from leap_plugin.directory.passwords import MailPasswords
from leap_plugin.directory.trace_file import load_trace_key
from leap_plugin.incoming.receiving import IncomingMail, MailShelves
from leap_plugin.leap.needs import check_openpgp
from leap_plugin.mail.trace import TraceKey
from leap_plugin.outgoing.account import OutgoingMail
from leap_plugin.outgoing.author import Author, QueueStore, SendingAccount
from leap_plugin.store.accounts import account_number
from leap_plugin.store.bell import MailBell
from leap_plugin.store.bridge_store import BridgeStore
from leap_plugin.store.mailboxes import StoredMailboxes
from leap_plugin.store.schema import MAIL_STORE
from loopixmix.process.program import World
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store

if TYPE_CHECKING:
    from leap_plugin.leap.bitmask.api import LeapApi

_PRIVACY = {
    Secrecy.PLAIN: Privacy.IN_CLEAR,
    Secrecy.STARTTLS: Privacy.TLS_DEMANDED,
    Secrecy.TLS: Privacy.TLS,
}


@dataclass(frozen=True)
class AccountParts:
    """The parts of one account."""

    account: MailAccount
    remote: RemoteClient
    keeper: AccountClient
    incoming: IncomingMail
    outgoing: OutgoingMail
    user: MailUser


@dataclass(frozen=True)
class WiredDoor:
    """Where mail programs come in: on this machine, or at its private address."""

    smtp: SubmissionServer
    imap: ImapServer
    ports: tuple[MailPort, ...]


@dataclass(frozen=True)
class BridgeParts:
    """The parts of a bridge."""

    access: StoreAccess
    threads: BridgeThreads
    accounts: tuple[AccountParts, ...]
    doors: tuple[WiredDoor, ...]
    leap: LeapApi | None


def wire_bridge(directory: MailDirectory, world: World) -> BridgeParts:
    """Open the store and put the parts together; raise `ConfigError` or `StoreError` with nothing left open."""
    if directory.config.leap.serve:
        check_openpgp()
    trace_key = load_trace_key(directory.path)
    # Read before the store is opened: what may be wrong with it leaves nothing open then.
    context = tls_context(directory.path / CERTIFICATE_FILE)
    store = Store(MAIL_STORE, sqlite_url(directory.path / STORE_FILE), exclusive=True)
    wiring = _Wiring(directory, world, trace_key, store)
    accounts = tuple(wiring.account(account) for account in directory.config.accounts)
    doors = wiring.doors({parts.user.address: parts.user for parts in accounts}, context)
    return BridgeParts(wiring.access, wiring.threads, accounts, doors, wiring.leap(accounts))


class _Wiring:
    def __init__(self, directory: MailDirectory, world: World, trace_key: TraceKey, store: Store) -> None:
        self._directory = directory
        self._world = world
        self._trace_key = trace_key
        self._store = store
        self._reactor = cast(IReactorFromThreads, world.reactor)
        self._bell = MailBell()
        self._bridge_store = BridgeStore(store, self._bell)
        self._room = ReceivingRoom()
        self.threads = BridgeThreads(self._reactor)
        self.access = threaded_access(store, waiting="mails", call_on_reactor=self._reactor.callFromThread)

    def account(self, account: MailAccount) -> AccountParts:
        world, client = self._world, self._directory.client_of(account)
        now_s = world.clock.seconds()
        number = self._store.write(lambda connection: account_number(connection, account.address, now_s=now_s))
        remote = remote_client(client, reactor=world.reactor, rng=world.rng)
        begin = self._begin_daemon if self._directory.config.start_clients else None
        keeper = AccountClient(account.address, client, remote, start_daemon=begin, clock=world.clock, rng=world.rng)
        shelves = MailShelves(self.access, self._bell)
        incoming = IncomingMail(
            account.address, remote, shelves, trace_key=self._trace_key, clock=world.clock, rng=world.rng
        )
        mailboxes = StoredMailboxes(
            number, self._bridge_store, now=lambda: datetime.fromtimestamp(world.clock.seconds(), UTC)
        )
        sending = SendingAccount(
            author=Author(number, account.address),
            client=remote,
            store=QueueStore(number, self.access, self._bell, self.threads.run),
            settings=self._directory.config.outgoing,
            clock=world.clock,
            rng=world.rng,
        )
        outgoing = OutgoingMail(sending, call_on_reactor=self._reactor.callFromThread)
        user = MailUser(account.login, mailboxes, outgoing)
        return AccountParts(account, remote, keeper, incoming, outgoing, user)

    def leap(self, accounts: tuple[AccountParts, ...]) -> LeapApi | None:
        door, world = self._directory.config.leap, self._world
        if not door.serve or not accounts:
            return None
        # Only here: it needs the OpenPGP of an extra, which most bridges do without.
        from leap_plugin.leap.bitmask.api import LeapSettings, leap_api

        passwords = MailPasswords(self._directory.path)
        settings = LeapSettings(
            directory=self._directory.path,
            port=door.port,
            tokens=lambda address: passwords.make_local(address, world.rng),
        )
        clients = {account.user.address: account.remote for account in accounts}
        return leap_api(clients, settings, reactor=world.reactor, clock=world.clock, rng=world.rng)

    def doors(self, users: Mapping[str, MailUser], context: object) -> tuple[WiredDoor, ...]:
        local, private = self._directory.config.local, self._directory.config.private
        passwords = MailPasswords(self._directory.path)
        doors: list[tuple[str, LocalDoor | PrivateDoor, Secrecy, IsPassword]]
        doors = [(LOOPBACK, local, Secrecy(local.security), passwords.is_local)]
        if private.address:
            doors.append((private.address, private, Secrecy.TLS, passwords.is_of_device))
        return tuple(
            self._door(host, config, MailUsers(users, is_password), secrecy, context)
            for host, config, secrecy, is_password in doors
        )

    def _door(
        self, host: str, config: LocalDoor | PrivateDoor, users: MailUsers, secrecy: Secrecy, context: object
    ) -> WiredDoor:
        clock, threads = self._world.clock, self.threads
        door = SubmissionDoor(users, secrecy, context)
        smtp = SubmissionServer(door, clock=clock, in_thread=threads.run, room=self._room)
        imap = ImapServer(
            ImapDoor(ImapUsers(users), _PRIVACY[secrecy], context),
            clock=clock,
            in_thread=threads.run,
            call_from_thread=self._reactor.callFromThread,
            room=self._room,
        )
        from_the_beginning = context if secrecy is Secrecy.TLS else None
        ports = (
            MailPort("smtp", host, config.smtp_port, smtp, from_the_beginning),
            MailPort("imap", host, config.imap_port, imap, from_the_beginning),
        )
        return WiredDoor(smtp, imap, ports)

    async def _begin_daemon(self, directory: Path) -> None:
        (await start(directory, reactor=self._world.reactor, rng=self._world.rng)).close()
