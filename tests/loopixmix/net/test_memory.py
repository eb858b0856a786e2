"""The in-memory network keeps order, loses what it is told to lose and leaves no call behind."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from twisted.internet.task import Clock

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.errors import MisuseError
from loopixmix.net.address import PeerAddress
from loopixmix.net.network import LinkNetwork
from loopixmix.net.reception import Reception, RefusedError
from loopixmix.seams import Fact, Identity, LinkRefused, PacketDropped
from loopixmix.wire import Frame, FrameFormat, LinkRole
from tests.worlds.networks.memory import Latency, MemoryHub, MemoryNetwork

ALICE, BOB = b"a" * 32, b"b" * 32


class RecordingObserver:
    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)


class Inbox:
    def __init__(self) -> None:
        self.calls: list[tuple[Identity, list[bytes]]] = []

    def received(self, peer: Identity, packets: Sequence[bytes], others: Sequence[Frame]) -> None:
        self.calls.append((peer, list(packets)))


class Everything(Reception):
    """Lets in whatever comes, as packets, until it has to refuse."""

    def __init__(self) -> None:
        super().__init__(FrameFormat(2758, 2436), own=LinkRole.MIX, role_of=lambda _: LinkRole.MIX)
        self.refusing = False

    def sort(self, peer: Identity, frames: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[Frame]]:
        if self.refusing:
            raise RefusedError(RefusalReason.GARBAGE)
        return frames, ()


class World:
    """Alice and Bob on one hub; Bob listens."""

    def __init__(self, latency_s: Latency = 0.1, loss: float = 0.0) -> None:
        self.clock = Clock()
        self.observer = RecordingObserver()
        self.hub = MemoryHub(clock=self.clock, rng=random.Random(1), latency_s=latency_s, loss=loss)
        self.inbox = Inbox()
        self.reception = Everything()
        self.alice: MemoryNetwork = self.hub.network(ALICE, observer=self.observer, reception=self.reception)
        self.bob: MemoryNetwork = self.hub.network(BOB, observer=self.observer, reception=self.reception)
        self.alice.start(Inbox().received)
        self.bob.start(self.inbox.received)


def test_frames_of_one_instant_arrive_together_after_the_latency() -> None:
    world = World()
    assert world.alice.send(BOB, b"1")
    assert world.alice.send(BOB, b"2")
    world.clock.advance(0.09)
    assert world.inbox.calls == []
    world.clock.advance(0.02)
    assert world.inbox.calls == [(ALICE, [b"1", b"2"])]
    assert world.clock.getDelayedCalls() == []


def test_a_shorter_latency_later_never_overtakes() -> None:
    latencies = iter([1.0, 0.1])
    world = World(latency_s=lambda sender, receiver: next(latencies))
    world.alice.send(BOB, b"slow")
    world.clock.advance(0.1)
    world.alice.send(BOB, b"quick")
    world.clock.advance(0.5)
    assert world.inbox.calls == []
    world.clock.advance(1)
    assert [frame for _, frames in world.inbox.calls for frame in frames] == [b"slow", b"quick"]


def test_an_absent_peer_is_a_counted_drop() -> None:
    world = World()
    assert not world.alice.send(b"c" * 32, b"1")
    assert world.observer.facts == [PacketDropped(0.0, DropReason.NO_LINK)]


def test_loss_takes_the_given_share() -> None:
    world = World(loss=0.25)
    for _ in range(4000):
        world.alice.send(BOB, b"x")
    world.clock.advance(1)
    # Binomial(4000, 0.75): 3000 +- 27; seeded, so this cannot flicker.
    assert abs(len(world.inbox.calls[0][1]) - 3000) < 110


def test_stopping_leaves_no_call_and_loses_what_is_under_way() -> None:
    world = World()
    world.alice.send(BOB, b"1")
    world.bob.stop()
    world.alice.stop()
    assert world.clock.getDelayedCalls() == []
    world.clock.advance(1)
    assert world.inbox.calls == []
    assert not world.alice.send(BOB, b"2")


def test_a_stopped_node_can_start_again() -> None:
    world = World()
    world.bob.stop()
    world.bob.start(world.inbox.received)
    world.alice.send(BOB, b"1")
    world.clock.advance(0.1)
    assert world.inbox.calls == [(ALICE, [b"1"])]


def test_it_offers_what_links_offer() -> None:
    world = World()
    assert isinstance(world.alice, LinkNetwork)
    listening = world.alice.listen("127.0.0.1", 9000)
    assert listening.result == PeerAddress("127.0.0.1", 9000)
    world.alice.set_peers({BOB: PeerAddress("127.0.0.1", 9001)})
    assert world.alice.peers == {BOB: PeerAddress("127.0.0.1", 9001)}
    assert world.alice.is_open(BOB)
    assert world.alice.problem(BOB) is None
    world.bob.stop()
    assert not world.alice.is_open(BOB)
    assert (world.alice.problem(BOB) or "").startswith("no link to 6262")


def test_what_the_reception_refuses_is_observed_and_the_peer_comes_again() -> None:
    world = World(latency_s=0.0)
    world.reception.refusing = True
    world.alice.send(BOB, b"garbage")
    world.clock.advance(0)
    assert world.observer.facts == [LinkRefused(0.0, RefusalReason.GARBAGE)]
    assert world.inbox.calls == []
    world.reception.refusing = False
    world.alice.send(BOB, b"1")
    world.clock.advance(0)
    assert world.inbox.calls == [(ALICE, [b"1"])]


def test_an_end_without_a_reception_only_sends() -> None:
    world = World(latency_s=0.0)
    carol = world.hub.network(b"c" * 32, observer=world.observer)
    inbox = Inbox()
    carol.start(inbox.received)
    world.alice.send(b"c" * 32, b"1")
    assert carol.send(BOB, b"2")
    world.clock.advance(0)
    assert inbox.calls == []
    assert world.inbox.calls == [(b"c" * 32, [b"2"])]


@pytest.mark.parametrize("loss", [-0.1, 1.1])
def test_loss_is_a_probability(loss: float) -> None:
    with pytest.raises(MisuseError, match="probability"):
        World(loss=loss)
