"""`python -m benchmarks.flooding`: a neighbour of a mix that floods it, in a process of its own.

It reads its orders from standard input, one a line: when to begin, for how long, and how many packets a second.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from benchmarks.neighbours import TICK_S, Load, Neighbour, fetch_document, listed_mix
from loopixmix import sphinx
from loopixmix.config import load_trust_root
from loopixmix.net.address import PeerAddress
from loopixmix.routing.packets import PacketFormat
from loopixmix.testnet.network import TestNetwork

PACKETS = 5000
"""So many are made. Later they come again: unwrapping a replay takes as long as a new packet."""
FIRST_NUMBER = 1 << 31
"""The payload of each is its number. Those of the honest neighbour begin at 0."""
QUEUE_FRAMES = 1000
NICE = 5
"""The honest neighbour runs on the same core, and is to have it when it wants it."""


async def flood(directory: Path, own: str, middle: str, after: str) -> None:
    """Take the place of the mix `own` before the mix `middle`, and flood it as ordered; `after`: where packets go."""
    network = TestNetwork(directory)
    trust_root = load_trust_root(network.trust_root)
    document = fetch_document(trust_root, now_s=time.time())
    packet_format = PacketFormat.for_network(document.params, arithmetic=sphinx.load_arithmetic())
    mix = listed_mix(document, middle)
    # A short queue, so that the flood ends when it is to end.
    source = Neighbour(
        network, listed_mix(document, own), trust_root.network_id, packet_format, queue_frames=QUEUE_FRAMES
    )
    sink = Neighbour(network, listed_mix(document, after), trust_root.network_id, packet_format)
    frames, _ = Load(document, mix, sink, packet_format.sphinx, seed=5).make(PACKETS, first=FIRST_NUMBER)
    source.links.set_peers({mix.id: PeerAddress(mix.host, mix.port)})
    while not source.links.is_open(mix.id):
        await deferLater(reactor, 0.1)
    print("ready", flush=True)
    while order := (await deferToThread(sys.stdin.readline)).split():
        begin_s, span_s, rate_per_s = map(float, order)
        await deferLater(reactor, max(0.0, begin_s - time.time()))
        sent, began_s = 0, time.time()
        while (passed_s := time.time() - began_s) < span_s:
            for number in range(sent, int(passed_s * rate_per_s)):
                source.links.send(mix.id, frames[number % PACKETS])
            sent = int(passed_s * rate_per_s)
            await deferLater(reactor, TICK_S)
        print(f"{sent - source.observer.dropped} {time.time()}", flush=True)
        source.observer.dropped = 0
    await source.links.stop()


if __name__ == "__main__":
    os.nice(NICE)
    _, directory, *names = sys.argv
    react(lambda _: Deferred.fromCoroutine(flood(Path(directory), *names)))
