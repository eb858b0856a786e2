"""What these measurements stand on: a test network of which few nodes run, and this process in the places of others.

A network is started for its keys and its document; then most of its nodes are stopped. This process takes the places of
those that are neighbours of a node that is measured: it sends that node packets, and sees what comes out of it.
"""

from __future__ import annotations

import gc
import os
import random
import tempfile
import time
import tomllib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import psutil
import tomli_w
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from loopixmix import sphinx
from loopixmix.config import load_trust_root
from loopixmix.directory import Document, NodeEntry, TrustRoot, decode_document
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.net.links.tls import LinkLimits, PeerAddress, TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import TcpSockets
from loopixmix.process.files import load_identity
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Fact, Identity, LinkOpened, PacketDropped
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan
from loopixmix.wire import Frame, LinkRole

BASE_PORT = 31_000
PLAN = TestnetPlan(
    width=1,
    providers=1,
    base_port=BASE_PORT,
    # Loops of the nodes would go to mixes that are not there. An epoch that ends while packets are under way would take
    # their keys: this one ends on Wednesday night.
    params=msgspec.structs.replace(FAST_PARAMS, node_loop_rate_per_s=0.001, epoch_length_s=604_800),
)
DELAY_MEAN_S = 0.02
SETTLE_S = 1.5
TICK_S = 0.002


class Silent:
    """An observer that remembers what was dropped on our own side and which links opened."""

    def __init__(self) -> None:
        self.dropped = 0
        self.opened: set[Identity] = set()

    def observe(self, fact: Fact) -> None:
        match fact:
            case PacketDropped():
                self.dropped += 1
            case LinkOpened():
                self.opened.add(fact.peer)
            case _:
                pass


class Neighbour:
    """The place of a stopped node, taken by this process."""

    def __init__(
        self,
        network: TestNetwork,
        entry: NodeEntry,
        network_id: bytes,
        packet_format: PacketFormat,
        *,
        queue_frames: int = 20_000,
        role: LinkRole = LinkRole.MIX,
        peers: LinkRole = LinkRole.MIX,
    ) -> None:
        """Take the place of the node `entry`, whose role on its links is `role`, and that of all its peers `peers`."""
        directory = network.directory / entry.name
        self.entry = entry
        self.observer = Silent()
        self.format = packet_format.frames
        self.mix_keys = [key.private for key in KeyFiles(directory / "keys").load().values()]
        self.received: list[tuple[float, Sequence[bytes]]] = []
        self.links = TlsNetwork(
            identity_key=load_identity(directory / "identity.key"),
            network_id=network_id,
            reception=Reception(self.format, own=role, role_of=lambda _: peers),
            limits=LinkLimits(queue_frames=queue_frames),
            sockets=TcpSockets(reactor),
            clock=reactor,
            rng=random.Random(1),
            observer=self.observer,
        )
        self.links.start(self._take)

    def _take(self, _: Identity, packets: Sequence[bytes], _frames: Sequence[Frame]) -> None:
        self.received.append((time.time(), packets))


class Load:
    """Packets for the mix, made ahead, and what became of each."""

    def __init__(
        self, document: Document, mix: NodeEntry, sink: Neighbour, packets: sphinx.Sphinx, *, seed: int = 2
    ) -> None:
        self._document = document
        self._mix = mix
        self._sink = sink
        self._sphinx = packets
        self._rng = random.Random(seed)

    def make(self, count: int, *, first: int = 0) -> tuple[list[bytes], list[float]]:
        """Return frames for the mix and the delay that each asks for; the payload of each is its number.

        What came before is forgotten.
        """
        document, epoch, sink = self._document, self._document.epoch, self._sink
        frames, delays_s = [], []
        for number in range(first, first + count):
            delay_us = int(self._rng.expovariate(1 / DELAY_MEAN_S) * 1e6)
            hops = [
                sphinx.Hop(document.mix_key(self._mix.id, epoch), sphinx.Relay(sink.entry.id, delay_us)),
                sphinx.Hop(document.mix_key(sink.entry.id, epoch), sphinx.Deliver(bytes(32))),
            ]
            packet = sphinx.wrap(hops, number.to_bytes(4, "big"), sphinx=self._sphinx, rng=self._rng)
            frames.append(sink.format.packet_frame(packet))
            delays_s.append(delay_us / 1e6)
        sink.received.clear()
        gc.collect()
        gc.freeze()  # else our own collector stops the load for longer than a packet takes
        return frames, delays_s

    async def added_s(self, sent_s: Sequence[float], delays_s: Sequence[float]) -> list[float | None]:
        """Return, once all has come, how much later than its delay each packet did; None for one that was lost."""
        await pause(SETTLE_S)
        came_s = self._arrivals_s()
        return [came_s[n] - sent_s[n] - delays_s[n] if n in came_s else None for n in range(len(sent_s))]

    def _arrivals_s(self) -> dict[int, float]:
        """Open what the sink got: when each packet arrived, by its number."""
        found: dict[int, float] = {}
        for at_s, packets in self._sink.received:
            for unwrapped in sphinx.unwrap_many(self._sink.mix_keys, packets, sphinx=self._sphinx):
                if isinstance(unwrapped, sphinx.Unwrapped) and _is_ours(unwrapped):
                    content = sphinx.open_payload(unwrapped.payload_key, unwrapped.body, sphinx=self._sphinx)
                    found[int.from_bytes(content.payload, "big")] = at_s
        self._sink.received.clear()
        return found


def _is_ours(unwrapped: sphinx.Unwrapped) -> bool:
    """Tell the load from the mix's own loops, which pass the sink on their way."""
    return isinstance(sphinx.decode_command(unwrapped.command), sphinx.Deliver)


class MixAlone(msgspec.Struct, frozen=True):
    """A mix that runs with none of its neighbours: the names of those, and its own."""

    network: TestNetwork
    before: Sequence[str]
    name: str
    after: Sequence[str]

    @property
    def process(self) -> psutil.Process:
        """The mix's process."""
        return self.network.processes.running()[self.name]

    @property
    def directory(self) -> Path:
        """Where the mix keeps its files."""
        return self.network.directory / self.name


@contextmanager
def mix_alone(plan: TestnetPlan, *, engine: str = "auto") -> Iterator[MixAlone]:
    """Start a network and leave of it a mix of layer 2, which has core 0 for itself. This process has the other core.

    `engine`: what the mix unwraps with. The authority goes on, too, on the other core.
    """
    with (
        tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as temporary,
        started(Path(temporary), plan, engine=engine) as network,
    ):
        layers: dict[int | None, list[str]] = {}
        for name, status in network.statuses().items():
            if status is not None:
                layers.setdefault(status.layer, []).append(name)
        name = layers[2][0]
        leave(network, name)
        yield MixAlone(network, layers[1], name, layers[3])


@contextmanager
def started(directory: Path, plan: TestnetPlan, *, engine: str = "auto") -> Iterator[TestNetwork]:
    """Run a network in `directory`, whose nodes unwrap with `engine`; it and this process have core 1 alone."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    network = TestNetwork.create(directory / "net", plan)
    for path in network.directory.glob("*/node.toml"):
        config = tomllib.loads(path.read_text())
        config["work"] = {**config.get("work", {}), "engine": engine}
        path.write_text(tomli_w.dumps(config))
    try:
        network.start()
        network.wait_until_healthy(timeout_s=90, progress=lambda *_: None)
        yield network
    finally:
        network.stop()
        os.sched_setaffinity(0, cores)


def leave(network: TestNetwork, *names: str) -> None:
    """Stop all nodes but the authority and those with these names, which get core 0."""
    running = network.processes.running()
    others = [process for name, process in running.items() if name not in ("authority", *names)]
    for process in others:
        process.terminate()
    psutil.wait_procs(others, timeout=20)
    for name in names:
        pin(running[name], core=0)


def pin(process: psutil.Process, *, core: int) -> None:
    """Give a process one core alone, with all its threads: `cpu_affinity` moves only the first."""
    for thread in process.threads():
        os.sched_setaffinity(thread.id, {core})


class Surroundings:
    """A mix between two neighbours, whose places this process takes."""

    def __init__(self, mix: NodeEntry, source: Neighbour, sink: Neighbour, load: Load) -> None:
        """`source` sends the packets that `load` makes to `mix`, which sends them to `sink`."""
        self.load = load
        self._mix = mix
        self._source = source
        self._sink = sink

    @classmethod
    async def link(cls, alone: MixAlone) -> Surroundings:
        """Take the places and open links in both directions."""
        network = alone.network
        trust_root = load_trust_root(network.trust_root)
        document = fetch_document(trust_root, now_s=time.time())
        packet_format = PacketFormat.for_network(document.params, arithmetic=sphinx.load_arithmetic())
        before, mix, after = (listed_mix(document, name) for name in (alone.before[0], alone.name, alone.after[0]))
        source = Neighbour(network, before, trust_root.network_id, packet_format)
        sink = Neighbour(network, after, trust_root.network_id, packet_format)
        source.links.set_peers({mix.id: PeerAddress(mix.host, mix.port)})
        await sink.links.listen(after.host, after.port)
        while not (source.links.is_open(mix.id) and mix.id in sink.observer.opened):
            await pause(0.1)
        return cls(mix, source, sink, Load(document, mix, sink, packet_format.sphinx))

    async def send(self, frames: Sequence[bytes], *, rate_per_s: float) -> list[float]:
        """Send packets as a Poisson process, and return when each was sent."""
        rng = random.Random(3)
        sent_s: list[float] = []
        due_s = time.time()
        while len(sent_s) < len(frames):
            now_s = time.time()
            while due_s <= now_s and len(sent_s) < len(frames):
                self._source.links.send(self._mix.id, frames[len(sent_s)])
                sent_s.append(now_s)
                due_s += rng.expovariate(rate_per_s)
            await pause(TICK_S)
        return sent_s

    async def stop(self) -> None:
        """Close the links."""
        await self._source.links.stop()
        await self._sink.links.stop()


def react_quietly(body: Callable[[], Coroutine[Deferred[Any], Any, None]]) -> None:
    """Run a coroutine function on the reactor; `react` ends by SystemExit."""
    try:
        react(lambda _: Deferred.fromCoroutine(body()))
    except SystemExit as end:
        if end.code:
            raise


def fetch_document(trust_root: TrustRoot, *, now_s: float) -> Document:
    """Return the present document of a network that this process did not join."""
    with urlopen(f"{trust_root.authorities[0].url}/v1/documents/current", timeout=10) as answer:
        return decode_document(answer.read(), trust_root, now_s=now_s)


def listed_mix(document: Document, name: str) -> NodeEntry:
    """Return the node of this name."""
    [entry] = [node for node in document.nodes if node.name == name]
    return entry


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of values in rising order."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def pause(seconds: float) -> None:
    """Let the reactor run for a while."""
    await deferLater(reactor, seconds)
