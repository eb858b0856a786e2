"""The parts of a gateway, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.api import Client
from leap_plugin.gateways.abuse.limits import HourlyLimits
from leap_plugin.gateways.abuse.optout import OptOutMarks, opt_out
from leap_plugin.gateways.abuse.page import OptOutPage
from leap_plugin.gateways.abuse.stoplist import StopListFile
from leap_plugin.gateways.configuration import (
    KEYS_DIRECTORY,
    PURPOSE,
    STOP_LIST_FILE,
    GatewayDirectory,
)
from leap_plugin.gateways.exit.composing import Composing, WayTimes
from leap_plugin.gateways.exit.encryption import RecipientKeys
from leap_plugin.gateways.exit.orders import ExitOrders, OrderStore
from leap_plugin.gateways.exit.relay import MailRelay, SmtpRelay
from leap_plugin.gateways.exit.relaying import InThread, Relaying
from leap_plugin.gateways.exit.reporting import NetworkReports
from leap_plugin.gateways.exit.rules import ExitRules
from leap_plugin.gateways.store.pieces import PieceShelf
from leap_plugin.gateways.store.schema import SPENT
from leap_plugin.gateways.store.sealing import RecordSealer
from leap_plugin.gateways.store.waiting import WaitingMails
from leap_plugin.gateways.store.ways import WaysBack
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
    in_thread: InThread


@dataclass(frozen=True)
class ExitParts:
    """A whole exit."""

    orders: ExitOrders
    relaying: Relaying
    reports: NetworkReports
    page: OptOutPage


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
    orders = ExitOrders(
        tables,
        ExitRules(
            domains=config.domains,
            providers=frozenset({config.provider} - {""}),
            max_mail_bytes=settings.max_mail_bytes,
            stop_list=StopListFile(directory.path / STOP_LIST_FILE).current,
        ),
        Composing(
            domain,
            marks,
            RecipientKeys(directory.path / KEYS_DIRECTORY) if settings.encrypt else None,
            WayTimes(),
            footer=settings.footer,
            rng=rng,
        ),
        Redeeming(KeyFile(directory.path / settings.token_keys, PURPOSE), SPENT),
        HourlyLimits(
            limits.all_per_hour, limits.per_recipient_per_hour, limits.per_domain_per_hour, now_s=clock.seconds()
        ),
        reports=reports,
        clock=clock,
        wake=relaying.wake,
    )

    async def stop_mail(mark: bytes) -> None:
        now_s = clock.seconds()
        await world.access.write(lambda c: opt_out(c, mark, now_s))

    page = OptOutPage(marks, stop_mail, domain=domain, url=settings.opt_out_url)
    return ExitParts(orders, relaying, reports, page)


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
