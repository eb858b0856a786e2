"""`loopixmix testnet`: a whole network on this machine."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec
from rich.console import Console, Group
from rich.live import Live

from loopixmix.authority.options import parameter_options
from loopixmix.config import convert_options
from loopixmix.errors import UnavailableError
from loopixmix.progress import Bar
from loopixmix.testnet.applications import plan_with
from loopixmix.testnet.network import START_TIMEOUT_S, TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan
from loopixmix.testnet.view import health, network_view

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def testnet() -> None:
    """A whole network on this machine, one process a node."""


@testnet.command()
@DIRECTORY
@click.option("--width", default=2, show_default=True, help="Mixes in each layer.")
@click.option("--providers", default=2, show_default=True, help="Providers.")
@click.option("--base-port", default=30_000, show_default=True, help="The authority's port; the nodes' follow.")
@click.option(
    "--mailbox-items", default=0, show_default="20000", help="Items that wait in one mailbox at most, 2 kB each."
)
@click.option(
    "--with",
    "applications",
    multiple=True,
    metavar="APP",
    help="Also what the installed package APP needs; repeatable.",
)
@parameter_options(FAST_PARAMS)
def init(
    directory: Path,
    width: int,
    providers: int,
    base_port: int,
    mailbox_items: int,
    applications: tuple[str, ...],
    **params: float,
) -> None:
    """Make the keys and configurations of a new network in DIRECTORY.

    With --with, services, programs and clients that an installed application needs are part of it.
    """
    values = {
        "width": width,
        "providers": providers,
        "base_port": base_port,
        "mailbox_items": mailbox_items,
        "params": params,
    }
    plan = plan_with(convert_options(values, TestnetPlan), applications)
    network = TestNetwork.create(directory, plan)
    click.echo(f"{directory} holds a network of {_contents(network)}. Start it with:")
    click.echo(f"  loopixmix testnet up {directory}")


@testnet.command()
@DIRECTORY
def up(directory: Path) -> None:
    """Start everything of the network in DIRECTORY and wait until it is ready."""
    network = TestNetwork(directory)
    started = network.start()
    if not started:
        click.echo(f"all of it runs already; see how it is with  loopixmix testnet status {directory}")
        return
    try:
        wait_with_progress(network, Console())
        network.enrol()
    except UnavailableError as error:
        raise UnavailableError(f"{error}; {_what_runs_on(network)}") from error
    except KeyboardInterrupt:
        click.echo(_what_runs_on(network), err=True)
        raise
    click.echo("The network runs. Try:")
    click.echo(f"  loopixmix testnet status {directory}")
    for client in network.plan.clients:
        click.echo(f"  loopixmix client status {directory / client.name}")
    click.echo(f"  loopixmix client init alice --network {network.trust_root}")
    click.echo(f"  loopixmix testnet down {directory}")


@testnet.command()
@DIRECTORY
@click.option("--once", is_flag=True, help="Print the table once instead of refreshing it.")
@click.option("--json", "as_json", is_flag=True, help="Print every node's status as JSON, once.")
def status(directory: Path, once: bool, as_json: bool) -> None:
    """Show health, traffic, drops and entropy until ctrl-C.

    With --once or --json, or into a pipe, it ends at once; the exit code is then 1 unless all is well.
    """
    network = TestNetwork(directory)
    console = Console()
    # Into a pipe, a table that is drawn anew each second would be a stream of control characters.
    if as_json or once or not console.is_terminal:
        report = _report(network)
        if as_json:
            click.echo(msgspec.json.encode(report))
        else:
            console.print(_view(network))
        if any(entry["health"] != "ok" for entry in report.values()):
            raise click.exceptions.Exit(1)
        return
    with Live(_view(network), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(1)
            live.update(_view(network), refresh=True)


@testnet.command()
@DIRECTORY
def down(directory: Path) -> None:
    """Stop everything of the network in DIRECTORY; its files stay."""
    network = TestNetwork(directory)
    count = len(network.processes.running())
    for name in network.stop():
        click.echo(f"{name} did not end in time and was killed", err=True)
    click.echo(f"stopped {_counted(count, 'process', 'processes')}" if count else "nothing was running")
    for name, pid in network.started_by_hand().items():
        click.echo(f"{name} goes on: it was started by its own command, as process {pid}")


def wait_with_progress(network: TestNetwork, console: Console) -> None:
    """Wait until `network` is healthy, with a bar that shows how many nodes are."""
    with Bar(console) as bar:
        network.wait_until_healthy(
            timeout_s=START_TIMEOUT_S, progress=lambda healthy, total: bar.show("starting nodes", healthy, total)
        )


def _contents(network: TestNetwork) -> str:
    plan = network.plan
    parts = [(len(network.nodes), "node"), (len(plan.programs), "program"), (len(plan.clients), "client")]
    *others, last = [_counted(count, noun) for count, noun in parts if count]
    return f"{', '.join(others)} and {last}" if others else last


def _what_runs_on(network: TestNetwork) -> str:
    count = len(network.processes.running())
    if not count:
        return "nothing of it runs any more"
    verb = "goes" if count == 1 else "go"
    return (
        f"{_counted(count, 'process', 'processes')} {verb} on running: look with  loopixmix testnet status "
        f"{network.directory}, stop with  loopixmix testnet down {network.directory}"
    )


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def _view(network: TestNetwork) -> Group:
    running = frozenset(network.running_now())
    return network_view(network.statuses(), network.others(), running=running, now_s=time.time())


def _report(network: TestNetwork) -> dict[str, dict[str, object]]:
    running = network.running_now()
    now_s = time.time()
    nodes: dict[str, dict[str, object]] = {
        name: {"health": health(status, running=name in running, now_s=now_s), "status": status}
        for name, status in network.statuses().items()
    }
    others: dict[str, dict[str, object]] = {
        name: {"health": problem or "ok", "status": None} for name, problem in network.others().items()
    }
    return nodes | others
