"""`loopixmix vote CODE`: vote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from votes.cli.outside import vote_outside
from votes.cli.voters.given_code import ASKED, code_of_voter

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase

HOME = Path("~/.local/share/loopixmix/voter")


@click.command("cast")
@click.argument("code", default=ASKED)
@click.option(
    "--code-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the code from the first line of this file.  [default: ask]",
)
@click.option(
    "--invitation",
    required=True,
    metavar="TEXT|FILE",
    help="The invitation that came with the code, or a file with it: it has the election, and the proof for your code.",
)
@click.option(
    "--network",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The trust root of the network, if there is no client yet.",
)
@click.option(
    "--client",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=HOME,
    show_default=True,
    help="The directory of the client. If it has an account, that casts; otherwise a guest account is opened.",
)
@click.option("--provider", default="", help="Where to open the guest account.  [default: where there is no board]")
@click.option(
    "--board", "service", default="", metavar="SERVICE", help="The board, such as board@provider-2.  [default: found]"
)
@click.option(
    "--spread-s", default=120.0, show_default=True, help="The longest pause before each request for the record."
)
@click.option(
    "--watch/--no-watch",
    default=True,
    show_default=True,
    help="Go on until the result is there, and look at the board's log at random times; or end when your ballot is on "
    "the board.",
)
def ballot(
    code: str,
    code_file: Path | None,
    invitation: str,
    network: Path | None,
    directory: Path,
    provider: str,
    service: str,
    spread_s: float,
    watch: bool,
) -> None:
    """Vote, with the code of your invitation, on a page in your browser, whose link is shown.

    Without CODE, or with - in its place, it is asked for, and not shown; if nobody is at a terminal, it is the first
    line of standard input. A code on the command line is taken off the list of processes at once, but the shell's
    history keeps it.

    The code never leaves this machine. Your ballot leaves at a random time, through the network, so that nobody sees
    that you vote. Then the program looks at the board's log at random times until the result is there, and tells you if
    your ballot is missing or excluded, or if the board shows two logs. You may stop it and start it again. To vote
    again, go back to the page: your last ballot counts.
    """
    from votes.credentials.invitation import decode_invitation

    outside = vote_outside()
    code = code_of_voter(code, code_file, outside)
    path = Path(invitation)
    text = path.read_text() if len(invitation) < 256 and path.is_file() else invitation
    invited = decode_invitation(text)

    async def work(reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        from client.remote import start
        from loopixmix.group.ristretto import ristretto255
        from loopixmix.net.sockets import TcpSockets
        from loopixmix.process.wallclock import WallClock
        from votes.voting.program import enter_booth, open_guest, serve_page
        from votes.voting.setting import VotingSetting

        home = directory.expanduser()
        # Before anything waits on the reactor, whose way of counting it changes.
        clock = WallClock(reactor)
        client = await start(home, reactor=reactor, rng=outside.rng, network=network)
        try:
            await open_guest(client, outside.rng, provider=provider, service=service)
            setting = VotingSetting(
                client,
                ristretto255(),
                clock,
                outside.rng,
                click.echo,
                lambda seconds: deferLater(cast("IReactorTime", reactor), seconds, lambda: None),
            )
            booth, board = await enter_booth(setting, home, code, invited, service=service, spread_s=spread_s)
            await serve_page(setting, booth, board, TcpSockets(reactor), watches=watch)
        finally:
            client.close()

    outside.perform(work)
