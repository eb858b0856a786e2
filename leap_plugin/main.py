"""`loopixmix mail`: mail over the mix network, for any mail program.

Here the commands of `leap_plugin.cli` meet the reactor and the system's randomness. Each imports what it needs when it
is called, so that a short command is quick.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import click

from leap_plugin.cli import accounts, devices, running, setting_up
from leap_plugin.cli.check import check
from leap_plugin.cli.outside import BRIDGE, MailOutside
from leap_plugin.cli.preview import preview_command
from leap_plugin.cli.receipts import receipts
from leap_plugin.gateways.cli import gateway
from leap_plugin.leap.gateway.main import leap_gateway
from loopixmix.process.eventloops import perform_on

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

T = TypeVar("T")


@click.group()
@click.pass_context
def mail(context: click.Context) -> None:
    """Send and receive mail over the mix network, with the mail program that you have.

    A bridge is a directory DIR and a program, `run`, which speaks SMTP and IMAP with mail programs. `setup` makes one.
    """
    context.obj = MailOutside(perform=_perform, rng=random.SystemRandom(), now_s=time.time)


@mail.command()
@BRIDGE
@click.option("--check-config", is_flag=True, help="Only check configuration, keys and certificate.")
@click.option(
    "--make",
    "made_of",
    type=(str, click.Path(path_type=Path, file_okay=False)),
    metavar="NAME@PROVIDER CLIENT",
    multiple=True,
    help="If DIR is no bridge yet, make one with this account and client, whether it is registered or not; repeatable.",
)
@click.option(
    "--ports", type=(int, int), default=None, metavar="SMTP IMAP", help="With --make: the ports at 127.0.0.1."
)
def run(
    directory: Path, check_config: bool, made_of: tuple[tuple[str, Path], ...], ports: tuple[int, int] | None
) -> None:
    """Run the bridge of DIR until `stop`, SIGTERM or ctrl-C.

    A client daemon that does not run is started, and goes on when the bridge ends.
    """
    from leap_plugin.bridge.listening import check_ports
    from leap_plugin.directory.certificate import CERTIFICATE_FILE, tls_context
    from leap_plugin.directory.configuration import LOCK_FILE, is_bridge, load_mail
    from leap_plugin.directory.making import make_unasked
    from leap_plugin.directory.trace_file import load_trace_key

    if made_of and not is_bridge(directory):
        make_unasked(directory, made_of, ports, rng=random.SystemRandom(), now_s=time.time())
    loaded = load_mail(directory)
    if check_config:
        load_trace_key(directory)
        tls_context(directory / CERTIFICATE_FILE)
        check_ports(loaded.config, lock=directory / LOCK_FILE)
        click.echo(f"{directory}: the configuration is good")
        return
    from leap_plugin.program import MailBridge
    from loopixmix.process.main import run_program

    run_program(directory / LOCK_FILE, lambda world: MailBridge(loaded, world=world))


def _perform(work: Callable[[PosixReactorBase], Awaitable[T]], /) -> T:
    from twisted.internet import reactor

    return perform_on(cast("PosixReactorBase", reactor), work)


for _command in (
    *(setting_up.setup, running.status, running.stop, accounts.accounts, devices.devices),
    *(check, preview_command, receipts, gateway),
    leap_gateway,
):
    mail.add_command(_command)
