"""`loopixmix mail`: mail over the mix network, for any mail program."""

from __future__ import annotations

import click

from leap_plugin.cli.check import check
from leap_plugin.cli.preview import preview_command
from loopixmix.process.main import system_rng


@click.group()
def mail() -> None:
    """Send and receive mail over the mix network, with the mail program that you have."""


mail.add_command(check)
mail.add_command(preview_command(system_rng()))
