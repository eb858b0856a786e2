"""`loopixmix stats code`: get the code of a survey that is for contacts, or for the accounts of a provider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from stats.cli.files import READ, read_questionnaire
from stats.cli.outside import DIRECTORY, stats_outside

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase


@click.command()
@DIRECTORY
@click.argument("questionnaire", metavar="QUESTIONNAIRE", type=READ)
@click.option("--within", default=120.0, show_default=True, help="Wait for so many seconds.")
def code(directory: Path, questionnaire: Path, within: float) -> None:
    """Print the code that the issuer of QUESTIONNAIRE sends to the address of the client in DIR, which runs.

    If the survey is for the accounts of a provider, the issuer is asked for it; if it is for a list of contacts, it
    sends codes by itself. Answer by another client, one without a name: the issuer then cannot tell that it is you.
    """
    from client.remote import remote_client
    from loopixmix.errors import MisuseError
    from loopixmix.process.wallclock import WallClock
    from stats.issue.asking import receive_code
    from stats.questionnaire.questionnaire import PersonKind

    draft = read_questionnaire(questionnaire).draft
    if draft.persons.kind not in (PersonKind.CONTACTS, PersonKind.ACCOUNT):
        raise MisuseError("the codes of this survey are not sent over the network: they come with invitations")
    outside = stats_outside()
    found: list[str] = []

    async def work(reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        timer = cast("IReactorTime", reactor)
        client = remote_client(directory, reactor=reactor, rng=outside.rng)
        try:
            found.append(
                await receive_code(
                    client,
                    draft,
                    clock=WallClock(reactor),
                    pause=lambda seconds: deferLater(timer, seconds, lambda: None),
                    within_s=within,
                )
            )
        finally:
            client.close()

    outside.perform(work)
    click.echo(found[0])
