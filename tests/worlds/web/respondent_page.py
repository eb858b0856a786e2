"""The respondent's pages on a network in memory, whose time passes quickly.

`python -m tests.worlds.web.respondent_page DIRECTORY [invited]` prints a one-time link for each line that it reads.
With `invited` the invitation to a survey with all kinds of questions is taken already; it stands in the file
`invitation` of the directory.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from twisted.internet import reactor, stdio
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from loopixmix.net.sockets import TcpSockets
from loopixmix.web.visiting.server import PageServer
from stats.answer.page.pages import RespondentPages
from stats.questionnaire.questionnaire import Periods
from tests.worlds.stats.respondents import ALL_KINDS, RespondentWorld, new_questionnaire
from tests.worlds.web.gallery import Asked

TICK_S = 0.05
HURRY, LITTLE = 60_000.0, 20.0
"""So many seconds of the survey pass in one of the browser's, while reports are on their way, and otherwise."""


def main() -> None:
    """Serve until standard input ends."""
    path = Path(sys.argv[1])
    everything = new_questionnaire(*ALL_KINDS, name="everything", periods=Periods(length_s=5 * 86_400, count=2))
    world = RespondentWorld(path, everything)
    (path / "invitation").write_text(world.invitation().encode())
    person = world.person()
    if "invited" in sys.argv:
        person.join()
    server = PageServer(
        sockets=TcpSockets(reactor), clock=reactor, rng=random.SystemRandom(), how=lambda name: f"Ask for {name}."
    )
    server.start()
    server.add("surveys", RespondentPages(person.desk, clock=world.clock, rng=random.SystemRandom()))
    reports = [0]

    async def move() -> None:
        # Only once reports are on their way: a reader takes time.
        ended = await person.desk.advance()
        reports[0] = 0 if ended else reports[0] + 1
        world.pass_s(TICK_S * HURRY if not ended and reports[0] > 20 else TICK_S * LITTLE)

    def pass_time() -> Deferred[None]:
        return Deferred.fromCoroutine(move())

    LoopingCall(pass_time).start(TICK_S)
    stdio.StandardIO(Asked(lambda: server.link("surveys")))
    reactor.run()


if __name__ == "__main__":
    main()
