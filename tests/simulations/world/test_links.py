"""Links of simulations: latency drawn for each flight, loss, taps and the adversary."""

from __future__ import annotations

import random
from collections.abc import Sequence

from loopixmix.drops import DropReason
from loopixmix.seams import Fact, Identity, PacketDropped
from simulations.latency.distribution import ConstantLatency
from simulations.world.clock import EventClock
from simulations.world.links import Wires

ONE, OTHER = Identity(b"1" * 32), Identity(b"2" * 32)


class Observed:
    """Keeps the facts that it is told."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)


class FallingLatency:
    """The first flight takes 3 s, the next one 2 s, and so on."""

    mean_s = 1.0

    def __init__(self) -> None:
        self._left = 4.0

    def draw_s(self, sender: int, receiver: int, rng: random.Random) -> float:
        self._left -= 1.0
        return self._left

    def draw_many_s(self, senders: object, receivers: object, generator: object) -> object:
        raise NotImplementedError


class Town:
    """Wires, and a list of what reaches `OTHER`, with the times."""

    def __init__(self, *, latency: object = None, loss: float = 0.0) -> None:
        self.clock = EventClock(0.0)
        self.wires = Wires(
            clock=self.clock,
            rng=random.Random(1),
            latency=latency or ConstantLatency(0.5),  # type: ignore[arg-type]
            loss=loss,
            places={},
        )
        self.observed = Observed()
        self.end = self.wires.network(ONE, observer=self.observed)
        self.came: list[tuple[float, list[bytes]]] = []
        self.wires.attach(OTHER, self._arrive)

    def _arrive(self, _sender: Identity, frames: Sequence[bytes]) -> None:
        self.came.append((self.clock.seconds(), list(frames)))


def test_frames_of_one_instant_travel_together() -> None:
    town = Town()
    assert town.end.send(OTHER, b"a")
    assert town.end.send(OTHER, b"b")
    town.clock.run_for(0.25)
    town.end.send(OTHER, b"c")
    town.clock.run_for(1.0)
    assert town.came == [(0.5, [b"a", b"b"]), (0.75, [b"c"])]
    assert (town.end.sent_frames, town.end.sent_bytes, town.wires.carried) == (3, 3, 3)


def test_a_later_frame_may_overtake() -> None:
    town = Town(latency=FallingLatency())
    for frame in (b"a", b"b"):
        town.end.send(OTHER, frame)
        town.clock.run_for(0.5)
    town.clock.run_for(5.0)
    assert town.came == [(2.5, [b"b"]), (3.0, [b"a"])]


def test_what_is_lost_is_seen_by_taps_and_what_is_held_back_is_not() -> None:
    town, seen, lost = Town(loss=0.5), list[bytes](), list[bytes]()
    town.wires.taps.append(lambda at_s, sender, receiver, frame: seen.append(frame))
    town.wires.on_lost = lost.append
    town.wires.intercept = lambda sender, receiver, frame: frame != b"held"
    for frame in (b"held", *(b"%d" % number for number in range(100))):
        town.end.send(OTHER, frame)
    town.clock.run_for(1.0)
    assert (len(seen), town.wires.held_back) == (100, 1)
    assert 20 < town.wires.lost == len(lost) < 80
    assert town.wires.carried == 100 - len(lost)


def test_nobody_there_is_a_counted_drop() -> None:
    town = Town()
    town.wires.detach(OTHER)
    assert not town.end.send(OTHER, b"a")
    assert town.observed.facts == [PacketDropped(0.0, DropReason.NO_LINK)]


def test_who_comes_back_has_a_new_link() -> None:
    town = Town()
    town.end.send(OTHER, b"a")
    town.wires.detach(OTHER)
    town.wires.attach(OTHER, town._arrive)
    town.clock.run_for(1.0)
    # A bound method is made anew each time: what left for the old link does not arrive on the new one.
    assert town.came == []


def test_nothing_is_left_when_the_wires_are_grounded() -> None:
    town = Town()
    town.end.send(OTHER, b"a")
    town.wires.ground()
    assert town.clock.pending == 0


def test_what_watches_is_told_how_long_each_frame_is_on_its_way() -> None:
    town, told = Town(latency=FallingLatency()), list[tuple[bytes, float]]()
    town.wires.on_way = lambda frame, latency_s: told.append((frame, latency_s))
    for frame in (b"a", b"b"):
        town.end.send(OTHER, frame)
    town.clock.run_for(5.0)
    town.end.send(OTHER, b"c")
    # Those that travel together take as long.
    assert told == [(b"a", 3.0), (b"b", 3.0), (b"c", 2.0)]
