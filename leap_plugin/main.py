"""`loopixmix mail`: mail over the mix network, for any mail program."""

from __future__ import annotations

import click

from leap_plugin.gateways.cli import gateway


@click.group()
def mail() -> None:
    """Send and receive mail over the mix network, with the mail program that you have."""


mail.add_command(gateway)
