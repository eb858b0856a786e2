"""`loopixmix vote`: elections that anyone can verify, cast over the mix network.

Here the commands of `votes.cli` meet the reactor, the system's randomness and its clock. Each imports what it needs
when it is called, so that a short command is quick.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, cast

import click

from votes.cli.admin import admin
from votes.cli.board import board
from votes.cli.credentials import credentials
from votes.cli.decryption import decrypt
from votes.cli.mixer import mixer
from votes.cli.outside import VoteOutside
from votes.cli.public import fetch, submit
from votes.cli.trustee import trustee
from votes.cli.verify import tally, verify
from votes.cli.voters.find import find
from votes.cli.voters.given_code import ASKED
from votes.cli.voters.voter import ballot
from votes.cli.watching import object_to_it, sign_record, watch
from votes.demo.command import demo

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase


class VoteCommands(click.Group):
    """The commands by role; what is none of them is a voter's code, or options of a voter who is asked for it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; `loopixmix vote --invitation FILE` casts a ballot, too."""
        named = {name for each in ballot.params for name in each.opts if name.startswith("--")}
        if args and args[0].partition("=")[0] in named:
            args = [str(ballot.name), *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a code casts a ballot."""
        if args and args[0] not in self.commands and (args[0] == ASKED or looks_like_code(args[0])):
            return ballot.name, ballot, args
        return super().resolve_command(ctx, args)


def looks_like_code(word: str) -> bool:
    """Tell whether a word may be a voter's code, perhaps a mistyped one: codes are longer than commands."""
    return sum(letter.isalnum() for letter in word) >= 20


@click.group(cls=VoteCommands)
@click.pass_context
def vote(context: click.Context) -> None:
    """Hold an election that anyone can verify, or vote in one.

    To vote: loopixmix vote --invitation FILE. It asks for the code that came with the invitation. The code may also
    stand in its place on the command line (loopixmix vote CODE --invitation FILE), but the shell's history keeps it
    there.

    Each other role has its own commands: administrator, credential authority, trustee, mixer, board, auditor.
    """
    if context.obj is None:
        context.obj = VoteOutside(
            rng=random.SystemRandom(),
            now_s=time.time,
            pause=time.sleep,
            perform=_perform,
            command=tuple(sys.orig_argv),
            become=_become,
        )


def _become(command: Sequence[str]) -> None:
    os.execv(sys.executable, [sys.executable, *command[1:]])  # noqa: S606 (no shell is wanted)


def _perform(work: Callable[[PosixReactorBase], Awaitable[None]], /) -> None:
    from twisted.internet import reactor

    from loopixmix.process.eventloops import perform_on

    perform_on(cast("PosixReactorBase", reactor), work)


for _command in (admin, board, credentials, trustee, mixer, ballot, fetch, submit, tally, verify, find, demo):
    vote.add_command(_command)
for _command in (sign_record, object_to_it, watch, decrypt):
    trustee.add_command(_command)
