"""A process with the daemons of two fake clients, for the command line to talk to: `python fake_daemons.py DIR`."""

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

TRUST_ROOT = f"""\
name = "fake"
test = true

[[authorities]]
public_key = "{"ab" * 32}"
url = "http://127.0.0.1:9"
"""


class Echo:
    """Answers what it was asked."""

    name = "echo"

    async def answer(self, body: bytes) -> bytes:
        return body


def main(root: Path) -> None:
    """Serve `root/alice`, registered as alice@home, and `root/bob`, not registered, until the process is ended."""
    rng = random.Random(5)
    (root / "network.toml").write_text(TRUST_ROOT)
    network = FakeNetwork(clock=reactor, rng=rng, delay_s=0.2)
    clients = {"alice": network.client("alice@home"), "bob": network.client()}
    network.add_provider("away")
    network.add_service(Echo(), provider="home")
    for name, client in clients.items():
        create_client(root / name, network=root / "network.toml", api_port=0, rng=rng)
        DirectoryLock(root / name / LOCK_FILE).acquire()
        ApiServer(client, directory=root / name, port=0, sockets=TcpSockets(reactor), clock=reactor, rng=rng).start()
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
