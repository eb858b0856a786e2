"""A hop joins intake, decisions and departures; each packet ends in one fact or one pair of facts."""

from __future__ import annotations

import random
from collections.abc import Sequence

from twisted.internet.task import Clock

from loopixmix.drops import DropReason
from loopixmix.hop.mixing import Arrived
from loopixmix.hop.service import HopService
from loopixmix.hop.unwrapping import Done, InlineUnwrapping
from loopixmix.node.wiring import wire_hop
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Identity, PacketDelivered, PacketDropped, PacketIn, PacketOut
from loopixmix.sphinx import Command, Deliver, Discard, Hop, Relay, load_arithmetic, wrap
from tests.worlds.networks.memory_worlds import LIMITS, Recorder
from tests.worlds.networks.models import EPOCH, model_network

PARAMS = NetworkParams(epoch_length_s=100, grace_s=10)
FORMAT = PacketFormat.for_network(PARAMS, arithmetic=load_arithmetic())
NET = model_network(random.Random(1), params=PARAMS, mixes_per_layer=1, providers=1, epoch=EPOCH)
PROVIDER, ME, NEXT = (NET.node(name).id for name in ("provider1", "mix11", "mix21"))


class Ring:
    """The one key of the present epoch, and the tags that it has seen."""

    def __init__(self) -> None:
        self.tags: set[bytes] = set()

    def unwrap_keys(self, now_s: float) -> list[tuple[int, bytes]]:
        return [(EPOCH, NET.keys[ME][EPOCH].private)]

    def judge(self, epoch: int, tag: bytes) -> DropReason | None:
        [reason] = self.judge_many(epoch, [tag])
        return reason

    def judge_many(self, epoch: int, tags: list[bytes]) -> list[DropReason | None]:
        reasons = [DropReason.REPLAY if tag in self.tags else None for tag in tags]
        self.tags.update(tags)
        return reasons


class Wire:
    """A network that keeps what it was handed."""

    def __init__(self) -> None:
        self.sent: list[Identity] = []

    def send(self, peer: Identity, frame: bytes) -> bool:
        self.sent.append(peer)
        return True


class Batches(InlineUnwrapping):
    """Notes how many packets were unwrapped together."""

    def __init__(self) -> None:
        super().__init__(FORMAT.sphinx)
        self.sizes: list[int] = []

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        self.sizes.append(len(packets))
        super().unwrap(private_keys, packets, done)


class Bench:
    def __init__(self) -> None:
        self.unwrapping = Batches()
        self.clock, self.wire, self.recorder = Clock(), Wire(), Recorder()
        self.clock.rightNow = NET.start_s + 1
        self.rng = random.Random(2)
        self.hop: HopService = wire_hop(
            Neighbourhood(ME),
            keyring=Ring(),  # type: ignore[arg-type]
            frames=FORMAT.frames,
            unwrapping=self.unwrapping,
            limits=LIMITS,
            clock=self.clock,
            network=self.wire,
            observer=self.recorder,
        )
        self.arrived: list[Arrived] = []
        self.answer: DropReason | None = None
        self.hop.adopt(NET.document)
        self.hop.start(self.take)

    def take(self, arrived: Arrived) -> DropReason | None:
        self.arrived.append(arrived)
        return self.answer

    def packet(self, command: Command) -> bytes:
        hops = [Hop(NET.keys[ME][EPOCH].public, command)]
        if isinstance(command, Relay):
            hops.append(Hop(NET.keys[NEXT][EPOCH].public, Discard()))
        return wrap(hops, b"", sphinx=FORMAT.sphinx, rng=self.rng)


def test_a_packet_goes_in_waits_and_goes_out() -> None:
    bench = Bench()
    bench.hop.take(PROVIDER, [bench.packet(Relay(NEXT, 100_000))])
    assert (bench.hop.queue, bench.hop.idle, bench.wire.sent) == (1, False, [])
    bench.clock.advance(0.2)
    assert (bench.hop.queue, bench.hop.idle, bench.wire.sent) == (0, True, [NEXT])
    came, left = bench.recorder.facts
    assert isinstance(came, PacketIn)
    assert isinstance(left, PacketOut)
    assert (came.peer, left.next_hop, came.replay_tag) == (PROVIDER, NEXT, left.replay_tag)


def test_a_packet_that_ends_here_is_offered_and_its_taker_may_drop_it() -> None:
    bench = Bench()
    bench.hop.take(PROVIDER, [bench.packet(Deliver(b"r" * 32))])
    assert [type(fact) for fact in bench.recorder.facts] == [PacketIn, PacketDelivered]
    bench.answer = DropReason.UNKNOWN_REPLY
    bench.hop.take(PROVIDER, [bench.packet(Deliver(b"r" * 32))])
    assert bench.recorder.facts[2:] == [PacketDropped(bench.clock.seconds(), DropReason.UNKNOWN_REPLY)]
    assert len(bench.arrived) == 2


def test_packets_are_taken_in_order_only_from_a_peer_that_stands_before() -> None:
    bench = Bench()
    packets = [bench.packet(Deliver(b"r" * 32)) for _ in range(2)]
    bench.hop.take_in_order(NEXT, packets)
    assert bench.recorder.drops == [DropReason.UNKNOWN_PREVIOUS_HOP] * 2
    assert not bench.hop.takes_from(NEXT)
    bench.hop.take_in_order(PROVIDER, packets)
    # What was turned away was not looked at: its tags are not used up.
    assert len(bench.arrived) == 2


def test_our_own_packets_are_taken_without_a_link() -> None:
    bench = Bench()
    bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    assert (bench.hop.queue, bench.hop.idle) == (1, False)
    bench.clock.advance(0)
    assert (bench.hop.queue, bench.hop.idle, bench.wire.sent) == (0, True, [NEXT])
    assert bench.hop.identity == ME


def test_our_own_packets_of_one_turn_are_unwrapped_together() -> None:
    bench = Bench()
    for _ in range(5):
        bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    bench.clock.advance(0)
    bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    bench.clock.advance(0)
    assert bench.unwrapping.sizes == [5, 1]
    assert bench.wire.sent == [NEXT] * 6


def test_a_hop_that_stops_leaves_no_call_and_takes_none_of_its_own() -> None:
    bench = Bench()
    for _ in range(2):
        bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    bench.hop.stop()
    bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    assert (bench.hop.idle, bench.clock.getDelayedCalls(), bench.unwrapping.sizes) == (True, [], [])


def test_a_hop_that_takes_no_more_still_lets_go_what_waits() -> None:
    bench = Bench()
    bench.hop.take(PROVIDER, [bench.packet(Relay(NEXT, 100_000))])
    bench.hop.stop_taking()
    bench.hop.take_in_order(PROVIDER, [bench.packet(Relay(NEXT, 100_000))])
    bench.clock.advance(1)
    assert bench.wire.sent == [NEXT]
    assert bench.hop.idle


def test_our_own_packets_of_the_turn_in_which_it_takes_no_more_still_leave() -> None:
    bench = Bench()
    bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    bench.hop.stop_taking()
    bench.hop.inject([bench.packet(Relay(NEXT, 0))])
    assert (bench.hop.queue, bench.hop.idle) == (1, False)
    bench.clock.advance(0)
    assert (bench.wire.sent, bench.hop.idle) == ([NEXT], True)


def test_a_stopped_hop_loses_what_waits_and_leaves_no_call() -> None:
    bench = Bench()
    bench.hop.take(PROVIDER, [bench.packet(Relay(NEXT, 100_000))])
    bench.hop.stop()
    bench.hop.take(PROVIDER, [bench.packet(Deliver(b"r" * 32))])
    assert (bench.hop.queue, bench.arrived) == (0, [])
    assert bench.clock.getDelayedCalls() == []
