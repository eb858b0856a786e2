"""The voter's page of an election on a network in memory, whose time passes quickly.

`python -m tests.worlds.web.voting_page DIRECTORY` prints a one-time link for each line that it reads.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from twisted.internet import reactor, stdio
from twisted.internet.task import LoopingCall

from loopixmix.net.sockets import TcpSockets
from loopixmix.web.visiting.server import PageServer
from tests.worlds.voting import VotingWorld
from tests.worlds.web.gallery import Asked
from votes.voting.page.pages import VotingPages

TICK_S = 0.05
HURRY = 20_000.0
"""So many seconds of the election pass in one of the browser's: it closes after some five."""


def main() -> None:
    """Serve until standard input ends."""
    world = VotingWorld(Path(sys.argv[1]))
    booth, board = world.booth(0), world.questions(world.client())
    server = PageServer(
        sockets=TcpSockets(reactor), clock=reactor, rng=random.SystemRandom(), how=lambda name: f"Ask for {name}."
    )
    server.start()
    server.add("election", VotingPages(booth, board, clock=world.clock))

    def pass_time() -> None:
        # Only once a ballot is on its way: a reader takes time.
        if booth.home.ballots():
            world.clock.advance(TICK_S * HURRY)

    LoopingCall(pass_time).start(TICK_S)
    stdio.StandardIO(Asked(lambda: server.link("election")))
    reactor.run()


if __name__ == "__main__":
    main()
