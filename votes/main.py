"""`loopixmix vote`: elections that anyone can verify, cast over the mix network.

Here the commands of `votes.cli` meet the system's randomness and clock. Each imports what it needs when it is called,
so that a short command is quick.
"""

from __future__ import annotations

import random
import time

import click

from votes.cli.admin import admin
from votes.cli.board import board
from votes.cli.credentials import credentials
from votes.cli.mixer import mixer
from votes.cli.outside import VoteOutside
from votes.cli.trustee import trustee


@click.group()
@click.pass_context
def vote(context: click.Context) -> None:
    """Hold an election that anyone can verify, or vote in one.

    Each role has its own commands: administrator, credential authority, trustee, mixer, board, voter, auditor.
    """
    context.obj = VoteOutside(rng=random.SystemRandom(), now_s=time.time, pause=time.sleep)


for _command in (admin, board, credentials, trustee, mixer):
    vote.add_command(_command)
