"""A mix that moves to another layer when an epoch begins: nothing is lost, and its old rights end."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from loopixmix.directory import Document
from loopixmix.drops import DropReason
from loopixmix.params import NetworkParams
from loopixmix.routing.path import choose_path, deliver_to, draw_delays_s, hops_for
from loopixmix.seams import PacketIn
from loopixmix.sphinx import wrap
from tests.worlds.networks.mixes import MixWorld, RunningMix
from tests.worlds.networks.models import EPOCH
from tests.worlds.networks.providers import RunningProvider

# Loops are rare here, so that every packet is one of the test's.
PARAMS = NetworkParams(delay_mean_s=0.2, node_loop_rate_per_s=1e-6, epoch_length_s=100, grace_s=10)
PACKETS = 400
LOAD_S = 8.0


class Edge:
    """A network of two mixes a layer around the edge of an epoch, at which mix11 and mix31 change places."""

    def __init__(self, directory: Path) -> None:
        self.world = MixWorld(PARAMS, mixes_per_layer=2, latency_s=0.02)
        self.rng = random.Random(5)
        self.mixes = {name: self.world.mix(name) for name in ("mix11", "mix12", "mix21", "mix22", "mix31", "mix32")}
        self.provider = RunningProvider(self.world, "provider1", directory)
        self.now = self.world.model.document
        self.edge_s = float((EPOCH + 1) * PARAMS.epoch_length_s)
        self.next = msgspec.structs.replace(
            swapped(self.now, "mix11", "mix31"), epoch=EPOCH + 1, valid_from_s=int(self.edge_s)
        )
        self.recipients: list[bytes] = []
        for node in self.nodes:
            node.adopt(self.now)
            node.start()
        self.sender_document = self.now

    @property
    def nodes(self) -> tuple[RunningMix | RunningProvider, ...]:
        return (*self.mixes.values(), self.provider)

    def turn_over(self) -> None:
        """Let each node fetch the next document at a time of its own, and take it up by a clock of its own."""
        call_later, now_s = self.world.clock.callLater, self.world.clock.seconds()
        for node in self.nodes:
            call_later(self.edge_s - 20 + 15 * self.rng.random() - now_s, node.prepare, self.next)
            call_later(self.edge_s + self.rng.uniform(-1, 1) - now_s, node.adopt, self.next)
        call_later(self.edge_s + 0.5 - now_s, self._sender_adopts)

    def load(self) -> None:
        """Send packets at random times from before the edge to after it."""
        now_s = self.world.clock.seconds()
        for number in range(PACKETS):
            at_s = self.edge_s + self.rng.uniform(-LOAD_S, LOAD_S)
            self.world.clock.callLater(at_s - now_s, self.send, number.to_bytes(32))

    def send(self, recipient: bytes) -> None:
        document, me = self.sender_document, self.provider.identity
        path = choose_path(document, entry=me, exit=me, rng=self.rng)
        delays_s = draw_delays_s(len(path) - 1, PARAMS, self.rng)
        payload = recipient.ljust(self.world.geometry.payload_bytes, b"\0")
        final = deliver_to(recipient, payload, None)
        hops = hops_for(document, path, final, delays_s, start_s=self.world.clock.seconds())
        self.recipients.append(recipient)
        self.provider.service.hop.inject([wrap(hops, payload, sphinx=self.world.packet_format.sphinx, rng=self.rng)])

    def _sender_adopts(self) -> None:
        # A sender whose clock is behind: nodes that are ahead still get paths by the old document from it.
        self.sender_document = self.next

    @property
    def arrived(self) -> int:
        """How many packets came to the end of their paths: the provider has no mailbox for any of them."""
        return self.provider.service.deliveries.counts.unknown

    def drops(self) -> list[DropReason]:
        return [reason for node in self.nodes for reason in node.recorder.drops]

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


def swapped(document: Document, one: str, other: str) -> Document:
    places = {node.name: node.layer for node in document.nodes}
    places[one], places[other] = places[other], places[one]
    nodes = tuple(msgspec.structs.replace(node, layer=places[node.name]) for node in document.nodes)
    return msgspec.structs.replace(document, nodes=nodes)


def test_a_mix_that_moves_at_an_epoch_edge_under_load_loses_nothing(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.turn_over()
    edge.load()
    edge.world.run(edge.edge_s + LOAD_S + 30 - edge.world.clock.seconds())
    assert edge.drops() == []
    assert [node.recorder.refusals for node in edge.nodes] == [[]] * len(edge.nodes)
    assert len(edge.recipients) == PACKETS
    assert edge.arrived == PACKETS
    # The mix that moved was at work in both places: it took packets from both of its predecessors.
    took_from = {fact.peer for fact in edge.mixes["mix11"].recorder.of(PacketIn) if isinstance(fact, PacketIn)}
    assert took_from == {edge.provider.identity, *(edge.world.model.node(name).id for name in ("mix21", "mix22"))}
    edge.stop()


def test_when_packets_of_the_old_epoch_have_arrived_its_order_counts_no_longer(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.turn_over()
    edge.world.run(edge.edge_s + PARAMS.grace_s + 5 - edge.world.clock.seconds())
    edge.send(b"by the new document".ljust(32))
    edge.sender_document = edge.now
    for number in range(20):
        edge.send(b"by the old one".ljust(31) + bytes([number]))
    edge.world.run(30.0)
    # Every path by the old document that takes a mix that has moved ends there; the others hold as before.
    assert set(edge.drops()) == {DropReason.UNKNOWN_PREVIOUS_HOP}
    assert edge.arrived + len(edge.drops()) == 21
    assert 1 <= edge.arrived < 21
    edge.stop()
