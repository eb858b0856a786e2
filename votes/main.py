"""`loopixmix vote`: elections that anyone can verify, cast over the mix network.

Here the commands of `votes.cli` meet the reactor, the system's randomness and its clock. Each imports what it needs
when it is called, so that a short command is quick.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import click

from votes.cli.admin import admin
from votes.cli.board import board
from votes.cli.credentials import credentials
from votes.cli.decryption import decrypt
from votes.cli.find import find
from votes.cli.mixer import mixer
from votes.cli.outside import VoteOutside
from votes.cli.public import fetch, submit
from votes.cli.trustee import trustee
from votes.cli.verify import tally, verify
from votes.cli.voter import ballot
from votes.cli.watching import sign_record, watch
from votes.demo.command import demo

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase


class VoteCommands(click.Group):
    """The commands by role; what is none of them is a voter's code: `loopixmix vote CODE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a code casts a ballot."""
        if args and args[0] not in self.commands and looks_like_code(args[0]):
            return ballot.name, ballot, args
        return super().resolve_command(ctx, args)


def looks_like_code(word: str) -> bool:
    """Tell whether a word may be a voter's code, perhaps a mistyped one: codes are longer than commands."""
    return sum(letter.isalnum() for letter in word) >= 20


@click.group(cls=VoteCommands)
@click.pass_context
def vote(context: click.Context) -> None:
    """Hold an election that anyone can verify, or vote in one.

    To vote, give the code of your invitation: loopixmix vote CODE --invitation FILE

    Each other role has its own commands: administrator, credential authority, trustee, mixer, board, auditor.
    """
    if context.obj is None:
        context.obj = VoteOutside(rng=random.SystemRandom(), now_s=time.time, pause=time.sleep, perform=_perform)


def _perform(work: Callable[[PosixReactorBase], Awaitable[None]], /) -> None:
    from twisted.internet import reactor

    from loopixmix.process.eventloops import perform_on

    perform_on(cast("PosixReactorBase", reactor), work)


for _command in (admin, board, credentials, trustee, mixer, ballot, fetch, submit, tally, verify, find, demo):
    vote.add_command(_command)
for _command in (sign_record, watch, decrypt):
    trustee.add_command(_command)
