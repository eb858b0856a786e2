"""`loopixmix vote fetch` and `submit`: the board's public face, for auditors, mixers and trustees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from votes.cli.outside import DIRECTORY, vote_outside

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

    from votes.public.calls import PublicBoard

URL = click.argument("url", metavar="URL")
AUDITOR = Path("~/.local/share/loopixmix/auditor")
"""A client of its own: the account of a voter is not to be seen asking for it."""


@click.command()
@URL
@DIRECTORY
@click.option(
    "--witness",
    default="",
    metavar="SERVICE",
    help="Compare the log with what others saw, as this witness tells it, such as witness@provider-1.",
)
@click.option(
    "--client",
    "home",
    type=click.Path(path_type=Path, file_okay=False),
    default=AUDITOR,
    show_default=True,
    help="The directory of the client that asks the witness. It gets a guest account if it has none.",
)
@click.option(
    "--network",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The trust root of the network, if there is no client yet.",
)
def fetch(url: str, directory: Path, witness: str, home: Path, network: Path | None) -> None:
    """Load what is published of the election on the board at URL into DIR; `verify` checks it there.

    Called again, it loads what is new.
    """

    async def work(board: PublicBoard, reactor: PosixReactorBase) -> None:
        from client.remote import start
        from loopixmix.group.ristretto import ristretto255
        from votes.public.fetching import fetch as load
        from votes.public.witnessing import compare_with_witness

        group = ristretto255()
        opened = await load(board, directory, group, click.echo)
        if not witness:
            return
        rng = vote_outside().rng
        client = await start(home.expanduser(), reactor=reactor, rng=rng, network=network, guest=True)
        try:
            await compare_with_witness(client, witness, board, directory, opened, group, click.echo)
        finally:
            client.close()

    perform_with(url, work)


@click.command()
@URL
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path, exists=True))
def submit(url: str, out: Path) -> None:
    """Hand in to the board at URL what a command put into OUT.

    These are `mixer mix`, `trustee sign-record`, `trustee decrypt`, `tally` and `credentials erase`.
    """

    async def work(board: PublicBoard) -> None:
        from votes.public.submitting import submit as hand_in

        await hand_in(board, out, click.echo)

    perform_at(url, work)


def perform_at(url: str, work: Callable[[PublicBoard], Awaitable[None]]) -> None:
    """Do some work with the public face at `url`."""
    perform_with(url, lambda board, _: work(board))


def perform_with(url: str, work: Callable[[PublicBoard, PosixReactorBase], Awaitable[None]]) -> None:
    """Do some work with the public face at `url`, and a reactor by which it can wait."""

    async def begin(reactor: PosixReactorBase) -> None:
        from loopixmix.web.calls import kept_connections
        from votes.public.calls import PublicBoard

        kept = kept_connections(reactor, most=2)
        try:
            await work(PublicBoard(kept.http, url.rstrip("/")), reactor)
        finally:
            await kept.close()

    vote_outside().perform(begin)
