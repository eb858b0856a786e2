"""The outbox: one write a turn, bounds, pauses, and every frame given up is an observed drop."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet.task import Clock

from loopixmix.drops import DropReason
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.outbox import Outbox, TurnEnd
from tests.worlds.networks.links import RecordingObserver


class Transport:
    """Keeps what is written; pauses its producer after each write when asked to."""

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.writes: list[bytes] = []
        self.pauses = outbox

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        if self.pauses is not None:
            self.pauses.pause()


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.observer = RecordingObserver()
        self.turn = TurnEnd(self.clock)
        self.outbox = self.make()

    def make(self) -> Outbox:
        limits = LinkLimits(waiting_frames=3, waiting_s=10.0)
        return Outbox(queue_frames=40, clock=self.clock, turn=self.turn, limits=limits, observer=self.observer)


def frames(count: int) -> list[bytes]:
    return [bytes([number]) for number in range(count)]


def test_the_frames_of_one_turn_are_one_write() -> None:
    world, transport = World(), Transport()
    world.outbox.attach(transport.write)
    assert all(world.outbox.put(frame) for frame in frames(5))
    assert transport.writes == []
    world.clock.advance(0)
    assert transport.writes == [b"".join(frames(5))]
    assert world.outbox.put(b"next")
    world.clock.advance(0)
    assert transport.writes[1:] == [b"next"]
    assert world.clock.getDelayedCalls() == []


def test_two_outboxes_share_one_delayed_call() -> None:
    world = World()
    other = world.make()
    for outbox in (world.outbox, other):
        outbox.attach(Transport().write)
        outbox.put(b"x")
    assert len(world.clock.getDelayedCalls()) == 1
    world.turn.cancel()
    assert world.clock.getDelayedCalls() == []


def test_one_failing_call_does_not_keep_the_others_from_running() -> None:
    world, transport = World(), Transport()

    def fail() -> None:
        raise LookupError

    world.turn.add(fail)
    world.outbox.attach(transport.write)
    world.outbox.put(b"x")
    with pytest.raises(LookupError):
        world.clock.advance(0)
    world.clock.advance(0)
    assert transport.writes == [b"x"]


def test_a_pause_stops_the_writes_and_frames_wait_in_order() -> None:
    world = World()
    transport = Transport(world.outbox)
    world.outbox.attach(transport.write)
    for frame in frames(40):
        assert world.outbox.put(frame)
    world.clock.advance(0)
    assert transport.writes == [b"".join(frames(32))]
    assert len(world.outbox) == 8
    world.clock.advance(0)
    transport.pauses = None
    world.outbox.resume()
    world.clock.advance(0)
    assert b"".join(transport.writes) == b"".join(frames(40))


def test_beyond_the_queue_frames_are_dropped_and_counted() -> None:
    world = World()
    world.outbox.attach(Transport().write)
    world.outbox.pause()
    assert [world.outbox.put(frame) for frame in frames(42)] == [True] * 40 + [False] * 2
    assert world.observer.drops() == Counter({DropReason.QUEUE_FULL: 2})


def test_a_peer_that_could_not_read_for_long_gets_nothing_old() -> None:
    world, transport = World(), Transport()
    world.outbox.attach(transport.write)
    world.outbox.pause()
    for frame in frames(30):
        world.outbox.put(frame)
    world.clock.advance(6.0)
    for _ in range(10):
        world.outbox.put(b"later")
    world.clock.advance(5.0)
    # There is room again, as the first ones are too old.
    assert world.outbox.put(b"last")
    assert world.observer.drops() == {DropReason.TOO_LATE: 30}
    world.clock.advance(5.5)
    world.outbox.resume()
    world.clock.advance(0)
    assert transport.writes == [b"last"]
    assert world.observer.drops() == {DropReason.TOO_LATE: 40}


def test_without_a_link_a_few_frames_wait_for_it() -> None:
    world, transport = World(), Transport()
    assert [world.outbox.put(frame) for frame in frames(5)] == [True] * 3 + [False] * 2
    assert world.observer.drops() == Counter({DropReason.NO_LINK: 2})
    world.clock.advance(9.9)
    world.outbox.attach(transport.write)
    world.clock.advance(0)
    assert transport.writes == [b"".join(frames(3))]


def test_frames_do_not_wait_for_a_link_that_stays_away() -> None:
    world, transport = World(), Transport()
    world.outbox.put(b"old")
    world.clock.advance(10.1)
    assert not world.outbox.put(b"new")
    assert world.observer.drops() == Counter({DropReason.NO_LINK: 2})
    world.outbox.attach(transport.write)
    assert world.outbox.put(b"later")
    world.clock.advance(0)
    assert transport.writes == [b"later"]


def test_a_link_that_comes_too_late_carries_nothing_old() -> None:
    world, transport = World(), Transport()
    world.outbox.put(b"old")
    world.clock.advance(10.1)
    world.outbox.attach(transport.write)
    world.clock.advance(0)
    assert transport.writes == []
    assert world.observer.drops() == Counter({DropReason.NO_LINK: 1})


def test_when_the_link_breaks_the_newest_frames_wait_for_the_next() -> None:
    world, transport = World(), Transport()
    world.outbox.attach(Transport().write)
    world.clock.advance(100)
    for frame in frames(5):
        world.outbox.put(frame)
    world.outbox.detach()
    assert world.observer.drops() == Counter({DropReason.NO_LINK: 2})
    world.clock.advance(0)
    world.outbox.attach(transport.write)
    world.clock.advance(0)
    assert transport.writes == [b"".join(frames(5)[2:])]


def test_closing_gives_up_what_waits() -> None:
    world, transport = World(), Transport()
    world.outbox.attach(transport.write)
    world.outbox.put(b"x")
    world.outbox.close()
    world.clock.advance(0)
    assert transport.writes == []
    assert not world.outbox.attached
    assert world.observer.drops() == Counter({DropReason.NO_LINK: 1})
