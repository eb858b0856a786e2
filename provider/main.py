"""`loopixmix provider`: the first and last hop of its clients."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import click
import msgspec
from twisted.internet.interfaces import IReactorFromThreads

from loopixmix.cards import DAY_S
from loopixmix.commands.node import CHECK, ask_to_withdraw, check_ports, show_status
from loopixmix.config import load_config
from loopixmix.directory import Role
from loopixmix.directory.mail import MAX_MAILBOX_ITEMS
from loopixmix.errors import ConfigError
from loopixmix.node.config import create_node, load_node
from loopixmix.node.main import run_node
from loopixmix.node.running_node import NodeParts
from loopixmix.node.runtime import NodeKind
from loopixmix.process.main import system_rng
from loopixmix.tokens import TokenKey
from loopixmix.tokens.exchange import ISSUER_SERVICE
from loopixmix.wire import LinkRole
from provider.accounts import GuestMode, RegistrationMode
from provider.administration import administration
from provider.api import Setting
from provider.cards.decoys import check_decoy_secret
from provider.config import ProviderConfig, provider_toml
from provider.hosting.loading.factories import find_factories, find_factory
from provider.hosting.loading.trial import ServiceTrial
from provider.mailbox import MailboxRules, day_of
from provider.service import ProviderService
from provider.serving.main import run_service
from provider.serving.program import Serving
from provider.serving.remote import unix_dial
from provider.serving.sockets import SocketPlace
from provider.store import MailStore
from provider.tokens.codes import make_codes
from provider.tokens.services import IssuerInDocument
from provider.wiring import make_provider

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
GUEST_MODES = click.Choice([str(mode) for mode in GuestMode])
MODES = click.Choice([str(mode) for mode in RegistrationMode])


@click.group()
def provider() -> None:
    """Run a provider: mailboxes, first and last hop, hosted services."""


@provider.command()
@DIRECTORY
@click.option("--name", required=True, help="Name of the provider, the second half of its clients' addresses.")
@click.option("--listen", required=True, help="Address and port to listen on, HOST:PORT.")
@click.option("--advertise", default="", help="Address and port where others find it.  [default: LISTEN]")
@click.option(
    "--network",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The network.toml of the network to join.",
)
@click.option("--registration", type=MODES, default="invitation", show_default=True, help="Who may open an account.")
@click.option("--guests", type=GUEST_MODES, default="closed", show_default=True, help="Who may come without a name.")
@click.option(
    "--service", "services", multiple=True, metavar="NAME", help="A service to host besides the usual ones; repeatable."
)
@click.option(
    "--mailbox-items",
    type=click.IntRange(1, MAX_MAILBOX_ITEMS),
    default=MailboxRules().quota_items,
    show_default=True,
    help="Items, of about 2 kB each, that wait in one mailbox at most.",
)
@AS_JSON
def init(
    directory: Path,
    name: str,
    listen: str,
    advertise: str,
    network: Path,
    registration: str,
    guests: str,
    services: tuple[str, ...],
    mailbox_items: int,
    as_json: bool,
) -> None:
    """Make the identity and the configuration of a new provider in DIRECTORY.

    Files that are there already are never overwritten.
    """
    # Before anything is written: a provider that cannot offer its services would not start.
    find_factories(services, {})
    text = provider_toml(
        name=name,
        listen=listen,
        advertise=advertise,
        registration=RegistrationMode(registration),
        guests=GuestMode(guests),
        services=services,
        mailbox_items=mailbox_items,
    )
    identity_key = create_node(
        directory, config_text=text, config_type=ProviderConfig, network=network, rng=system_rng()
    )
    if as_json:
        click.echo(json.dumps({"id": identity_key.public.hex(), "config": str(directory / "node.toml")}))
        return
    click.echo(f"{directory / 'node.toml'}: look through it, then start with  loopixmix provider run {directory}")
    click.echo(f"the authority has to allow the id {identity_key.public.hex()}")
    if registration == RegistrationMode.INVITATION:
        click.echo(f"invite clients with  loopixmix provider invite {directory}")


@provider.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check keys, configuration, services and store.")
def run(directory: Path, check_config: bool) -> None:
    """Run the provider of DIRECTORY until SIGTERM or ctrl-C.

    SIGHUP reads node.toml again. With --check-config each service is made and closed, in a copy of its directory.
    """
    config, _, identity_key = load_node(directory, ProviderConfig)
    if config.has_store(directory):
        # Opened once before anything runs: the store itself is opened with the first network document, which may come
        # hours later, and a store that cannot be used should show at once.
        MailStore(config.store_url(directory), exclusive=not check_config).close()
    if check_config:
        check_decoy_secret(directory, rng=system_rng())
        config.check_services()
        check_ports(directory, config)
        trial = ServiceTrial(directory, provider=identity_key.public, rng=system_rng(), now_s=time.time())
        for untried in trial.run(config.services, config.service, config.service_limits):
            click.echo(f"{directory}: {untried}")
        click.echo(f"{directory}: the configuration is good")
        return
    run_node(directory, ProviderConfig, _kind_of)


@provider.command()
@DIRECTORY
@AS_JSON
@CHECK
def status(directory: Path, as_json: bool, check: bool) -> None:
    """Tell how the provider of DIRECTORY is; exit code 1 if it does not run or answers no more."""
    show_status(directory, as_json=as_json, check=check)


@provider.command()
@DIRECTORY
def withdraw(directory: Path) -> None:
    """Take the running provider of DIRECTORY out of the next network document.

    It goes on serving until it is stopped. Stop it once the next epoch has begun and its clients have moved.
    """
    ask_to_withdraw(directory)


@provider.command()
@DIRECTORY
@click.option("--uses", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Accounts per code.")
@click.option("--days", type=click.IntRange(0, 36_500), default=30, show_default=True, help="Days the code holds.")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many codes to make.")
@AS_JSON
def invite(directory: Path, uses: int, days: int, count: int, as_json: bool) -> None:
    """Make invitation codes for clients of the provider of DIRECTORY; it may be running.

    A code is shown once: only its hash is kept.
    """
    last_day = day_of(time.time()) + days
    with administration(directory, may_begin=True) as accounts:
        codes = [accounts.invite(uses=uses, last_day=last_day, rng=system_rng()) for _ in range(count)]
    click.echo(msgspec.json.encode({"invitations": codes}) if as_json else "\n".join(codes))


@provider.command(name="token-codes")
@DIRECTORY
@click.option("--tokens", type=click.IntRange(1, 10_000), default=4, show_default=True, help="Tokens of each key.")
@click.option("--days", type=click.IntRange(0, 36_500), default=30, show_default=True, help="Days the code holds.")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many codes to make.")
@AS_JSON
def token_codes(directory: Path, tokens: int, days: int, count: int, as_json: bool) -> None:
    """Make codes for which the issuer of the provider of DIRECTORY gives tokens; it may be running.

    Each is good for so many tokens for each purpose and period. A code is shown once: only its hash is kept.
    """
    config, _, _ = load_node(directory, ProviderConfig)
    if ISSUER_SERVICE not in config.services:
        raise ConfigError(f'{directory}: this provider has no service "{ISSUER_SERVICE}": add it to services')
    last_day = day_of(time.time()) + days
    codes = make_codes(directory, tokens=tokens, last_day=last_day, count=count, rng=system_rng())
    click.echo(msgspec.json.encode({"codes": codes}) if as_json else "\n".join(codes))


@provider.group()
def accounts() -> None:
    """List, remove and invite the accounts of a provider; it may be running."""


@accounts.command(name="list")
@DIRECTORY
@AS_JSON
def list_(directory: Path, as_json: bool) -> None:
    """List the accounts: name, identity key, items that wait, day of registration (never finer), published card."""
    with administration(directory) as opened:
        rows = [
            {
                "name": account.name,
                "identity": account.identity.hex(),
                "items": account.items,
                "created": time.strftime("%Y-%m-%d", time.gmtime(account.created_day * DAY_S)),
                "published": account.published,
            }
            for account in opened.accounts()
        ]
    if as_json:
        click.echo(msgspec.json.encode({"accounts": rows}))
        return
    for row in rows:
        published = "published" if row["published"] else "not published"
        click.echo(f"{row['name']:<24} {row['identity']}  {row['items']:>7} items  {row['created']}  {published}")


@accounts.command()
@DIRECTORY
@click.argument("name")
@click.option("--release-name", is_flag=True, help="Let somebody else register the name later.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(directory: Path, name: str, release_name: bool, yes: bool) -> None:
    """Remove the account NAME with all its mail, for ever."""
    if not yes:
        click.confirm(f"Remove the account {name} and all mail that waits for it?", abort=True)
    with administration(directory) as opened:
        opened.remove(name, release_name=release_name, today=day_of(time.time()))
    click.echo(f"{name} is removed")


accounts.add_command(invite)


@provider.command()
@click.argument("name")
@click.option("--socket", required=True, type=click.Path(path_type=Path), help="Path of the Unix socket to listen on.")
@click.option(
    "--directory", required=True, type=click.Path(path_type=Path, file_okay=False), help="The service's own directory."
)
@click.option("--settings", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with its settings.")
@click.option("--user", default="", help="The user whose provider may connect.  [default: our own]")
@click.option("--group", default="", help="Group whose members may open the socket.  [default: none]")
def serve(name: str, socket: Path, directory: Path, settings: Path | None, user: str, group: str) -> None:
    """Run the service NAME of an installed package as a program of its own.

    The provider connects to its socket: say so in its node.toml, in a section [remote.NAME]. Whatever the service does,
    packets and mix keys of the provider are not touched by it. A socket that systemd holds is used instead of SOCKET.
    """
    run_service(
        Serving(
            factory=find_factory(name),
            place=SocketPlace(socket, user, group),
            directory=directory,
            settings={} if settings is None else load_config(settings, dict[str, Setting]),
        )
    )


def _kind_of(config: ProviderConfig) -> NodeKind:
    # Not before the reactor is chosen: the module of a service may import it.
    config.check_services()
    from twisted.internet import reactor

    call_on_reactor = cast(IReactorFromThreads, reactor).callFromThread
    dial = unix_dial(reactor)

    async def make_service(parts: NodeParts) -> ProviderService:
        return await make_provider(parts, config, call_on_reactor=call_on_reactor, dial=dial)

    return NodeKind(
        role=Role.PROVIDER,
        link_role=LinkRole.PROVIDER,
        make_service=make_service,
        services=config.service_names,
        token_keys=_token_keys_of(config),
        mail=config.mail_offer,
    )


def _token_keys_of(config: ProviderConfig) -> Callable[[Path, float], Sequence[TokenKey]]:
    if ISSUER_SERVICE not in config.services:
        return lambda _directory, _now_s: ()
    return IssuerInDocument(config.service.get(ISSUER_SERVICE, {}), system_rng())
