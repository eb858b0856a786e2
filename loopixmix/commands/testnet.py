"""`loopixmix testnet`: a whole network on this machine."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

from loopixmix.authority.options import parameter_options
from loopixmix.config import convert_options
from loopixmix.progress import Bar
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan
from loopixmix.testnet.view import health, network_table

START_TIMEOUT_S = 120.0
DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def testnet() -> None:
    """A whole network on this machine, one process a node."""


@testnet.command()
@DIRECTORY
@click.option("--width", default=2, show_default=True, help="Mixes in each layer.")
@click.option("--providers", default=2, show_default=True, help="Providers.")
@click.option("--base-port", default=30_000, show_default=True, help="The authority's port; the nodes' follow.")
@parameter_options(FAST_PARAMS)
def init(directory: Path, width: int, providers: int, base_port: int, **params: float) -> None:
    """Make the keys and configurations of a new network in DIRECTORY."""
    values = {"width": width, "providers": providers, "base_port": base_port, "params": params}
    plan = convert_options(values, TestnetPlan)
    network = TestNetwork.create(directory, plan)
    click.echo(f"{directory} holds a network of {len(network.nodes)} nodes. Start it with:")
    click.echo(f"  loopixmix testnet up {directory}")


@testnet.command()
@DIRECTORY
def up(directory: Path) -> None:
    """Start every node of the network in DIRECTORY and wait until all are healthy."""
    network = TestNetwork(directory)
    started = network.start()
    if not started:
        click.echo("every node runs already")
        return
    wait_with_progress(network, Console())
    click.echo("The network runs. Try:")
    click.echo(f"  loopixmix testnet status {directory}")
    click.echo(f"  loopixmix client init alice --network {network.trust_root}")
    click.echo(f"  loopixmix testnet down {directory}")


@testnet.command()
@DIRECTORY
@click.option("--once", is_flag=True, help="Print the table once instead of refreshing it.")
@click.option("--json", "as_json", is_flag=True, help="Print every node's status as JSON, once.")
def status(directory: Path, once: bool, as_json: bool) -> None:
    """Show every node's health, traffic, drops and entropy; ctrl-C ends it."""
    network = TestNetwork(directory)
    if as_json:
        click.echo(msgspec.json.encode(_report(network)))
        return
    console = Console()
    # Into a pipe, a table that is drawn anew each second would be a stream of control characters.
    if once or not console.is_terminal:
        console.print(_table(network))
        return
    with Live(_table(network), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(1)
            live.update(_table(network), refresh=True)


@testnet.command()
@DIRECTORY
def down(directory: Path) -> None:
    """Stop every node of the network in DIRECTORY; its files stay."""
    network = TestNetwork(directory)
    count = len(network.processes.running())
    for name in network.stop():
        click.echo(f"{name} did not end in time and was killed", err=True)
    click.echo(f"stopped {count} processes" if count else "nothing was running")


def wait_with_progress(network: TestNetwork, console: Console) -> None:
    """Wait until `network` is healthy, with a bar that shows how many nodes are."""
    with Bar(console) as bar:
        network.wait_until_healthy(
            timeout_s=START_TIMEOUT_S, progress=lambda healthy, total: bar.show("starting nodes", healthy, total)
        )


def _table(network: TestNetwork) -> Table:
    running = frozenset(network.processes.running())
    return network_table(network.statuses(), running=running, now_s=time.time())


def _report(network: TestNetwork) -> dict[str, object]:
    running = network.processes.running()
    now_s = time.time()
    return {
        name: {"health": health(status, running=name in running, now_s=now_s), "status": status}
        for name, status in network.statuses().items()
    }
