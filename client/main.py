"""`loopixmix client`: an anonymous messaging client, and what one may do with it.

Here the commands of `client.cli` meet the reactor and the system's randomness. Each imports what it needs when it is
called, so that a short command is quick.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import click

from client.cli import accounts, contacts, daemon, leaving, messages, readers, services
from client.cli.outside import DIRECTORY, Outside

if TYPE_CHECKING:
    from client.cli.command_run import CommandRun

T = TypeVar("T")

SECONDS = click.FloatRange(min=0.0, min_open=True, max=86_400.0)


@click.group()
@click.pass_context
def client(context: click.Context) -> None:
    """Write and read over the network, anonymously.

    A client is a directory DIR and a daemon, `run`, which sends at the same rates whatever you do. The other commands
    talk to the daemon and return.
    """
    context.obj = Outside(converse=_converse, rng=random.SystemRandom())


@client.command()
@DIRECTORY
@click.option(
    "--network",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The trust root of the network, a network.toml; it is copied.",
)
@click.option(
    "--api-port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default="any free one",
    help="Port of the local HTTP API on loopback.",
)
@click.option(
    "--token-waits-s",
    type=(SECONDS, SECONDS),
    default=None,
    metavar="FETCH REST",
    help="On a test network: mean seconds until tokens are fetched, and until they may be spent.  [default: 900 1800]",
)
@click.option("--gateway", is_flag=True, help="A gateway: it uses the rates that its provider lists for it.")
@click.option("--sealed", is_flag=True, help="Encrypt the store, with a key that follows from the client's.")
def init(
    directory: Path,
    network: Path,
    api_port: int,
    token_waits_s: tuple[float, float] | None,
    gateway: bool,
    sealed: bool,
) -> None:
    """Make a new client in DIR.

    That is two secret keys, a client.toml to look through, and a copy of the trust root.
    """
    from client.core.settings import TokenWaits
    from client.directory.configuration import CONFIG_FILE, USUAL_WAITS, create_client

    waits = USUAL_WAITS
    if token_waits_s is not None:
        waits = TokenWaits(fetch_mean_s=token_waits_s[0], rest_mean_s=token_waits_s[1])
    trust_root = create_client(
        directory,
        network=network,
        api_port=api_port,
        rng=random.SystemRandom(),
        token_waits=waits,
        gateway=gateway,
        sealed=sealed,
    )
    kind = "test network" if trust_root.test else "network"
    click.echo(f"{directory / CONFIG_FILE}: a new client of the {kind} {trust_root.name}")
    if trust_root.test:
        click.echo("it is there for trying things on, and hides nobody")
    click.echo(f"start it with  loopixmix client run {directory}")
    click.echo(f"while it runs,  loopixmix client network {directory}  lists the providers to register at")


@client.command()
@click.argument(
    "directories", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--check-config", is_flag=True, help="Only check configuration, trust root and keys.")
def run(directories: tuple[Path, ...], check_config: bool) -> None:
    """Run the client of DIR until `stop`, SIGTERM or ctrl-C.

    With several DIRs it runs the client of each in one process. Each is an identity of its own, with its streams, its
    link and its local API. But who watches the machine, or a provider that serves two of them, can tell that they share
    it.
    """
    from client.directory.configuration import load_client

    loaded = {directory: load_client(directory) for directory in directories}
    if check_config:
        for directory in loaded:
            click.echo(f"{directory}: the configuration is good")
        return
    from client.http.endpoint import LOCK_FILE
    from client.running.daemon import ClientDaemon
    from client.running.several import SeveralClients
    from loopixmix.process.main import run_program

    if len(loaded) < len(directories):
        raise click.UsageError("a client is named twice")
    run_program(
        directories[0] / LOCK_FILE,
        lambda world: SeveralClients({path: ClientDaemon(each, world=world) for path, each in loaded.items()}),
    )


def _converse(directory: Path, work: Callable[[CommandRun], Awaitable[T]], /) -> T:
    from twisted.internet import reactor
    from twisted.internet.posixbase import PosixReactorBase

    from client.cli.command_run import converse

    return converse(directory, work, reactor=cast(PosixReactorBase, reactor), rng=random.SystemRandom())


for _command in (
    *(daemon.status, daemon.stop, daemon.open_page, daemon.openapi),
    *(accounts.register, accounts.tokens),
    *(messages.send, messages.inbox, messages.sent, messages.message),
    *(messages.estimate, messages.cancel, messages.delete),
    *(services.network, services.request, services.answer),
    *(contacts.contacts, readers.readers),
    *(leaving.export, leaving.erase),
):
    client.add_command(_command)
