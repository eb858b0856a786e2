"""The dashboard with surveys of all kinds, served on loopback.

`python -m tests.worlds.stats_dashboard_server` prints its address, a name and a password, for each line that it reads.
"""

from __future__ import annotations

import random
import socket
from contextlib import closing

from twisted.internet import reactor, stdio
from twisted.internet.threads import deferToThread

from loopixmix.web.visiting.policy import WebOrigin
from stats.analysts.rights import AnalystRight
from stats.dashboard.face import DashboardParts, dashboard_factory
from tests.worlds.stats_dashboard import DashboardWorld, fill
from tests.worlds.web.gallery import Asked


def main() -> None:
    """Serve until standard input ends."""
    world = DashboardWorld()
    fill(world)
    password = world.book.add("ada", list(AnalystRight))
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    origin = WebOrigin.parse(f"http://collector.localhost:{port}")
    parts = DashboardParts(world.view, world.columns, world.data_sets, world.book)
    factory = dashboard_factory(
        parts, origin=origin, in_thread=deferToThread, clock=world.clock, rng=random.SystemRandom()
    )
    reactor.listenTCP(port, factory, interface="127.0.0.1")
    stdio.StandardIO(Asked(lambda: f"{origin} ada {password}"))
    reactor.run()


if __name__ == "__main__":
    main()
