"""The parts of a gateway, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from OpenSSL.SSL import Error as OpenSSLError
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import PrivateCertificate

from client.api import Client
from leap_plugin.gateways.abuse.limits import HourlyLimits
from leap_plugin.gateways.abuse.optout import OptOutMarks, opt_out
from leap_plugin.gateways.abuse.page import OptOutPage
from leap_plugin.gateways.abuse.stoplist import StopListFile
from leap_plugin.gateways.configuration import (
    KEYS_DIRECTORY,
    PURPOSE,
    STOP_LIST_FILE,
    USERS_FILE,
    GatewayDirectory,
    KnownUsers,
    resolver_place,
)
from leap_plugin.gateways.entrance.authentication import DnsRecords, ResolverRecords
from leap_plugin.gateways.entrance.connection import EntranceFactory, SmtpSettings
from leap_plugin.gateways.entrance.preparing import Preparing
from leap_plugin.gateways.entrance.recipients import EntranceRecipients, UsersFile
from leap_plugin.gateways.entrance.taking import MailEntrance
from leap_plugin.gateways.exit.composing import Composing, WayTimes
from leap_plugin.gateways.exit.encryption import RecipientKeys
from leap_plugin.gateways.exit.judging import OrderJudge
from leap_plugin.gateways.exit.orders import ExitOrders, OrderStore
from leap_plugin.gateways.exit.proving import SenderProofs
from leap_plugin.gateways.exit.relay import MailRelay, SmtpRelay
from leap_plugin.gateways.exit.relaying import Relaying
from leap_plugin.gateways.exit.reporting import NetworkReports
from leap_plugin.gateways.exit.rules import ExitRules
from leap_plugin.gateways.store.pieces import PieceShelf
from leap_plugin.gateways.store.schema import SPENT
from leap_plugin.gateways.store.sealing import RecordSealer
from leap_plugin.gateways.store.waiting import WaitingMails
from leap_plugin.gateways.store.ways import WayBack, WaysBack
from leap_plugin.gateways.strays import StrayMail
from leap_plugin.gateways.threads import BesideReactor
from loopixmix.errors import ConfigError
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess
from loopixmix.tokens.keyfile import KeyFile
from loopixmix.tokens.redeeming import Redeeming


@dataclass(frozen=True)
class GatewayWorld:
    """The outside of a gateway: its client, its store, time, randomness, and threads for the relay."""

    client: Client
    access: StoreAccess
    clock: Clock
    rng: Rng
    in_thread: BesideReactor


@dataclass(frozen=True)
class EntranceParts:
    """A whole entrance."""

    entrance: MailEntrance
    factory: EntranceFactory


@dataclass(frozen=True)
class ExitParts:
    """A whole exit."""

    orders: ExitOrders
    relaying: Relaying
    reports: NetworkReports
    page: OptOutPage


def make_strays(directory: GatewayDirectory, world: GatewayWorld) -> StrayMail:
    """Return what answers mail to the gateway itself."""
    domain = directory.config.domains[0]
    reports = NetworkReports(world.client, domain=domain, clock=world.clock, rng=world.rng)
    return StrayMail(world.access, reports, domain=domain, clock=world.clock)


def make_tables(directory: GatewayDirectory, world: GatewayWorld) -> OrderStore:
    """Return the tables of a gateway."""
    sealer = RecordSealer(directory.store_key, world.rng)
    return OrderStore(world.access, WaitingMails(sealer), PieceShelf(sealer), WaysBack(sealer))


def make_exit(
    directory: GatewayDirectory, world: GatewayWorld, tables: OrderStore, *, relay: MailRelay | None = None
) -> ExitParts:
    """Return the exit of a gateway; `relay`: another one than the configuration names."""
    config, settings = directory.config, directory.config.exit
    domain = config.domains[0]
    clock, rng = world.clock, world.rng
    marks = OptOutMarks(directory.opt_out_key, settings.opt_out_url)
    reports = NetworkReports(world.client, domain=domain, clock=clock, rng=rng)
    relaying = Relaying(
        tables.waiting,
        world.access,
        make_relay(directory) if relay is None else relay,
        reports,
        in_thread=world.in_thread,
        at_once=settings.relay.connections,
        clock=clock,
        rng=rng,
    )
    limits = settings.limits
    rules = ExitRules(
        domains=config.domains,
        providers=frozenset({config.provider} - {""}),
        max_mail_bytes=settings.max_mail_bytes,
        stop_list=StopListFile(directory.path / STOP_LIST_FILE).current,
    )
    keys = RecipientKeys(directory.path / KEYS_DIRECTORY) if settings.encrypt else None
    composing = Composing(domain, marks, keys, WayTimes(), footer=settings.footer, rng=rng)
    orders = ExitOrders(
        tables,
        OrderJudge(rules, composing, world.in_thread),
        Redeeming(KeyFile(directory.path / settings.token_keys, PURPOSE), SPENT),
        HourlyLimits(
            limits.all_per_hour, limits.per_recipient_per_hour, limits.per_domain_per_hour, now_s=clock.seconds()
        ),
        senders=SenderProofs(world.client, lambda sender: bool(rules.own_address(sender)), clock),
        reports=reports,
        clock=clock,
        wake=relaying.wake,
    )

    async def stop_mail(mark: bytes) -> None:
        now_s = clock.seconds()
        await world.access.write(lambda c: opt_out(c, mark, now_s))

    page = OptOutPage(marks, stop_mail, domain=domain, url=settings.opt_out_url)
    return ExitParts(orders, relaying, reports, page)


def make_entrance(
    directory: GatewayDirectory, world: GatewayWorld, tables: OrderStore, *, records: DnsRecords | None = None
) -> EntranceParts:
    """Return the entrance of a gateway; `records`: other ones than those of the DNS."""
    config, settings = directory.config, directory.config.entrance
    domain, limits, now_s = config.domains[0], settings.limits, world.clock.seconds()
    dns = ResolverRecords([resolver_place(one) for one in settings.resolvers.split()]) if records is None else records
    users = UsersFile(directory.path / USERS_FILE)

    async def find_way(word: str) -> WayBack | None:
        at_s = world.clock.seconds()
        return await world.access.read(lambda c: tables.ways.find(c, word, at_s))

    recipients = EntranceRecipients(
        config.domains,
        users.has if settings.users is KnownUsers.LISTED else lambda _: True,
        find_way,
        client=world.client,
        provider=config.provider,
        postmaster=settings.postmaster,
    )
    entrance = MailEntrance(
        domain,
        recipients,
        Preparing(domain, dns, world.in_thread, clock=world.clock, rng=world.rng),
        (
            HourlyLimits(limits.all_per_hour, limits.per_peer_per_hour, now_s=now_s),
            HourlyLimits(limits.all_per_hour, limits.per_recipient_per_hour, now_s=now_s),
        ),
        client=world.client,
        access=world.access,
        key=directory.store_key,
        clock=world.clock,
    )
    smtp = SmtpSettings(settings.max_mail_bytes, frozenset(settings.trusted_peers), entrance_tls(directory))
    return EntranceParts(entrance, EntranceFactory(entrance, smtp, world.clock))


def entrance_tls(directory: GatewayDirectory) -> IOpenSSLContextFactory | None:
    """Return TLS with the certificate of the entrance, None if it has none; raise `ConfigError` if it is none."""
    if not directory.config.entrance.certificate:
        return None
    path = directory.path / directory.config.entrance.certificate
    try:
        options: IOpenSSLContextFactory = PrivateCertificate.loadPEM(path.read_bytes()).options()  # type: ignore[no-untyped-call]
    except (OSError, OpenSSLError) as error:
        raise ConfigError(f"{path}: is no certificate with its key in PEM") from error
    return options


def make_relay(directory: GatewayDirectory) -> SmtpRelay:
    """Return the relay that the configuration names; raise `ConfigError` if its password cannot be read."""
    relay, password = directory.config.exit.relay, ""
    if relay.password_file:
        path = directory.path / Path(relay.password_file)
        try:
            password = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: the password of the relay cannot be read") from error
    return SmtpRelay(relay, ehlo_name=directory.config.domains[0], password=password)
