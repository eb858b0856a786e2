"""`loopixmix mail leap-gateway`: a gateway that delivers to the users of a LEAP provider, and its operator's commands.

The commands change the store beside the running program, which looks at it every half minute.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import click
import msgspec

from leap_plugin.leap.needs import check_openpgp, check_sealing
from loopixmix.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leap_plugin.leap.gateway.users import SkippedUser

_T = TypeVar("_T")

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
SHOWN_SKIPPED = 20
PAGE = 1000


@click.group("leap-gateway")
def leap_gateway() -> None:
    """Deliver mail to the users of a LEAP provider.

    docs/leap.md is the page for its operator.
    """
    check_openpgp()
    check_sealing()


@leap_gateway.command()
@DIRECTORY
@click.option(
    "--client",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory of the client that has the gateway's account.",
)
@click.option("--domain", "domains", multiple=True, required=True, help="A mail domain of the provider; repeatable.")
@click.option("--soledad", "url", default="http://127.0.0.1:2525/incoming", show_default=True, help="The Incoming Box.")
def init(directory: Path, client: Path, domains: tuple[str, ...], url: str) -> None:
    """Make the configuration of a new gateway in DIR."""
    from client.remote import require_sealed_store
    from leap_plugin.leap.gateway.directory import CONFIG_FILE, DEFAULT_TOKEN_FILE, create_leap_directory

    lower = tuple(domain.lower() for domain in domains)
    create_leap_directory(directory, client=client, domains=lower, url=url, rng=random.SystemRandom())
    if (client / "client.toml").exists():
        if require_sealed_store(client):
            click.echo(f"{client / 'client.toml'}: sealed_store is true now, which counts from the client's next start")
    else:
        click.echo(f"make the client with  loopixmix client init {client} --network FILE --gateway --sealed")
    click.echo(f"{directory / CONFIG_FILE}: look through it")
    click.echo(f"{directory / DEFAULT_TOKEN_FILE}: put the line incoming:SECRET there, and chmod 600 it")
    click.echo(f"add users with  loopixmix mail leap-gateway users import {directory} EXPORT")
    click.echo(f"then start with  loopixmix mail leap-gateway run {directory}")


@leap_gateway.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check the configuration and the store.")
def run(directory: Path, check_config: bool) -> None:
    """Run the gateway of DIR until `stop`, SIGTERM or ctrl-C."""
    from leap_plugin.leap.gateway.directory import LOCK_FILE, load_leap_directory, open_leap_store

    if check_config:
        load_leap_directory(directory)
        open_leap_store(directory).close()
        click.echo(f"{directory}: the configuration is good")
        return
    from leap_plugin.leap.gateway.program import LeapGateway
    from loopixmix.process.main import run_program

    found = load_leap_directory(directory)
    run_program(directory / LOCK_FILE, lambda world: LeapGateway(found, world=world))


@leap_gateway.command()
@DIRECTORY
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait until it has ended.")
def stop(directory: Path, timeout_s: float) -> None:
    """Stop the gateway of DIR, and wait until it has ended. The daemon of its client goes on."""
    from leap_plugin.leap.gateway.directory import LOCK_FILE, load_leap_config
    from loopixmix.errors import UnavailableError
    from loopixmix.process.background import stop_holder

    load_leap_config(directory)
    if stop_holder(directory / LOCK_FILE, within_s=timeout_s) is None:
        raise UnavailableError(f"no gateway runs in {directory}: there is nothing to stop")
    click.echo(f"the gateway of {directory} has ended")


@leap_gateway.command()
@DIRECTORY
@JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell how the gateway of DIR is.

    The exit code is 1 if it does not run or has a problem.
    """
    from leap_plugin.leap.gateway.deliveries import count_by_state
    from leap_plugin.leap.gateway.directory import LOCK_FILE, load_leap_config, open_leap_store
    from leap_plugin.leap.gateway.users import count_owners
    from loopixmix.errors import UnavailableError
    from loopixmix.process.status import told_by_holder
    from loopixmix.store.upkeep.patience import SLOW, read_soon

    load_leap_config(directory)
    counted = read_soon(
        lambda: open_leap_store(directory),
        lambda connection: (count_owners(connection), count_by_state(connection)),
    )
    owners, counts = (None, {}) if counted is None else counted
    try:
        report = told_by_holder(directory / LOCK_FILE)
    except UnavailableError:
        report = b'{"problem": "it has not told yet how it is"}'
    is_running = report is not None
    told: dict[str, object] = {} if report is None else msgspec.json.decode(report)
    problem = told.get("problem") if is_running else "the gateway does not run"
    if problem is None and counted is None:
        problem = SLOW
    found = {
        "running": is_running,
        "problem": problem,
        "users": owners,
        "waiting": None if counted is None else counts.get("waiting", 0),
        "without_key": None if counted is None else counts.get("unsealed", 0),
        "aside": None if counted is None else counts.get("aside", 0),
        "delivered_since_start": told.get("delivered", 0),
        "refused_since_start": told.get("refused", 0),
    }
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for name, value in found.items():
            nothing = "none" if name == "problem" else "not known"
            words = {"None": nothing, "True": "yes", "False": "no"}.get(str(value), value)
            click.echo(f"{name.replace('_', ' ')}: {words}")
    if problem is not None:
        raise click.exceptions.Exit(1)


@leap_gateway.command()
@DIRECTORY
@click.option("--user", "address", default="", help="Only this user.")
@JSON
def waiting(directory: Path, address: str, as_json: bool) -> None:
    """List what waits for each user, and what failed and why."""
    from leap_plugin.leap.gateway.deliveries import backlogs

    found = _use(directory, lambda connection: backlogs(connection, address=address.lower()))
    if as_json:
        click.echo(msgspec.json.encode([msgspec.to_builtins(one) for one in found]))
        return
    now_s = time.time()
    for one in found:
        aside = f", {one.aside} put aside" if one.aside else ""
        why = f": {one.problem}" if one.problem else ""
        click.echo(
            f"{one.address}: {one.waiting} waiting{aside}, {one.waiting_bytes:,} bytes, "
            f"since {(now_s - one.oldest_s) / 3600:.1f} h, attempts: {one.attempts}{why}"
        )
    if not found:
        click.echo("nothing waits")


@leap_gateway.command()
@DIRECTORY
@click.option("--user", "address", default="", help="Only this user.")
def retry(directory: Path, address: str) -> None:
    """Try what waits, or was put aside, again now."""
    from leap_plugin.leap.gateway.deliveries import retry as retry_deliveries

    count = _use(directory, lambda connection: retry_deliveries(connection, time.time(), address=address.lower()))
    click.echo(f"to be tried again within half a minute, if the gateway runs: {count} mails")


@leap_gateway.group("users")
def users() -> None:
    """The users whose mail the gateway delivers."""


@users.command(name="import")
@DIRECTORY
@click.argument("export", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def import_users(directory: Path, export: Path) -> None:
    """Put the users of EXPORT in the place of all.

    EXPORT is what CouchDB answers to /identities/_all_docs?include_docs=true, with address, user_id and keys.pgp of
    each user. Mail that waits for a user who is not in it fails, and its sender is told.
    """
    from leap_plugin.leap.gateway.directory import load_leap_config
    from leap_plugin.leap.gateway.users import owners_of, read_export, replace_owners

    skipped: list[SkippedUser] = []
    config = load_leap_config(directory)
    found = {
        owner.address: owner
        for owner in owners_of(
            read_export(export.read_bytes()),
            domains=frozenset(config.domains),
            now_s=time.time(),
            skipped=skipped.append,
        )
    }
    if not found:
        raise ConfigError(f"{export}: has no user of {', '.join(config.domains)}; nothing was changed")
    _use(directory, lambda connection: replace_owners(connection, list(found.values())))
    for one in skipped[:SHOWN_SKIPPED]:
        click.echo(f"{one.address[:80]} {one.reason}", err=True)
    if len(skipped) > SHOWN_SKIPPED:
        click.echo(f"... and {len(skipped) - SHOWN_SKIPPED} more", err=True)
    keys = sum(owner.certificate is not None for owner in found.values())
    click.echo(f"users: {len(found)}, with a key: {keys}")


@users.command(name="add")
@DIRECTORY
@click.argument("address")
@click.argument("uuid")
@click.option("--key", type=click.File("rb"), help="The file with the user's OpenPGP certificate.")
def add_user(directory: Path, address: str, uuid: str, key: IO[bytes] | None) -> None:
    """Add one user, or change one."""
    from leap_plugin.leap.gateway.directory import load_leap_config
    from leap_plugin.leap.gateway.users import make_owner, put_owner

    certificate: bytes = b"" if key is None else key.read()
    domains = frozenset(load_leap_config(directory).domains)
    owner = make_owner(address, uuid, certificate, domains, time.time())
    _use(directory, lambda connection: put_owner(connection, owner))
    click.echo(f"{owner.address} is a user" + ("" if owner.certificate else ", without a key: mail waits for one"))


@users.command(name="list")
@DIRECTORY
@JSON
def list_users(directory: Path, as_json: bool) -> None:
    """List all users."""
    from leap_plugin.leap.gateway.users import list_owners

    after = ""
    while True:
        start = after
        page = _use(directory, lambda connection: list_owners(connection, after=start, limit=PAGE))  # noqa: B023
        for owner in page:
            if as_json:
                line = {"address": owner.address, "uuid": owner.uuid, "has_key": owner.certificate is not None}
                click.echo(msgspec.json.encode(line))
            else:
                click.echo(f"{owner.address} {owner.uuid}" + ("" if owner.certificate else " (no key)"))
        if len(page) < PAGE:
            return
        after = page[-1].address


@users.command(name="remove")
@DIRECTORY
@click.argument("address")
@click.option("--discard", is_flag=True, help="Throw away what waits, and tell nobody.")
def remove_user(directory: Path, address: str, discard: bool) -> None:
    """Remove one user. What waits fails, and its senders are told, unless it is discarded."""
    from leap_plugin.leap.gateway import deliveries
    from leap_plugin.leap.gateway.users import remove_owner

    def work(connection: Connection) -> int:
        remove_owner(connection, address.lower())
        if discard:
            return deliveries.discard(connection, address=address.lower(), now_s=time.time())
        return deliveries.retry(connection, time.time(), address=address.lower())

    count = _use(directory, work)
    click.echo(f"removed; what waited is {'thrown away' if discard else 'sent back'}: {count} mails")


@users.command(name="move")
@DIRECTORY
@click.argument("address")
@click.argument("uuid")
def move_user(directory: Path, address: str, uuid: str) -> None:
    """Give an address, with what waits, to another Soledad."""
    from leap_plugin.leap.gateway import deliveries
    from leap_plugin.leap.gateway.users import move_owner

    def work(connection: Connection) -> int:
        move_owner(connection, address.lower(), uuid)
        return deliveries.retry(connection, time.time(), address=address.lower())

    click.echo(f"moved; what waited goes there: {_use(directory, work)} mails")


def _use(directory: Path, work: Callable[[Connection], _T]) -> _T:
    from leap_plugin.leap.gateway.directory import load_leap_config, open_leap_store

    load_leap_config(directory)
    store = open_leap_store(directory)
    try:
        return store.write(work)
    finally:
        store.close()
