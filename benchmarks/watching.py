"""`python -m benchmarks.watching`: a process in the place of a provider, which notes when pulls come from a client.

It is a process of its own, which does nothing else: what the measuring program does is not to be measured. Pulls are
answered by as many dummies as they ask for. Packets end here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from twisted.internet.defer import Deferred

from benchmarks.neighbours import Neighbour, fetch_document, listed_mix, react_quietly
from loopixmix import sphinx
from loopixmix.config import load_trust_root
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Identity
from loopixmix.testnet.network import TestNetwork
from loopixmix.wire import Frame, Item, ItemKind, LinkRole, Pull

QUEUE_FRAMES = 1000


class Watch:
    """Notes each pull that comes, and answers it."""

    def __init__(self, place: Neighbour, *, pull_batch: int, body_bytes: int, out: TextIO) -> None:
        """`place`: of the provider. `pull_batch`: how many items answer a pull. `out`: gets a line for each pull."""
        self._links = place.links
        self._format = place.format
        self._pull_batch = pull_batch
        self._body = bytes(body_bytes)
        self._out = out
        self._links.start(self._take)

    def _take(self, peer: Identity, _packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        now_s = time.monotonic()
        for frame in frames:
            if isinstance(frame, Pull):
                self._out.write(f"{now_s}\n")
                self._links.vouch(peer, queue_frames=QUEUE_FRAMES)
                item = self._format.encode(Item(frame.request_id, 0, ItemKind.DUMMY, bytes(8), self._body))
                for _ in range(self._pull_batch):
                    self._links.send(peer, item)


async def watch(directory: Path, name: str, out: TextIO) -> None:
    """Take the place of the provider `name` of a test network, for as long as the process lives."""
    network = TestNetwork(directory)
    trust_root = load_trust_root(network.trust_root)
    document = fetch_document(trust_root, now_s=time.time())
    packet_format = PacketFormat.for_network(document.params, arithmetic=sphinx.load_arithmetic())
    entry, peers = listed_mix(document, name), LinkRole.CLIENT
    place = Neighbour(network, entry, trust_root.network_id, packet_format, role=LinkRole.PROVIDER, peers=peers)
    Watch(place, pull_batch=document.params.pull_batch, body_bytes=packet_format.geometry.body_bytes, out=out)
    await place.links.listen(entry.host, entry.port)
    await Deferred()


if __name__ == "__main__":
    _, where, who, written_to = sys.argv
    with Path(written_to).open("w", buffering=1) as file:
        react_quietly(lambda: watch(Path(where), who, file))
