"""`loopixmix mail receipts`: whether contacts are told that their mail came."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leap_plugin.cli.outside import AS_JSON, BRIDGE
from loopixmix.errors import MisuseError


@click.command()
@BRIDGE
@click.argument("choice", type=click.Choice(["on", "off"]), required=False)
@click.option("--account", metavar="ADDRESS", help="Only this account.  [default: all]")
@AS_JSON
def receipts(directory: Path, choice: str | None, account: str | None, as_json: bool) -> None:
    """Choose whether contacts are told that mail came.

    A receipt leaves a random time later, a minute on average, and only to contacts. It also tells them that you were
    online. So none is sent unless you choose it. The choice counts from the next start of the client.
    """
    from leap_plugin.directory.configuration import load_mail
    from leap_plugin.directory.receipts import sends_receipts, set_receipts

    found = load_mail(directory)
    chosen = [one for one in found.config.accounts if account in (None, one.login, one.address)]
    if not chosen:
        raise MisuseError(f"there is no account {account} here" if account else "there is no mail account yet")
    changed = []
    for one in chosen:
        client = found.client_of(one)
        if choice is not None and sends_receipts(client) != (choice == "on"):
            set_receipts(client, choice == "on")
            changed.append(one)
    if as_json:
        told = {one.login: {"on": sends_receipts(found.client_of(one)), "changed": one in changed} for one in chosen}
        click.echo(json.dumps(told))
        return
    for one in chosen:
        client = found.client_of(one)
        if one in changed:
            click.echo(f"{one.login}: {choice}, once its client has started again: loopixmix client stop {client}")
        else:
            click.echo(f"{one.login}: {'on' if sends_receipts(client) else 'off'}")
