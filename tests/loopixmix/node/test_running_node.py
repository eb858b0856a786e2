"""Starting and ending what carries packets: draining, hurrying, links that are missing."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.errors import ListenError, StoreError
from loopixmix.hop.unwrapping import InlineUnwrapping
from loopixmix.net.address import PeerAddress
from loopixmix.node.running_node import NodeParts, NodeService, RunningNode
from loopixmix.node.wiring import make_mix, make_reception, wire_hop
from loopixmix.params import NetworkParams
from loopixmix.routing.path import Neighbourhood
from loopixmix.sphinx import Discard, Hop, Relay, wrap
from loopixmix.wire import LinkRole
from tests.worlds.networks.memory import MemoryNetwork
from tests.worlds.networks.mixes import LIMITS, MixWorld, Recorder
from tests.worlds.networks.models import EPOCH

PARAMS = NetworkParams(delay_mean_s=0.2, node_loop_rate_per_s=1e-6, epoch_length_s=100, grace_s=10)
LISTEN = PeerAddress("127.0.0.1", 30001)


class StartedUnwrapping(InlineUnwrapping):
    """Unwraps at once, and knows whether it would run."""

    running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


class BusyPort(MemoryNetwork):
    """Cannot listen."""

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        failed: Deferred[PeerAddress] = Deferred()
        failed.errback(ListenError(f"cannot listen on {host}:{port}: in use"))
        return failed


class PortAtWork(MemoryNetwork):
    """Notes whether a peer that comes as soon as the port is open would be admitted."""

    admitted: bool | None = None

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        assert self._reception is not None
        self.admitted = self._reception.admits(next(iter(self.peers)))
        return super().listen(host, port)


class Bench:
    """A running mix of the first layer, and packets for it."""

    def __init__(self, *, network_type: type[MemoryNetwork] = MemoryNetwork, params: NetworkParams = PARAMS) -> None:
        self.world = MixWorld(params)
        self.rng = random.Random(3)
        self.me = self.world.model.node("mix11").entry()
        self.next = self.world.model.node("mix21").entry()
        self.recorder = Recorder()
        self.left: list[bytes] = []
        self.world.hub.attach(self.next.id, lambda peer, frames: self.left.extend(frames))
        neighbourhood = Neighbourhood(self.me.id)
        reception = make_reception(self.world.packet_format.frames, LinkRole.MIX, neighbourhood, self.world.clock)
        self.network = network_type(self.world.hub, self.me.id, self.recorder, reception)
        self.unwrapping = StartedUnwrapping(self.world.packet_format.sphinx)
        self.parts = self._parts(neighbourhood)
        self.node = RunningNode(self.parts, unwrapping=self.unwrapping, make_service=make_mix)

    def _parts(self, neighbourhood: Neighbourhood) -> NodeParts:
        world = self.world
        hop = wire_hop(
            neighbourhood,
            keyring=world.keyring(self.me.id),
            frames=world.packet_format.frames,
            unwrapping=self.unwrapping,
            limits=LIMITS,
            clock=world.clock,
            network=self.network,
            observer=self.recorder,
        )
        return NodeParts(
            directory=Path("unused"),
            packet_format=world.packet_format,
            hop=hop,
            loops=LoopSender(
                LoopMaker(self.me.id, world.packet_format, self.rng),
                clock=world.clock,
                network=self.network,
                observer=self.recorder,
            ),
            network=self.network,
            clock=world.clock,
            rng=self.rng,
            observer=self.recorder,
        )

    def start(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.node.start(self.world.model.document, LISTEN))

    def stop(self, drain_s: float) -> Deferred[None]:
        return Deferred.fromCoroutine(self.node.stop(drain_s=drain_s))

    def send(self, delay_us: int) -> None:
        keys = self.world.model.keys
        hops = [
            Hop(keys[self.me.id][EPOCH].public, Relay(self.next.id, delay_us)),
            Hop(keys[self.next.id][EPOCH].public, Discard()),
        ]
        packet = wrap(hops, b"", sphinx=self.world.packet_format.sphinx, rng=self.rng)
        self.world.hub.carry(
            self.world.model.node("provider1").id, self.me.id, self.world.packet_format.frames.packet_frame(packet)
        )
        self.world.clock.advance(0)


def started(bench: Bench) -> Bench:
    assert bench.start().called
    return bench


def test_a_started_node_forwards_and_keeps_links_to_its_next_hops() -> None:
    bench = started(Bench())
    assert bench.unwrapping.running
    assert bench.network.peers == {bench.next.id: PeerAddress(bench.next.host, bench.next.port)}
    assert bench.node.link_problem() is None
    bench.send(100_000)
    bench.world.run(0.2)
    assert len(bench.left) == 1
    assert bench.stop(0.0).called
    assert not bench.unwrapping.running
    assert bench.world.clock.getDelayedCalls() == []


def test_a_node_listens_when_it_knows_its_neighbours_and_not_before() -> None:
    bench = started(Bench(network_type=PortAtWork))
    assert isinstance(bench.network, PortAtWork)
    assert bench.network.admitted
    assert bench.stop(0.0).called


def test_at_the_end_what_waits_may_leave_and_nothing_new_comes_in() -> None:
    bench = started(Bench())
    bench.send(300_000)
    bench.send(900_000)
    stopped = bench.stop(5.0)
    bench.send(10_000)
    bench.world.run(0.5)
    assert (len(bench.left), stopped.called) == (1, False)
    bench.world.run(0.5)
    assert (len(bench.left), stopped.called) == (2, True)
    assert bench.world.clock.getDelayedCalls() == []


def test_a_node_that_waits_for_its_last_packets_sends_no_loops_meanwhile() -> None:
    bench = started(Bench(params=msgspec.structs.replace(PARAMS, node_loop_rate_per_s=20.0)))
    bench.world.run(2.0)
    assert bench.left
    bench.send(1_000_000)
    bench.world.run(0.01)
    bench.left.clear()
    stopped = bench.stop(5.0)
    bench.world.run(1.1)
    assert stopped.called
    assert len(bench.left) == 1


def test_the_wait_at_the_end_is_bounded() -> None:
    bench = started(Bench())
    bench.send(4_000_000)
    stopped = bench.stop(1.0)
    bench.world.run(1.2)
    assert stopped.called
    assert bench.left == []
    assert bench.world.clock.getDelayedCalls() == []


def test_a_second_signal_ends_the_wait() -> None:
    bench = started(Bench())
    bench.send(4_000_000)
    stopped = bench.stop(5.0)
    bench.world.run(0.1)
    bench.node.hurry()
    assert stopped.called
    assert bench.world.clock.getDelayedCalls() == []


def test_a_missing_link_is_named() -> None:
    bench = started(Bench())
    bench.world.hub.detach(bench.next.id)
    assert (bench.node.link_problem() or "").startswith("no link to mix21 at ")
    bench.stop(0.0)


def test_a_port_in_use_ends_the_start_and_the_rest_can_be_stopped() -> None:
    bench = Bench(network_type=BusyPort)
    failures: list[Failure] = []
    bench.start().addErrback(failures.append)
    assert [failure.type for failure in failures] == [ListenError]
    assert bench.stop(0.0).called
    assert bench.world.clock.getDelayedCalls() == []


def test_a_service_that_cannot_be_made_ends_the_start() -> None:
    bench = Bench()

    async def fail(parts: NodeParts) -> NodeService:
        raise StoreError("mailboxes are damaged")

    bench.node = RunningNode(bench.parts, unwrapping=bench.unwrapping, make_service=fail)
    failures: list[Failure] = []
    bench.start().addErrback(failures.append)
    assert [failure.type for failure in failures] == [StoreError]
    assert bench.node.link_problem() is None
    assert bench.stop(0.0).called
    assert bench.world.clock.getDelayedCalls() == []


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
def test_links_of_the_epochs_around_are_kept(epoch: int) -> None:
    bench = started(Bench())
    moved = bench.world.model.node("mix31")
    nodes = tuple(
        msgspec.structs.replace(node, layer={2: 3, 3: 2}.get(node.layer or 0, node.layer))
        for node in bench.world.model.document.nodes
    )
    bench.node.prepare(msgspec.structs.replace(bench.world.model.document, epoch=epoch, nodes=nodes))
    assert set(bench.network.peers) == {bench.next.id, moved.id}
    bench.stop(0.0)
