"""`loopixmix mail gateway`: between the mail of the network and that of the world."""

from __future__ import annotations

from pathlib import Path

import click

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group()
def gateway() -> None:
    """Run a gateway to ordinary mail.

    A gateway can read all mail that passes it. Its sides, the exit and the entrance, are off until its operator turns
    them on. docs/gateways.md is the page for its operator.
    """


@gateway.command()
@DIRECTORY
@click.option("--domain", required=True, help="The mail domain of the gateway, such as example.org.")
@click.option("--provider", default="", help="The provider whose accounts have addresses at that domain.")
@click.option("--client", default="client", show_default=True, help="The directory of its client, seen from DIR.")
def init(directory: Path, domain: str, provider: str, client: str) -> None:
    """Make a new gateway in DIR, with its keys.

    Files that are there already are never overwritten.
    """
    from leap_plugin.gateways.main import make_gateway

    make_gateway(directory, domain=domain, provider=provider, client=client)
    click.echo(f"{directory / 'gateway.toml'}: both sides are off; turn on what you want, then start with")
    click.echo(f"loopixmix mail gateway run {directory}")


@gateway.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check keys, lists and configuration.")
def run(directory: Path, check_config: bool) -> None:
    """Run the gateway of DIR until `stop`, SIGTERM or ctrl-C."""
    from leap_plugin.gateways.checking import check_gateway
    from leap_plugin.gateways.main import run_gateway

    if check_config:
        check_gateway(directory)
        click.echo(f"{directory / 'gateway.toml'}: all is well")
        return
    run_gateway(directory)


@gateway.command()
@DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell what was done since the start, and what waits.

    The exit code is 0 only if it runs and all is well.
    """
    from leap_plugin.gateways.telling import status_lines, status_of

    found = status_of(directory)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    else:
        for line in status_lines(found):
            click.echo(line)
    if found.problem is not None:
        raise click.exceptions.Exit(1)


@gateway.command()
@DIRECTORY
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait until it has ended.")
def stop(directory: Path, timeout_s: float) -> None:
    """Stop the gateway of DIR, and wait until it has ended.

    The daemon of its client goes on, and keeps what comes until the gateway runs again.
    """
    from leap_plugin.gateways.configuration import LOCK_FILE, load_gateway
    from loopixmix.errors import UnavailableError
    from loopixmix.process.background import stop_holder

    load_gateway(directory)
    if stop_holder(directory / LOCK_FILE, within_s=timeout_s) is None:
        raise UnavailableError(f"no gateway runs in {directory}: there is nothing to stop")
    click.echo(f"the gateway of {directory} has ended")


@gateway.command(name="opt-out")
@DIRECTORY
@click.argument("address")
def opt_out(directory: Path, address: str) -> None:
    """Send nothing more to ADDRESS.

    It is as if the owner of the address had used the link.
    """
    from leap_plugin.gateways.telling import change_opt_out

    change_opt_out(directory, address, out=True)
    click.echo("nothing more is sent to that address")


@gateway.command(name="opt-in")
@DIRECTORY
@click.argument("address")
def opt_in(directory: Path, address: str) -> None:
    """Send to ADDRESS again, if its owner asks for it."""
    from leap_plugin.gateways.telling import change_opt_out

    was_out = change_opt_out(directory, address, out=False)
    click.echo("mail to that address is sent again" if was_out else "that address had not opted out")
