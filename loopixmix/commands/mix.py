"""`loopixmix mix`: takes packets from one layer, holds each for its delay, sends it to the next."""

from __future__ import annotations

import json
from pathlib import Path

import click

from loopixmix.commands.node import AS_JSON, CHECK, ask_to_withdraw, check_ports, show_status
from loopixmix.directory import Role
from loopixmix.node.config import NodeConfig, create_node, load_node, node_toml
from loopixmix.node.main import run_node
from loopixmix.node.values import NodeKind
from loopixmix.node.wiring import make_mix
from loopixmix.process.main import system_rng
from loopixmix.wire import LinkRole

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def mix() -> None:
    """Run a mix of the network."""


@mix.command()
@DIRECTORY
@click.option("--name", required=True, help="Name of the mix in the network document.")
@click.option("--listen", required=True, help="Address and port to listen on, HOST:PORT.")
@click.option("--advertise", default="", help="Address and port where others find the mix.  [default: LISTEN]")
@click.option(
    "--network",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The network.toml of the network to join.",
)
@AS_JSON
def init(directory: Path, name: str, listen: str, advertise: str, network: Path, as_json: bool) -> None:
    """Make the identity and the configuration of a new mix in DIRECTORY.

    Files that are there already are never overwritten.
    """
    text = node_toml(name=name, listen=listen, advertise=advertise)
    identity_key = create_node(directory, config_text=text, config_type=NodeConfig, network=network, rng=system_rng())
    if as_json:
        click.echo(json.dumps({"id": identity_key.public.hex(), "config": str(directory / "node.toml")}))
        return
    click.echo(f"{directory / 'node.toml'}: look through it, then start with  loopixmix mix run {directory}")
    click.echo(f"the authority has to allow the id {identity_key.public.hex()}")


@mix.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check keys and configuration.")
def run(directory: Path, check_config: bool) -> None:
    """Run the mix of DIRECTORY until SIGTERM or ctrl-C.

    SIGHUP reads node.toml again.
    """
    if check_config:
        config, _, _ = load_node(directory, NodeConfig)
        check_ports(directory, config)
        click.echo(f"{directory}: the configuration is good")
        return
    run_node(directory, NodeConfig, lambda _: NodeKind(role=Role.MIX, link_role=LinkRole.MIX, make_service=make_mix))


@mix.command()
@DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
@CHECK
def status(directory: Path, as_json: bool, check: bool) -> None:
    """Tell how the mix of DIRECTORY is; exit code 1 if it does not run or answers no more."""
    show_status(directory, as_json=as_json, check=check)


@mix.command()
@DIRECTORY
def withdraw(directory: Path) -> None:
    """Take the running mix of DIRECTORY out of the next network document.

    It serves on until it is stopped, which is right once the next epoch has begun.
    """
    ask_to_withdraw(directory)
