"""Departures: each packet leaves when its time has come, and what is too many or finds no link is counted."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from loopixmix.hop.departures import Departures
from loopixmix.hop.mixing import Forward
from loopixmix.seams import Fact, Identity, PacketOut, PacketsHeld
from loopixmix.wire import FrameFormat

FRAMES = FrameFormat(packet_bytes=2758, body_bytes=2436)
NEXT, GONE = b"n" * 32, b"g" * 32
PEER, OTHER = b"p" * 32, b"o" * 32


class Facts:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)


class Wire:
    """A network that notes when it was handed what; nobody answers at `GONE`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sent: list[tuple[float, bytes]] = []

    def send(self, peer: Identity, frame: bytes) -> bool:
        if peer == GONE:
            return False
        self.sent.append((self.clock.seconds(), FRAMES.packet_of(frame)[:1]))
        return True


class Bench:
    def __init__(self, held_packets: int = 10) -> None:
        self.clock = Clock()
        self.wire, self.facts = Wire(self.clock), Facts()
        self.departures = Departures(
            held_packets=held_packets, frames=FRAMES, clock=self.clock, network=self.wire, observer=self.facts
        )

    def hold(self, at_s: float, mark: bytes, next_hop: Identity = NEXT, *, peer: Identity = PEER) -> bool:
        self.departures.keep_time(self.clock.seconds())
        taken = self.departures.add(Forward(at_s, next_hop, mark.ljust(2758, b"\0"), b"tag of " + mark), peer)
        self.departures.send_due(self.clock.seconds())
        return taken


def test_packets_leave_at_their_times_in_their_order_and_are_told() -> None:
    bench = Bench()
    for at_s, mark in ((0.3, b"c"), (0.1, b"a"), (0.2, b"b")):
        assert bench.hold(at_s, mark)
    assert (len(bench.departures), bench.departures.next_at_s) == (3, 0.1)
    for _ in range(4):
        bench.clock.advance(0.1)
    assert [mark for _, mark in bench.wire.sent] == [b"a", b"b", b"c"]
    assert all(isinstance(fact, PacketOut) and fact.next_hop == NEXT for fact in bench.facts.facts)
    assert len(bench.departures) == 0
    assert bench.clock.getDelayedCalls() == []


def test_it_is_told_how_late_a_packet_left() -> None:
    bench = Bench()
    bench.hold(0.3, b"a")
    bench.clock.advance(0.75)
    [fact] = bench.facts.facts
    assert isinstance(fact, PacketOut)
    assert fact.late_s == pytest.approx(0.45)


def test_what_is_due_already_leaves_at_once() -> None:
    bench = Bench()
    bench.hold(0.0, b"a")
    assert bench.wire.sent == [(0.0, b"a")]


def test_a_packet_is_refused_when_too_many_wait_and_taken_again_after_one_has_left() -> None:
    bench = Bench(held_packets=1)
    assert bench.hold(0.1, b"a")
    assert not bench.hold(0.1, b"b")
    bench.clock.advance(0.2)
    assert bench.hold(0.3, b"c")


def test_one_timer_serves_all_and_an_earlier_packet_moves_it() -> None:
    bench = Bench()
    bench.hold(5.0, b"b")
    bench.hold(9.0, b"c")
    bench.hold(1.0, b"a")
    [call] = bench.clock.getDelayedCalls()
    assert call.getTime() == 1.0


def test_a_next_hop_that_is_gone_is_told_by_how_many_still_wait() -> None:
    bench = Bench()
    bench.hold(0.1, b"a", GONE)
    bench.hold(0.5, b"b")
    bench.clock.advance(0.1)
    assert bench.facts.facts == [PacketsHeld(0.1, 1)]


def test_a_clock_that_was_set_back_moves_the_times_with_it() -> None:
    bench = Bench()
    bench.hold(100.0, b"a")
    bench.hold(100.5, b"b")
    # The timer counts real time: it fires although the clock shows sixty seconds less.
    [call] = bench.clock.getDelayedCalls()
    bench.clock.rightNow = 40.0
    call.reset(0)
    bench.clock.advance(0)
    assert [mark for _, mark in bench.wire.sent] == [b"a"]
    bench.clock.advance(0.5)
    assert [mark for _, mark in bench.wire.sent] == [b"a", b"b"]


def test_packets_that_come_after_the_clock_was_set_back_do_not_keep_the_earlier_ones() -> None:
    bench = Bench()
    bench.clock.rightNow = 3600.0
    bench.hold(3600.5, b"a")
    bench.hold(3600.7, b"b")
    # Set back by an hour, and a packet comes before the timer fires.
    bench.clock.rightNow = 0.0
    bench.hold(0.2, b"c")
    for _ in range(8):
        bench.clock.advance(0.1)
    assert [mark for _, mark in bench.wire.sent] == [b"c", b"a", b"b"]


def test_clearing_forgets_all_and_leaves_no_call() -> None:
    bench = Bench()
    bench.hold(1.0, b"a")
    bench.departures.clear()
    assert len(bench.departures) == 0
    assert bench.clock.getDelayedCalls() == []


def test_when_one_peer_has_all_places_another_that_sends_little_has_a_reserve() -> None:
    bench = Bench(held_packets=160)
    taken = [bench.hold(9.0, b"p%d" % number) for number in range(170)]
    assert taken == [True] * 160 + [False] * 10
    assert [bench.hold(9.0, b"o%d" % number, peer=OTHER) for number in range(12)] == [True] * 10 + [False] * 2
    third = [bench.hold(9.0, b"t%d" % number, peer=b"t" * 32) for number in range(12)]
    assert third == [True] * 10 + [False] * 2
    assert not bench.hold(9.0, b"fourth", peer=b"f" * 32)
    bench.clock.advance(9.0)
    assert len(bench.wire.sent) == 180
    # What has left is forgotten.
    assert [bench.hold(99.0, b"q%d" % number) for number in range(161)] == [True] * 160 + [False]
