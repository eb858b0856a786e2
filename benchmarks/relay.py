"""One mix process between real TLS links: packets a second, losses, added latency and memory.

A test network of one mix a layer is started for its keys and its document; then all nodes but the authority and the mix
of layer 2 are stopped, and this process takes the places of that mix's two neighbours. The mix has one core for itself,
the load and the authority have the other.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import msgspec
import psutil
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from benchmarks.report import Figure, barred
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
from loopixmix.testnet.processes import memory_bytes
from loopixmix.wire import Frame, LinkRole

BASE_PORT = 31_000
PLAN = TestnetPlan(
    width=1,
    providers=1,
    base_port=BASE_PORT,
    params=msgspec.structs.replace(FAST_PARAMS, node_loop_rate_per_s=0.001, epoch_length_s=7200),
)
DELAY_MEAN_S = 0.02
BAR_PER_S = 4000
RATES_PER_S = (2000, 4000, 6000, 8000, 10_000, 12_000, 14_000)
SUSTAIN_S = 8.0
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
    ) -> None:
        directory = network.directory / entry.name
        self.entry = entry
        self.observer = Silent()
        self.format = packet_format.frames
        self.mix_keys = [key.private for key in KeyFiles(directory / "keys").load().values()]
        self.received: list[tuple[float, Sequence[bytes]]] = []
        self.links = TlsNetwork(
            identity_key=load_identity(directory / "identity.key"),
            network_id=network_id,
            reception=Reception(self.format, own=LinkRole.MIX, role_of=lambda _: LinkRole.MIX),
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
        """Return frames for the mix and the delay that each asks for; the payload of each is its number."""
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
        return frames, delays_s

    def arrivals_s(self) -> dict[int, float]:
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


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one rate."""

    rate_per_s: float
    sent: int
    arrived: int
    added_s: Sequence[float]
    mix_cpu_share: float

    @property
    def lost(self) -> int:
        return self.sent - self.arrived

    @property
    def sustained(self) -> bool:
        """Nothing was lost and the queue did not grow: the last tenth waited no longer than a tenth of a second."""
        tail = self.added_s[-max(len(self.added_s) // 10, 1) :]
        return self.lost == 0 and statistics.median(tail) < 0.1


def measure() -> list[Figure]:
    """Start everything, try rising rates, and return the figures."""
    found: list[Figure] = []
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as temporary:
        network = TestNetwork.create(Path(temporary) / "net", PLAN)
        try:
            network.start()
            network.wait_until_healthy(timeout_s=90, progress=lambda *_: None)
            mix = _stop_all_but_the_middle(network)
            react_quietly(lambda: _measure(network, mix, found))
        finally:
            network.stop()
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    return found


def react_quietly(body: object) -> None:
    """Run a coroutine function on the reactor; `react` ends by SystemExit."""
    try:
        react(lambda _: Deferred.fromCoroutine(body()))  # type: ignore[operator]
    except SystemExit as end:
        if end.code:
            raise


def _stop_all_but_the_middle(network: TestNetwork) -> psutil.Process:
    """Leave the authority and the mix of layer 2; give that mix core 0 alone and return its process."""
    statuses = network.statuses()
    running = network.processes.running()
    [middle_name] = [name for name, status in statuses.items() if status is not None and status.layer == 2]
    middle = running[middle_name]
    middle.cpu_affinity([0])
    others = []
    for name in statuses:
        if name not in ("authority", middle_name):
            running[name].terminate()
            others.append(running[name])
    psutil.wait_procs(others, timeout=20)
    running["authority"].cpu_affinity([1])
    return middle


def fetch_document(trust_root: TrustRoot, *, now_s: float) -> Document:
    """Return the present document of a network that this process did not join."""
    with urlopen(f"{trust_root.authorities[0].url}/v1/documents/current", timeout=10) as answer:
        return decode_document(answer.read(), trust_root, now_s=now_s)


def listed_mix(document: Document, name: str) -> NodeEntry:
    """Return the node of this name."""
    [entry] = [node for node in document.nodes if node.name == name]
    return entry


async def _measure(network: TestNetwork, mix_process: psutil.Process, found: list[Figure]) -> None:
    trust_root = load_trust_root(network.trust_root)
    document = fetch_document(trust_root, now_s=time.time())
    packet_format = PacketFormat.for_network(document.params, arithmetic=sphinx.load_arithmetic())
    [before], [mix], [after] = (document.layer(number) for number in (1, 2, 3))
    source = Neighbour(network, before, trust_root.network_id, packet_format)
    sink = Neighbour(network, after, trust_root.network_id, packet_format)
    source.links.set_peers({mix.id: PeerAddress(mix.host, mix.port)})
    await sink.links.listen(after.host, after.port)
    while not (source.links.is_open(mix.id) and mix.id in sink.observer.opened):
        await _pause(0.1)
    load = Load(document, mix, sink, packet_format.sphinx)
    await _try(load, source, mix, mix_process, 500, 2.0)
    best = trial = await _try(load, source, mix, mix_process, RATES_PER_S[0], SUSTAIN_S)
    for rate in RATES_PER_S[1:]:
        if not trial.sustained:
            break
        best = trial
        trial = await _try(load, source, mix, mix_process, rate, SUSTAIN_S)
    if trial.sustained:
        best = trial
    at_bar = best if best.rate_per_s >= BAR_PER_S else trial
    half = await _try(load, source, mix, mix_process, best.rate_per_s / 2, SUSTAIN_S)
    half_bar = await _try(load, source, mix, mix_process, BAR_PER_S / 2, SUSTAIN_S)
    added_ms = sorted(seconds * 1000 for seconds in half.added_s)
    added_bar_ms = sorted(seconds * 1000 for seconds in half_bar.added_s)
    found += [
        barred("relay_packets_per_s", best.rate_per_s, "packets/s", bar=BAR_PER_S, better="higher"),
        barred("relay_lost", float(at_bar.lost), "packets", bar=0, better="lower", reference=at_bar.sent),
        Figure(name="relay_cpu_share", value=best.mix_cpu_share, unit="of one core at that rate"),
        barred("added_latency_p50_ms", quantile(added_ms, 0.50), "ms", bar=1.5, better="lower"),
        barred("added_latency_p99_ms", quantile(added_ms, 0.99), "ms", bar=5.0, better="lower"),
        Figure(name="added_latency_at_2000_per_s_p50_ms", value=quantile(added_bar_ms, 0.50), unit="ms"),
        Figure(name="added_latency_at_2000_per_s_p99_ms", value=quantile(added_bar_ms, 0.99), unit="ms"),
        Figure(name="relay_memory_mb", value=memory_bytes(mix_process) / 1e6, unit="MB"),
    ]
    await source.links.stop()
    await sink.links.stop()


async def _try(
    load: Load, source: Neighbour, mix: NodeEntry, process: psutil.Process, rate_per_s: float, seconds: float
) -> Trial:
    """Send packets as a Poisson process of `rate_per_s` for `seconds` and see what arrives."""
    frames, delays_s = load.make(int(rate_per_s * seconds))
    load.arrivals_s()
    gc.collect()
    gc.freeze()  # else our own collector stops the load for longer than a packet takes
    rng = random.Random(3)
    sent_s: list[float] = []
    cpu_before = sum(process.cpu_times()[:2])
    begin_s = due_s = time.time()
    while len(sent_s) < len(frames):
        now_s = time.time()
        while due_s <= now_s and len(sent_s) < len(frames):
            source.links.send(mix.id, frames[len(sent_s)])
            sent_s.append(now_s)
            due_s += rng.expovariate(rate_per_s)
        await _pause(TICK_S)
    spent_s = time.time() - begin_s
    cpu_share = (sum(process.cpu_times()[:2]) - cpu_before) / spent_s
    await _pause(SETTLE_S)
    arrivals_s = load.arrivals_s()
    added_s = [arrivals_s[n] - sent_s[n] - delays_s[n] for n in range(len(frames)) if n in arrivals_s]
    return Trial(
        rate_per_s=len(frames) / spent_s,
        sent=len(frames),
        arrived=len(arrivals_s),
        added_s=added_s,
        mix_cpu_share=cpu_share,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def _pause(seconds: float) -> None:
    await deferLater(reactor, seconds)
