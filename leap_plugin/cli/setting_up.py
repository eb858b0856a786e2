"""`loopixmix mail setup`: three questions, and what to type into the mail program."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_plugin.cli.outside import AS_JSON, BRIDGE, MailOutside, mail_outside
from loopixmix.errors import MisuseError

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

    from client.api import ClientStatus
    from leap_plugin.directory.configuration import MailConfig, MailDirectory

HERE = "here"
ADDRESS_QUESTION = "Your address, NAME@PROVIDER (loopixmix client network DIR lists the providers, while a client runs)"
LISTEN_QUESTION = "Where do you read your mail? 'here' for this machine, or its private address for other devices too"
CLIENTS_FOLDER = "clients"
START_WITHIN_S = 180.0
"""A new client may take long to start on a busy machine, and who sets up is there and sees that."""


@dataclass(frozen=True)
class _Source:
    """The answer to the first question: a client that exists, or the network that a new one joins."""

    client: Path | None = None
    network: Path | None = None


@dataclass(frozen=True)
class _Doors:
    """What was said of ports; None where nothing was said."""

    listen: str | None
    security: str | None
    smtp_port: int | None
    imap_port: int | None


@click.command()
@BRIDGE
@click.option("--client", type=click.Path(path_type=Path, file_okay=False, exists=True), help="A client that you have.")
@click.option(
    "--network",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="For a new client: the trust root of the network, a network.toml.",
)
@click.option("--address", metavar="NAME@PROVIDER", help="The address to register, if the client has none yet.")
@click.option("--invitation", default="", help="The code, if the provider asks for one.")
@click.option("--listen", metavar="here|ADDRESS", help="Also for other devices, at this machine's private ADDRESS.")
@click.option(
    "--security",
    type=click.Choice(["plain", "starttls", "tls"]),
    help="Of the ports of this machine.  [default: plain]",
)
@click.option("--smtp-port", type=click.IntRange(0, 65_535), help="At 127.0.0.1.  [default: 2587]")
@click.option("--imap-port", type=click.IntRange(0, 65_535), help="At 127.0.0.1.  [default: 2143]")
@click.option("--show", is_flag=True, help="Ask and change nothing: only show the settings.")
@AS_JSON
def setup(
    directory: Path,
    client: Path | None,
    network: Path | None,
    address: str | None,
    invitation: str,
    listen: str | None,
    security: str | None,
    smtp_port: int | None,
    imap_port: int | None,
    show: bool,
    as_json: bool,
) -> None:
    """Set up a mail bridge in DIR, or add an account to it.

    It asks which network or client, which address, and where you read your mail, unless options answer. Then it prints
    what to type into the mail program. It can be run again: to add an account, or to see the settings once more.
    """
    os.umask(0o077)
    if client is not None and network is not None:
        raise click.UsageError("give --client or --network, not both")
    doors = _Doors(listen, security, smtp_port, imap_port)
    steps = _Setup(directory, mail_outside(), asks=mail_outside().is_asking() and not as_json and not show)
    found = steps.shown() if show else steps.carried_out(_Source(client, network), address, invitation, doors)
    from leap_plugin.cli.account_settings import print_settings, report_settings

    report = report_settings(found, mail_outside().rng)
    if as_json:
        import msgspec

        return click.echo(msgspec.json.encode(report))
    print_settings(report)
    return _say_what_next(found)


class _Setup:
    def __init__(self, path: Path, outside: MailOutside, *, asks: bool) -> None:
        self._path = path
        self._outside = outside
        self._asks = asks

    def shown(self) -> MailDirectory:
        from leap_plugin.directory.configuration import load_mail
        from leap_plugin.directory.making import make_bridge

        existing = load_mail(self._path)
        return make_bridge(self._path, existing.config, rng=self._outside.rng, now_s=self._outside.now_s())

    def carried_out(self, source: _Source, address: str | None, invitation: str, doors: _Doors) -> MailDirectory:
        from leap_plugin.directory.configuration import MailAccount, is_bridge
        from leap_plugin.directory.making import join_account

        exists = is_bridge(self._path)
        if exists and (doors.security, doors.smtp_port, doors.imap_port) != (None, None, None):
            raise click.UsageError(f"{self._path} is there already: its ports are changed in its mail.toml")
        source = self._source(source, exists=exists)
        if source == _Source():
            if address or invitation:
                raise click.UsageError("--network or --client is missing: it says where the new account belongs")
            return self._listening(self.shown(), doors.listen)
        if source.network is not None:
            address = address or self._ask(ADDRESS_QUESTION, "--address")
        listen = doors.listen
        if not exists and listen is None:
            listen = self._ask(LISTEN_QUESTION, "--listen", default=HERE)
        # What is wrong is told before anything is made or registered.
        config = _config(doors, listen)
        client, registered = self._client(source, address, invitation)
        found = self._listening(self._made(config), listen)
        if any(found.client_of(account) == client.resolve() for account in found.config.accounts):
            raise MisuseError(f"{client} is an account of this bridge already:  --show  shows its settings")
        account = MailAccount(client=_path_from(found.path, client), address=registered)
        return join_account(found, account, self._outside.rng)

    # -- The questions.

    def _source(self, given: _Source, *, exists: bool) -> _Source:
        if given != _Source() or (exists and not self._asks):
            return given
        if exists:
            question = "Another account: a network file or the directory of a client (empty: only show the settings)"
        else:
            question = "The network file (network.toml), or the directory of a client that you have"
        answer = self._ask(question, "--network or --client", default="" if exists else None)
        if not answer:
            return given
        path = Path(answer).expanduser()
        if path.is_dir():
            return _Source(client=path)
        if path.is_file():
            return _Source(network=path)
        raise MisuseError(f"{path}: there is no such file or directory")

    def _ask(self, question: str, option: str, *, default: str | None = None) -> str:
        if not self._asks:
            if default is not None:
                return default
            raise click.UsageError(f"{option} is missing, and nobody is there to be asked")
        answer: str = click.prompt(question, default=default, show_default=bool(default), err=True)
        return answer.strip()

    # -- The client.

    def _client(self, source: _Source, address: str | None, invitation: str) -> tuple[Path, str]:
        """Return the directory of the client, which is made if need be and runs, and its registered address."""
        client = source.client or self._path / CLIENTS_FOLDER / _checked_name(address or "")
        is_new = not client.exists()
        status = self._start(client, source.network)
        if status.guest:
            raise MisuseError(f"the client of {client} is a guest, without an address that mail could come to")
        if not status.registered:
            address = address or self._ask(ADDRESS_QUESTION, "--address")
            return client, self._register(client, address, invitation, is_new=is_new)
        if address and address != status.address:
            raise MisuseError(f"the client of {client} has the address {status.address} already, not {address}")
        return client, status.address

    def _start(self, client: Path, network: Path | None) -> ClientStatus:
        rng = self._outside.rng
        click.echo(f"starting the client of {client}", err=True)

        async def work(reactor: PosixReactorBase) -> ClientStatus:
            from client.remote import start

            remote = await start(client, reactor=reactor, rng=rng, network=network, within_s=START_WITHIN_S)
            try:
                return await remote.status()
            finally:
                remote.close()

        return self._outside.perform(work)

    def _register(self, client: Path, address: str, invitation: str, *, is_new: bool) -> str:
        from loopixmix.process.background import loopixmix_command

        _checked_name(address)
        click.echo(f"registering {address}", err=True)
        # By a process of its own: a reactor runs once, and that of this one has run to start the client.
        code = ("--invitation", invitation) if invitation else ()
        done = subprocess.run(
            loopixmix_command("client", "register", str(client), address, *code), capture_output=True, check=False
        )
        if done.returncode == 0:
            return address
        if is_new:
            # It has no account to be linked to. Its keys stay: if only the answer was lost, they have the account.
            subprocess.run(loopixmix_command("client", "stop", str(client)), capture_output=True, check=False)
        raise MisuseError(done.stderr.decode(errors="replace").strip().removeprefix("loopixmix: "))

    # -- The bridge.

    def _made(self, config: MailConfig) -> MailDirectory:
        from leap_plugin.directory.making import make_bridge

        return make_bridge(self._path, config, rng=self._outside.rng, now_s=self._outside.now_s())

    def _listening(self, found: MailDirectory, listen: str | None) -> MailDirectory:
        from leap_plugin.directory.making import listen_at

        if listen in (None, HERE):
            return found
        return listen_at(found, listen or "", rng=self._outside.rng, now_s=self._outside.now_s())


def _config(doors: _Doors, listen: str | None) -> MailConfig:
    from leap_plugin.directory.configuration import LocalDoor, MailConfig, check_private
    from loopixmix.config import convert_options

    if listen not in (None, HERE):
        check_private(listen or "")
    given = {"security": doors.security, "smtp_port": doors.smtp_port, "imap_port": doors.imap_port}
    return MailConfig(local=convert_options({k: v for k, v in given.items() if v is not None}, LocalDoor))


def _checked_name(address: str) -> str:
    from leap_plugin.mail.addresses import mail_address_of

    mail_address_of(address, frozenset())
    return address.partition("@")[0]


def _path_from(bridge: Path, client: Path) -> str:
    """Return the path of a client in `mail.toml`: from the bridge's directory if it lies inside, so that both move."""
    inside, outside = client.resolve(), bridge.resolve()
    return str(inside.relative_to(outside)) if inside.is_relative_to(outside) else str(inside)


def _say_what_next(found: MailDirectory) -> None:
    from leap_plugin.directory.configuration import LOCK_FILE
    from loopixmix.process.files import lock_holder

    holder = lock_holder(found.path / LOCK_FILE)
    if holder is None:
        return click.echo(f"\nStart the bridge with  loopixmix mail run {found.path}")
    return click.echo(f"\nThe bridge runs as process {holder}: what changed counts from its next start")
