"""The accounts of a bridge: listed, and taken out of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leap_plugin.cli.outside import AS_JSON, BRIDGE


@click.group()
def accounts() -> None:
    """List the accounts of a bridge, or take one out. `setup` adds one."""


@accounts.command(name="list")
@BRIDGE
@AS_JSON
def list_accounts(directory: Path, as_json: bool) -> None:
    """List the accounts, each with its client's directory."""
    from leap_plugin.directory.configuration import load_mail

    found = load_mail(directory)
    rows = [(account.login, account.address, str(found.client_of(account))) for account in found.config.accounts]
    if as_json:
        names = ("mail_address", "address", "client")
        return click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))
    for login, _, client in rows:
        click.echo(f"{login}  {client}")
    if not rows:
        click.echo(f"there is no account yet: loopixmix mail setup {directory} adds one")
    return None


@accounts.command(name="remove")
@BRIDGE
@click.argument("mail_address", metavar="MAIL-ADDRESS")
def remove(directory: Path, mail_address: str) -> None:
    """Take an account out of the bridge in DIR.

    Its client goes on, and its mails stay in the bridge: they are there again if the account is. It counts from the
    next start of the bridge.
    """
    from leap_plugin.directory.configuration import load_mail, remove_account
    from leap_plugin.directory.passwords import MailPasswords

    found = load_mail(directory)
    remove_account(found, mail_address)
    MailPasswords(directory).forget_local(mail_address)
    click.echo(f"{mail_address} is no account of this bridge any more, from its next start on")
