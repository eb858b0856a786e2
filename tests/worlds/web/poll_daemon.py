"""A process with the daemon of a fake client and the poll of docs/examples: `python -m ... DIR`.

The package of the poll seems to be installed. Its service answers after half a second, as through a network.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from twisted.internet import reactor

from client.directory.configuration import create_client
from client.http.endpoint import LOCK_FILE
from client.http.serving.server import ApiServer
from client.testing import FakeNetwork
from loopixmix.net.sockets import TcpSockets
from loopixmix.process.files import DirectoryLock
from loopixmix.web.pages import PAGES_GROUP
from provider.api import ServiceContext
from tests.worlds.clients.fake_daemons import TRUST_ROOT
from tests.worlds.web.installed import write_package

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "poll"
SETTINGS = {
    "question": "What shall we build?",
    "options": ["A playground behind the old fire station", "More trees", "A bicycle road to the railway station"],
}


class NoKeys:
    """The cards of a provider that has none."""

    async def card(self, name: str) -> bytes:
        return b""

    async def publish(self, publish: object) -> bool:
        return False


def main(root: Path) -> None:
    """Serve `root/alice` until the process is ended."""
    write_package(root / "packages", PAGES_GROUP, {"poll": "poll_page:PollPages"})
    sys.path[:0] = [str(root / "packages"), str(EXAMPLE)]
    from poll_service import Poll

    rng = random.SystemRandom()
    (root / "network.toml").write_text(TRUST_ROOT)
    network = FakeNetwork(clock=reactor, rng=random.Random(5), delay_s=0.25)
    context = ServiceContext(
        provider=bytes(32), directory=root, clock=reactor, rng=rng, keys=NoKeys(), settings=SETTINGS
    )
    alice = network.client("alice@home")
    network.add_service(Poll(context), provider="home")
    create_client(root / "alice", network=root / "network.toml", api_port=0, rng=rng)
    DirectoryLock(root / "alice" / LOCK_FILE).acquire()
    ApiServer(alice, directory=root / "alice", port=0, sockets=TcpSockets(reactor), clock=reactor, rng=rng).start()
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
