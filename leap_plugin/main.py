"""`loopixmix mail`: mail over the mix network, for any mail program."""

from __future__ import annotations

import click

from leap_plugin.leap.gateway.main import leap_gateway


@click.group()
def mail() -> None:
    """Send and receive mail over the mix network, with the mail program that you have."""


mail.add_command(leap_gateway)
