"""`loopixmix authority`: signs the network document, once an epoch."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from loopixmix.authority.config import (
    CONFIG_FILE,
    IDENTITY_FILE,
    LOCK_FILE,
    TRUST_ROOT_FILE,
    AuthorityConfig,
    authority_toml,
    floors_warning,
    load_authority,
    parse_listen,
    trust_root_toml,
)
from loopixmix.authority.options import parameter_options
from loopixmix.authority.program import AuthorityNode
from loopixmix.commands.node import AS_JSON, CHECK, end_unless_well, health_of, running_status
from loopixmix.config import convert_options
from loopixmix.directory import TrustedAuthority, TrustRoot
from loopixmix.errors import ConfigError
from loopixmix.net.sockets import check_listening
from loopixmix.observing.status import NodeStatus
from loopixmix.params import NetworkParams
from loopixmix.process.files import create_file, create_identity, load_identity, make_directory
from loopixmix.process.main import run_program, system_rng

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (compared with, never listened on)

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def authority() -> None:
    """Sign the network document, once an epoch."""


@authority.command()
@DIRECTORY
@click.option("--name", default="loopixmix", show_default=True, help="Name of the network.")
@click.option("--listen", default="127.0.0.1:9000", show_default=True, help="Address and port to listen on.")
@click.option("--url", help="Where nodes and clients reach the authority.  [default: http://LISTEN]")
@click.option("--open-enrolment", is_flag=True, help="Let every node take part that asks to: for test networks only.")
@click.option("--test", is_flag=True, help="For trying things on: clients ask nothing of it, and tell their users.")
@click.option("--expected-mixes", default=0, show_default=True, help="Mixes that the first document waits for.")
@click.option("--expected-providers", default=0, show_default=True, help="Providers that the first document waits for.")
@parameter_options(NetworkParams())
@AS_JSON
def init(
    directory: Path,
    name: str,
    listen: str,
    url: str | None,
    open_enrolment: bool,
    test: bool,
    expected_mixes: int,
    expected_providers: int,
    as_json: bool,
    **params: float,
) -> None:
    """Make keys and configuration of a new authority in DIRECTORY, and the network.toml to hand out.

    Files that are there already are never overwritten.
    """
    values = {
        "listen": listen,
        "open_enrolment": open_enrolment,
        "expected_mixes": expected_mixes,
        "expected_providers": expected_providers,
        "params": params,
    }
    config = convert_options(values, AuthorityConfig)
    url = url or _default_url(listen)
    # Checked with a key in place of the one to be made, so that a mistake leaves no key behind.
    convert_options({"name": name, "authorities": [{"public_key": "0" * 64, "url": url}]}, TrustRoot)
    make_directory(directory)
    identity_key = create_identity(directory / IDENTITY_FILE, system_rng())
    trusted = TrustedAuthority(public_key=identity_key.public.hex(), url=url)
    trust_root = TrustRoot(name=name, authorities=(trusted,), epoch_length_s=config.params.epoch_length_s, test=test)
    create_file(directory / CONFIG_FILE, authority_toml(config).encode())
    create_file(directory / TRUST_ROOT_FILE, trust_root_toml(trust_root).encode(), mode=0o644)
    warning = floors_warning(config, test=test)
    if as_json:
        network = str(directory / TRUST_ROOT_FILE)
        told = {"id": identity_key.public.hex(), "config": str(directory / CONFIG_FILE), "network": network}
        told |= {} if warning is None else {"warning": warning}
        click.echo(json.dumps(told))
        return
    click.echo(f"{directory / CONFIG_FILE}: look through it, then start with  loopixmix authority run {directory}")
    click.echo(f"{directory / TRUST_ROOT_FILE}: hand it to everybody who joins the network")
    if warning is not None:
        click.echo(warning, err=True)
    if open_enrolment:
        click.echo("open_enrolment is on: anybody may add nodes; use it for test networks only", err=True)


@authority.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check keys and configuration.")
def run(directory: Path, check_config: bool) -> None:
    """Run the authority of DIRECTORY until SIGTERM or ctrl-C."""
    if check_config:
        config, trust_root = load_authority(directory, load_identity(directory / IDENTITY_FILE))
        if warning := floors_warning(config, test=trust_root.test):
            click.echo(warning, err=True)
        check_listening(*parse_listen(config.listen), keys=("listen", "listen"), lock=directory / LOCK_FILE)
        click.echo(f"{directory}: the configuration is good")
        return
    run_program(directory / LOCK_FILE, lambda world: AuthorityNode(directory, world=world))


@authority.command()
@DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
@CHECK
def status(directory: Path, as_json: bool, check: bool) -> None:
    """Tell how the authority of DIRECTORY is; exit code 1 if it does not run or answers no more."""
    found = running_status(directory, lock_file=LOCK_FILE)
    now_s = time.time()
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif check:
        click.echo(f"{found.name}: {health_of(found, now_s=now_s)}")
    else:
        for label, value in _status_rows(found, now_s=now_s):
            click.echo(f"{label:<20} {value}")
    end_unless_well(found, now_s=now_s, check=check)


def _status_rows(status: NodeStatus, *, now_s: float) -> list[tuple[str, object]]:
    started = datetime.fromtimestamp(status.started_at_s, UTC).isoformat(sep=" ", timespec="seconds")
    written = datetime.fromtimestamp(status.written_at_s, UTC).isoformat(sep=" ", timespec="seconds")
    rows: list[tuple[str, object]] = [
        ("health", health_of(status, now_s=now_s)),
        ("process", status.pid),
        ("key", status.id),
        ("running since", started),
        ("clock", written),
        ("epoch", status.epoch),
    ]
    return rows + [(name.replace("_", " "), value) for name, value in status.extra.items()]


def _default_url(listen: str) -> str:
    host, port = parse_listen(listen)
    if host in WILDCARDS:
        raise ConfigError(f"{listen} is every address: give the one to be reached at with --url http://HOST:{port}")
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
