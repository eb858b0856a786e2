"""`loopixmix demo`: wires the demo together and runs the reactor."""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec
import psutil
from rich.console import Console
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python.failure import Failure

from client.demo.further import further_checks, installed_parts
from client.demo.judgement import judge
from client.demo.scenario import Conversation, Demonstration, Party
from client.remote import remote_client
from loopixmix.observing.status import NodeStatus
from loopixmix.progress import Steps
from loopixmix.testnet.making import run_command
from loopixmix.testnet.memory import MemoryWatch
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.places import TemporaryPlace, free_base_port
from loopixmix.testnet.plan import TestnetPlan
from loopixmix.verdict import Verdict, show

START_TIMEOUT_S = 90.0
CLIENTS = {"alice": "provider-1", "bob": "provider-2"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object, the progress on stderr.")
@click.option("--keep", is_flag=True, help="Leave the network running, and say what to try next.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put the network; a new temporary directory by default.",
)
@click.option("--base-port", type=click.IntRange(1, 65_000), help="The first port to use; by default free ones.")
def demo(as_json: bool, keep: bool, directory: Path | None, base_port: int | None) -> None:
    """Make a network on this machine, use it and judge it.

    Two providers, three layers of two mixes, one authority, two users, each a process of its own on loopback. Installed
    applications then show themselves over the same network.
    """
    begin_s = time.monotonic()
    # What a program reads must be alone on stdout.
    console = Console(stderr=as_json)
    base_port = base_port or free_base_port()
    if directory is None and not keep:
        with TemporaryPlace("loopixmix-demo-", console) as place:
            result = _demo(place.path / "net", base_port, console, begin_s=begin_s, keep=False)
            place.ended(well=result.passed)
    else:
        directory = directory or Path(tempfile.mkdtemp(prefix="loopixmix-demo-")) / "net"
        result = _demo(directory, base_port, console, begin_s=begin_s, keep=keep)
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        show(console, result)
    if keep and directory is not None:
        _say_what_next(console, directory)
    sys.exit(0 if result.passed else 1)


def _demo(directory: Path, base_port: int, console: Console, *, begin_s: float, keep: bool) -> Verdict:
    plan = TestnetPlan(base_port=base_port)
    with Steps(console) as progress:
        progress.step("making keys and configurations", 1)
        network = TestNetwork.create(directory, plan)
        for name in CLIENTS:
            run_command("client", ["init", str(directory / name), "--network", str(network.trust_root)])
        try:
            return _use(network, progress, begin_s=begin_s)
        except BaseException:
            progress.fail()
            raise
        finally:
            if not keep:
                progress.step("stopping every process", 1)
                network.stop()


def _use(network: TestNetwork, progress: Steps, *, begin_s: float) -> Verdict:
    network.start()
    for name in CLIENTS:
        network.processes.start(name, ["client", "run", str(network.directory / name)])
    with MemoryWatch(lambda: [*network.processes.running().values(), psutil.Process()]) as memory:
        progress.step("starting the nodes, each a process", len(network.nodes))
        network.wait_until_healthy(timeout_s=START_TIMEOUT_S, progress=lambda healthy, _: progress.done(healthy))
        begin = _statuses(network)
        conversation = _converse(network, progress)
        clients = {f"{name}@{provider}": network.directory / name for name, provider in CLIENTS.items()}
        further = further_checks(installed_parts(), network, clients, progress)
    return judge(
        conversation,
        begin,
        _statuses(network),
        network.plan.params,
        further=further,
        demo_s=time.monotonic() - begin_s,
        memory_mb=memory.most_bytes / 1e6,
    )


def _statuses(network: TestNetwork) -> dict[str, NodeStatus]:
    return {name: status for name, status in network.statuses().items() if status is not None}


def _converse(network: TestNetwork, progress: Steps) -> Conversation:
    """Run the scenario on the reactor, which ends with it."""
    rng = random.SystemRandom()
    results: list[Conversation | Failure] = []

    async def converse() -> Conversation:
        clients = {name: remote_client(network.directory / name, reactor=reactor, rng=rng) for name in CLIENTS}
        parties = [Party(clients[name], reactor, name=name, provider=provider) for name, provider in CLIENTS.items()]
        try:
            return await Demonstration(*parties, clock=reactor, rng=rng, progress=progress).run()
        finally:
            for client in clients.values():
                client.close()

    # `react` ends the process' reactor by SystemExit, whatever the result.
    with contextlib.suppress(SystemExit):
        react(lambda _: Deferred.fromCoroutine(converse()).addBoth(results.append))
    match results:
        case [Conversation() as conversation]:
            return conversation
        case [Failure() as failure]:
            failure.raiseException()
    raise KeyboardInterrupt


def _say_what_next(console: Console, directory: Path) -> None:
    console.print("\nThe network still runs. Try:")
    for line in (
        f"loopixmix testnet status {directory}",
        f'loopixmix client send {directory}/alice bob@provider-2 "hello again"',
        f"loopixmix client inbox {directory}/bob",
        f"loopixmix testnet down {directory}",
    ):
        console.print(f"  {line}", soft_wrap=True, highlight=False)
