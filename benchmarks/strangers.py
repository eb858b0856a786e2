"""What one link costs a provider whose peer has an account and does not read: memory of the process, and the kernel's.

Links are made by a process of its own, which is stopped once all are open. Then each link is sent frames until it takes
no more.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from benchmarks.neighbours import pause, react_quietly
from benchmarks.report import Figure, barred, tell
from loopixmix import sphinx
from loopixmix.keys import IdentityKey
from loopixmix.net.links.tls import LinkLimits, PeerAddress, TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import TcpSockets
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Fact, Identity, LinkOpened
from loopixmix.testnet.processes import memory_bytes
from loopixmix.wire import LinkRole
from provider.wiring import MIN_QUEUE_FRAMES, QUEUE_PULLS

FIGURES = ("stranger_link_kb",)
BAR_KB = 300.0
LINKS = 100
WARMING = 5
PORT = 21_400
NETWORK_ID = bytes(16)
PARAMS = NetworkParams()
FULL_TURNS = 20
"""So many times in a row no link takes a frame: then all are full."""
SO_MEMINFO = 55
"""Linux's option that tells what a socket takes of the kernel's memory."""
MANY = 10_000


class Openings:
    """An observer that counts the links that opened."""

    def __init__(self) -> None:
        self.peers: list[Identity] = []

    def observe(self, fact: Fact, /) -> None:
        """Take note of a fact."""
        if isinstance(fact, LinkOpened):
            self.peers.append(fact.peer)


def key_of(number: int) -> IdentityKey:
    """Return the identity of the provider (0) or of one of its clients."""
    return IdentityKey(number.to_bytes(32))


def network_of(number: int, packet_format: PacketFormat, openings: Openings) -> TlsNetwork:
    """Return the network of the provider or of one of its clients."""
    own, other = (LinkRole.CLIENT, LinkRole.PROVIDER) if number else (LinkRole.PROVIDER, LinkRole.CLIENT)
    network = TlsNetwork(
        identity_key=key_of(number),
        network_id=NETWORK_ID,
        reception=Reception(packet_format.frames, own=own, role_of=lambda _: other),
        # All come from one address here.
        limits=LinkLimits(max_strangers_per_address=MANY, handshakes_per_address_burst=MANY),
        sockets=TcpSockets(reactor),
        clock=reactor,
        rng=random.Random(number),
        observer=openings,
    )
    network.start(lambda *_: None)
    return network


def measure() -> Sequence[Figure]:
    """Open the links, fill them and return what each takes."""
    found: list[Figure] = []
    react_quietly(lambda: _measure(found))
    return found


async def _measure(found: list[Figure]) -> None:
    packet_format = PacketFormat.for_network(PARAMS, arithmetic=sphinx.load_arithmetic())
    openings = Openings()
    provider = network_of(0, packet_format, openings)
    await provider.listen("127.0.0.1", PORT)
    clients: list[subprocess.Popen[bytes]] = []
    try:
        # What is loaded and allotted once is not the cost of a link.
        clients.append(await _open(openings, 1, WARMING))
        _fill(provider, packet_format, openings.peers)
        await pause(1.0)
        before = _own_bytes()
        clients.append(await _open(openings, 1 + WARMING, LINKS))
        peers = openings.peers[WARMING:]
        clients[1].send_signal(signal.SIGSTOP)
        full = 0
        while full < FULL_TURNS:
            full = 0 if _fill(provider, packet_format, peers) else full + 1
            await pause(0.05)
        kb = (_own_bytes() - before + _kernel_bytes(peers_from=WARMING)) / LINKS / 1000
        tell(f"{LINKS} links that take nothing any more: {kb:.0f} kB each")
        found.append(barred("stranger_link_kb", round(kb, 1), "kB", bar=BAR_KB, better="lower"))
    finally:
        for each in clients:
            each.kill()
            each.wait()
        await provider.stop()


def _fill(provider: TlsNetwork, packet_format: PacketFormat, peers: Sequence[Identity]) -> int:
    """Send each peer a frame, and return how many were taken."""
    queue_frames = max(MIN_QUEUE_FRAMES, QUEUE_PULLS * PARAMS.pull_batch)
    taken = 0
    for peer in peers:
        provider.vouch(peer, queue_frames=queue_frames)
        packet = random.randbytes(packet_format.geometry.packet_bytes)
        taken += provider.send(peer, packet_format.frames.packet_frame(packet))
    return taken


async def _open(openings: Openings, first: int, count: int) -> subprocess.Popen[bytes]:
    client = subprocess.Popen([sys.executable, "-P", "-m", "benchmarks.strangers", str(first), str(count)])
    wanted = len(openings.peers) + count
    while len(openings.peers) < wanted:
        await pause(0.05)
    return client


def _own_bytes() -> int:
    gc.collect()
    return memory_bytes(psutil.Process())


def _kernel_bytes(*, peers_from: int) -> int:
    """Return what the kernel holds for the connections to this process, without the first ones."""
    taken = []
    for descriptor in sorted(int(path.name) for path in Path("/proc/self/fd").iterdir()):
        try:
            with socket.socket(fileno=os.dup(descriptor)) as one:
                if one.family == socket.AF_INET and one.getsockname()[1] == PORT and one.getpeername():
                    told = memoryview(one.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)).cast("I")
                    taken.append(told[0] + told[5])  # what waits to be read, and what waits to be sent
        except OSError:
            continue
    return sum(taken[peers_from:])


def dial(first: int, count: int) -> None:
    """Be clients, one after the other, until somebody ends the process."""
    packet_format = PacketFormat.for_network(PARAMS, arithmetic=sphinx.load_arithmetic())

    async def body() -> None:
        for number in range(first, first + count):
            openings = Openings()
            network = network_of(number, packet_format, openings)
            network.set_peers({key_of(0).public: PeerAddress("127.0.0.1", PORT)})
            while not openings.peers:
                await pause(0.01)
        await Deferred()

    react_quietly(body)


if __name__ == "__main__":
    dial(int(sys.argv[1]), int(sys.argv[2]))
