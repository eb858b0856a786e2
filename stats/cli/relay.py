"""`loopixmix stats relay`: count beside a node."""

from __future__ import annotations

import json
from pathlib import Path

import click

from stats.cli.files import READ
from stats.cli.outside import AS_JSON, DIRECTORY, stats_outside


@click.group()
def relay() -> None:
    """Count beside a node: its noisy counts are split between collectors, and none of them sees one.

    `init` makes a key in DIR, which goes into the plan (`loopixmix stats counters`). With that in DIR, `run` counts.
    """


@relay.command()
@DIRECTORY
@click.option("--status", "status_file", type=READ, required=True, help="The node's status.json.")
@click.option("--client", required=True, help="The directory of a client with a guest account.")
def init(directory: Path, status_file: Path, client: str) -> None:
    """Make a program in DIR that counts beside a node, and print its line for the plan."""
    from stats.counters.directory import CountingConfig, CountingDirectory

    config = CountingConfig(status=str(status_file.absolute()), client=str(Path(client).absolute()))
    made = CountingDirectory.create(directory, config, stats_outside().rng)
    click.echo(json.dumps({"name": directory.name, "key": made.public()}))


@relay.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check configuration, plan and key.")
def run(directory: Path, check_config: bool) -> None:
    """Count for the plan in DIR until SIGTERM or ctrl-C."""
    from stats.counters.directory import LOCK_FILE, CountingDirectory
    from stats.counters.relaying import CountedNode

    found = CountingDirectory(directory)
    node = CountedNode(found.plan(), found.private(), found.read_status)
    name = node.plan.nodes[node.place].name
    if check_config:
        click.echo(f"{directory}: counts as {name} for plan {node.plan.plan_id.hex()}")
        return
    from loopixmix.process.main import run_program
    from stats.counters.program import RelayProgram

    run_program(directory / LOCK_FILE, lambda world: RelayProgram(found, world=world))


@relay.command()
@DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell whether the program of DIR runs, and how far it is. Counts are not told."""
    from loopixmix.process.status import told_by_holder
    from stats.counters.directory import LOCK_FILE, CountingDirectory

    CountingDirectory(directory)
    told = told_by_holder(directory / LOCK_FILE)
    found = None if told is None else json.loads(told)
    if as_json:
        click.echo(json.dumps(found))
        return
    if found is None:
        click.echo("not running")
        return
    where = "outside of all periods" if found["period"] is None else f"in period {found['period']}"
    begun = "" if found["complete"] or found["period"] is None else ", which it joined too late to count"
    click.echo(f"running as process {found['pid']}, {where}{begun}; {found['shares_on_their_way']} shares on their way")
    if found["problem"]:
        click.echo(f"problem: {found['problem']}")
