"""Passwords of other devices."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from leap_plugin.cli.outside import AS_JSON, BRIDGE, mail_outside


@click.group()
def devices() -> None:
    """Let other devices in, each by a password of its own."""


@devices.command(name="add")
@BRIDGE
@click.argument("name")
@AS_JSON
def add_device(directory: Path, name: str, as_json: bool) -> None:
    """Make the password of a device, and show it once.

    It counts at the private address for all accounts of the bridge. Only a hash of it is kept. A bridge that runs takes
    it at once.
    """
    from leap_plugin.directory.configuration import load_mail
    from leap_plugin.directory.passwords import MailPasswords

    outside = mail_outside()
    found = load_mail(directory)
    password = MailPasswords(directory).add_device(name, rng=outside.rng, now_s=outside.now_s())
    if as_json:
        return click.echo(json.dumps({"name": name, "password": password}))
    click.echo(f"The password of {name}, which is not shown again:\n\n  {password}\n")
    if not found.config.private.address:
        click.echo(f"No other device gets in yet: loopixmix mail setup {directory} --listen ADDRESS lets them")
    return None


@devices.command(name="list")
@BRIDGE
@AS_JSON
def list_devices(directory: Path, as_json: bool) -> None:
    """List the devices that have a password."""
    from leap_plugin.directory.configuration import load_mail
    from leap_plugin.directory.passwords import MailPasswords

    load_mail(directory)
    found = MailPasswords(directory).devices()
    if as_json:
        return click.echo(json.dumps([{"name": each.name, "made_at_s": each.made_at_s} for each in found]))
    for each in found:
        click.echo(f"{each.name}  since {time.strftime('%Y-%m-%d', time.localtime(each.made_at_s))}")
    if not found:
        click.echo("no other device has a password")
    return None


@devices.command(name="remove")
@BRIDGE
@click.argument("name")
def remove_device(directory: Path, name: str) -> None:
    """Forget the password of a device.

    It gets in no more, once its connections have ended.
    """
    from leap_plugin.directory.configuration import load_mail
    from leap_plugin.directory.passwords import MailPasswords

    load_mail(directory)
    MailPasswords(directory).remove_device(name)
    click.echo(f"{name} gets in no more; connections that are open end when the bridge is started again")
