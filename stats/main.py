"""`loopixmix stats`: surveys and measurements whose answers nobody can link to a person.

Here the commands of `stats.cli` meet the reactor, the system's randomness and its clock. Each imports what it needs
when it is called, so that a short command is quick.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, cast

import click

from stats.cli.analyst import analyst
from stats.cli.check import check, new, preview
from stats.cli.collector import collector
from stats.cli.counters import counters
from stats.cli.data import data
from stats.cli.export import export
from stats.cli.freeze import freeze
from stats.cli.invite import invite
from stats.cli.issuer import code, issuer
from stats.cli.outside import StatsOutside, Work
from stats.cli.query import query
from stats.cli.relay import relay
from stats.cli.respondent.answer import answer
from stats.cli.respondent.device import device
from stats.demo.command import demo

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase


@click.group()
@click.pass_context
def stats(context: click.Context) -> None:
    """Ask many people, learn about all of them, and about none of them.

    Reports are randomised where they are made, travel over the mix network, and are counted together.
    """
    context.obj = StatsOutside(rng=random.SystemRandom(), now_s=time.time, perform=_perform)


def _perform(work: Work, /) -> None:
    from twisted.internet import reactor

    from loopixmix.process.eventloops import perform_on

    perform_on(cast("PosixReactorBase", reactor), work)


_COMMANDS: tuple[click.Command, ...] = (
    new,
    check,
    preview,
    freeze,
    invite,
    answer,
    device,
    relay,
    counters,
    issuer,
    code,
    demo,
    collector,
    analyst,
    data,
    query,
    export,
)

for _command in _COMMANDS:
    stats.add_command(_command)
