"""Commands about a bridge that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_plugin.cli.outside import AS_JSON, BRIDGE

if TYPE_CHECKING:
    from leap_plugin.status import BridgeReport


@click.command()
@BRIDGE
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell what the bridge of DIR is doing now.

    The exit code is 0 only if all is well.
    """
    from leap_plugin.directory.configuration import load_mail
    from leap_plugin.status import read_report

    load_mail(directory)
    report = read_report(directory)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(report))
    else:
        _print(report)
    if report.problem is not None:
        raise click.exceptions.Exit(1)


@click.command()
@BRIDGE
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait until it has ended.")
def stop(directory: Path, timeout_s: float) -> None:
    """Stop the bridge of DIR, and wait until it has ended.

    The client daemons go on, so that their cover traffic does not tell when you read mail.
    """
    from leap_plugin.directory.configuration import LOCK_FILE, load_mail
    from loopixmix.errors import UnavailableError
    from loopixmix.process.background import stop_holder

    load_mail(directory)
    if stop_holder(directory / LOCK_FILE, within_s=timeout_s) is None:
        raise UnavailableError(f"no bridge runs in {directory}: there is nothing to stop")
    click.echo(f"the bridge of {directory} has ended")


def _print(report: BridgeReport) -> None:
    click.echo(f"process {report.pid}, listening at {', '.join(report.ports) or 'no port'}")
    for account in report.accounts:
        click.echo(f"\n{account.address}")
        click.echo(f"  client    {account.client}")
        if account.test_network:
            click.echo("  network   a test network, for trying things on: it hides nobody")
        click.echo(f"  link      {'connected' if account.connected else 'not connected'}")
        click.echo(f"  outgoing  {account.waiting} waiting or on the way")
        for line in account.doing:
            click.echo(f"            {line}")
        if account.problem:
            click.echo(f"  problem   {account.problem}")
    click.echo(f"\nproblem: {report.problem}" if report.problem else "\nall is well")
