"""Intake: batches of what came meanwhile, bounds, keys of the moment, and replays told before anything is passed on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import inf

import pytest
from twisted.internet.task import Clock

from loopixmix.drops import DropReason
from loopixmix.hop.intake import Intake
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.overload import WAIT_SHARE, Overload
from loopixmix.hop.unwrapping import Done, Results
from loopixmix.hop.waiting import Waiting
from loopixmix.seams import Fact, PacketDropped
from loopixmix.sphinx import Unwrapped

PEER, OTHER = b"p" * 32, b"o" * 32
KEYS = [(7, b"key of seven"), (6, b"key of six")]


class Facts:
    """An observer that remembers the drops."""

    def __init__(self) -> None:
        self.drops: list[DropReason] = []

    def observe(self, fact: Fact) -> None:
        if isinstance(fact, PacketDropped):
            self.drops.append(fact.reason)


class Ring:
    """A keyring whose keys the test changes; it has seen the tags in `seen`."""

    def __init__(self) -> None:
        self.keys = KEYS
        self.seen: set[tuple[int, bytes]] = set()

    def unwrap_keys(self, now_s: float) -> list[tuple[int, bytes]]:
        return self.keys

    def judge(self, epoch: int, tag: bytes) -> DropReason | None:
        [reason] = self.judge_many(epoch, [tag])
        return reason

    def judge_many(self, epoch: int, tags: Sequence[bytes]) -> list[DropReason | None]:
        reasons: list[DropReason | None] = []
        for tag in tags:
            reasons.append(DropReason.REPLAY if (epoch, tag) in self.seen else None)
            self.seen.add((epoch, tag))
        return reasons


class Hands:
    """An unwrapping that waits for the test: a packet `kN...` fits key N, and `x...` none."""

    def __init__(self) -> None:
        self.at_work: tuple[Sequence[bytes], Sequence[bytes], Done] | None = None
        self.batches: list[Sequence[bytes]] = []
        self.at_once = False
        self.unwraps_per_s = inf

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        assert self.at_work is None
        self.batches.append(list(packets))
        self.at_work = (private_keys, packets, done)
        if self.at_once:
            self.finish()

    def finish(self) -> None:
        assert self.at_work is not None
        (_, packets, done), self.at_work = self.at_work, None
        done([_opened(packet) for packet in packets])


def _opened(packet: bytes) -> Unwrapped | DropReason:
    if packet.startswith(b"x"):
        return DropReason.BAD_MAC
    return Unwrapped(int(packet[1:2]), packet, b"command", b"next", b"payload key", 4)


class Bench:
    def __init__(self, **limits: int) -> None:
        self.clock, self.ring, self.hands, self.facts = Clock(), Ring(), Hands(), Facts()
        self.intake = Intake(
            keyring=self.ring,
            unwrapping=self.hands,
            overload=Overload(HopLimits(**limits)),
            batch_packets=HopLimits(**limits).batch_packets,
            clock=self.clock,
            observer=self.facts,
        )
        self.judged: list[tuple[Waiting, Unwrapped | DropReason]] = []
        self.intake.start(self.take)

    def finish_all(self) -> None:
        while self.hands.at_work is not None:
            self.hands.finish()

    def waiting(self) -> list[Waiting]:
        """Take out what waits."""
        return self.intake._queue.take(len(self.intake), 0.0)[0]

    def take(self, batch: Sequence[Waiting], results: Results) -> None:
        self.judged += zip(batch, results, strict=True)

    def tags(self) -> list[bytes | DropReason]:
        return [each.replay_tag if isinstance(each, Unwrapped) else each for _, each in self.judged]


def test_a_packet_that_comes_alone_does_not_wait_and_keeps_the_time_it_came() -> None:
    bench = Bench()
    bench.clock.advance(3.0)
    bench.intake.add(PEER, [b"k0a"])
    assert bench.hands.batches == [[b"k0a"]]
    bench.clock.advance(1.0)
    bench.hands.finish()
    [(waiting, _)] = bench.judged
    assert (waiting.arrived_at_s, waiting.peer) == (3.0, PEER)
    assert bench.intake.idle


def test_between_batches_it_holds_no_key_that_the_keyring_may_erase() -> None:
    bench = Bench()
    key = bytes(bytearray(32))
    held = sys.getrefcount(key)
    bench.ring.keys = [(7, key)]
    bench.intake.add(PEER, [b"k0a"])
    bench.hands.finish()
    bench.ring.keys = []
    assert sys.getrefcount(key) == held


def test_what_comes_during_a_batch_is_the_next_one_and_no_batch_is_larger_than_it_may_be() -> None:
    bench = Bench(batch_packets=2)
    bench.intake.add(PEER, [b"k0a"])
    bench.intake.add(PEER, [b"k0b", b"k0c"])
    bench.intake.add(PEER, [b"k0d"])
    assert (len(bench.intake), bench.intake.idle) == (3, False)
    for _ in range(3):
        bench.hands.finish()
    assert bench.hands.batches == [[b"k0a"], [b"k0b", b"k0c"], [b"k0d"]]
    assert bench.tags() == [b"k0a", b"k0b", b"k0c", b"k0d"]
    assert bench.intake.idle


def test_many_packets_that_are_unwrapped_at_once_do_not_deepen_the_stack() -> None:
    bench = Bench(batch_packets=1)
    bench.hands.at_once = True
    bench.intake.add(PEER, [b"k0%d" % number for number in range(3000)])
    assert len(bench.judged) == 3000


def test_beyond_the_bound_packets_are_dropped_and_counted() -> None:
    bench = Bench(waiting_packets=2)
    bench.intake.add(PEER, [b"k0a"])
    bench.intake.add(PEER, [b"k0b", b"k0c", b"k0d", b"k0e"])
    assert bench.facts.drops == [DropReason.OVERLOADED] * 2
    assert len(bench.intake) == 2


def test_peers_are_unwrapped_in_turn_however_much_one_of_them_sends() -> None:
    bench = Bench(batch_packets=4)
    bench.intake.add(PEER, [b"k0 at work"])
    bench.intake.add(PEER, [b"k0p%d" % number for number in range(6)])
    bench.intake.add(OTHER, [b"k0o0", b"k0o1"])
    bench.finish_all()
    assert bench.hands.batches[1:] == [[b"k0p0", b"k0o0", b"k0p1", b"k0o1"], [b"k0p2", b"k0p3", b"k0p4", b"k0p5"]]


def test_of_too_many_the_oldest_of_the_longest_queue_are_dropped() -> None:
    bench = Bench(waiting_packets=6, batch_packets=8)
    bench.intake.add(PEER, [b"k0 at work"])
    bench.intake.add(OTHER, [b"k0o0", b"k0o1"])
    bench.intake.add(PEER, [b"k0p%d" % number for number in range(9)])
    bench.intake.add(OTHER, [b"k0o2"])
    assert bench.facts.drops == [DropReason.OVERLOADED] * 6
    bench.finish_all()
    assert sorted(bench.hands.batches[1]) == [b"k0o0", b"k0o1", b"k0o2", b"k0p6", b"k0p7", b"k0p8"]


class Flood:
    """A node that unwraps 1,000 packets a second, and is sent more by one peer; delays are 0.2 s on average."""

    def __init__(self) -> None:
        self.bench = Bench(batch_packets=10)
        self.bench.hands.unwraps_per_s = 1000.0
        self.bench.intake.adopt(0.2)
        self.number = 0

    def run(self, seconds: float, *, times_capacity: float) -> None:
        """Let the peer send so much for so long; another peer sends a twentieth of what the node can do."""
        bench = self.bench
        for turn in range(round(seconds * 100)):
            self.number += 1
            bench.intake.add(PEER, [b"k0p%d/%d" % (self.number, each) for each in range(round(10 * times_capacity))])
            if turn % 2 == 0:
                bench.intake.add(OTHER, [b"k0o%d" % self.number])
            if bench.hands.at_work is not None:
                bench.hands.finish()
            bench.clock.advance(0.01)


def test_in_overload_packets_wait_for_a_part_of_the_mean_delay_and_other_peers_lose_none() -> None:
    flood = Flood()
    flood.run(1.0, times_capacity=4.0)
    bench = flood.bench
    assert len(bench.intake) <= 50
    oldest = min(waiting.arrived_at_s for waiting in bench.waiting())
    assert bench.clock.seconds() - oldest <= WAIT_SHARE * 0.2
    given = {waiting.packet for waiting, _ in bench.judged} | {waiting.packet for waiting in bench.waiting()}
    assert sum(packet.startswith(b"k0o") for packet in given) == 50
    assert set(bench.facts.drops) == {DropReason.OVERLOADED}


def test_after_an_overload_nothing_is_dropped() -> None:
    flood = Flood()
    flood.run(1.0, times_capacity=4.0)
    dropped = len(flood.bench.facts.drops)
    flood.run(1.0, times_capacity=0.8)
    assert len(flood.bench.facts.drops) == dropped
    assert len(flood.bench.intake) <= 10
    # A burst is no overload any more.
    flood.bench.intake.add(PEER, [b"k0 burst"] * 150)
    flood.run(1.0, times_capacity=0.1)
    assert len(flood.bench.facts.drops) == dropped


def test_packets_that_came_while_the_node_was_kept_from_running_are_no_overload() -> None:
    flood = Flood()
    flood.run(0.3, times_capacity=0.5)
    flood.bench.clock.advance(0.2)
    flood.run(0.01, times_capacity=10.0)
    assert len(flood.bench.intake) > 50
    flood.run(1.0, times_capacity=0.5)
    assert flood.bench.facts.drops == []
    assert len(flood.bench.intake) <= 10


def test_a_packet_that_waited_for_longer_than_nearly_all_delays_is_dropped_as_too_late() -> None:
    bench = Bench(batch_packets=4)
    bench.intake.adopt(0.2)
    bench.intake.add(PEER, [b"k0 at work"])
    bench.intake.add(PEER, [b"k0a", b"k0b"])
    bench.intake.add(OTHER, [b"k0c"])
    bench.clock.advance(0.61)
    bench.intake.add(PEER, [b"k0d"])
    bench.finish_all()
    assert bench.facts.drops == [DropReason.TOO_LATE] * 3
    assert bench.hands.batches[1:] == [[b"k0d"]]
    assert bench.intake.idle


def test_a_replay_is_told_under_the_key_it_fits_alone_and_in_a_batch() -> None:
    bench = Bench()
    bench.hands.at_once = True
    for _ in range(2):
        bench.intake.add(PEER, [b"k0a"])
    bench.intake.add(PEER, [b"k0a", b"k1a", b"k1b", b"k1b", b"x"])
    assert bench.tags() == [
        b"k0a",
        DropReason.REPLAY,
        *(DropReason.REPLAY, b"k1a", b"k1b", DropReason.REPLAY, DropReason.BAD_MAC),
    ]
    # Key 0 is that of the epoch that was named first.
    assert bench.ring.seen == {(7, b"k0a"), (6, b"k1a"), (6, b"k1b")}


def test_epochs_are_those_of_the_keys_a_batch_was_unwrapped_with() -> None:
    bench = Bench()
    bench.intake.add(PEER, [b"k0a"])
    bench.ring.keys = [(8, b"key of eight"), (7, b"key of seven")]
    bench.hands.finish()
    bench.intake.add(PEER, [b"k0b"])
    bench.hands.finish()
    assert bench.ring.seen == {(7, b"k0a"), (8, b"k0b")}


def test_without_a_key_packets_are_dropped() -> None:
    bench = Bench()
    bench.ring.keys = []
    bench.intake.add(PEER, [b"k0a"])
    bench.intake.add(PEER, [b"k0b", b"k0c"])
    assert bench.facts.drops == [DropReason.NO_EPOCH_KEY] * 3
    assert bench.intake.idle


def test_a_receiver_that_fails_holds_up_no_later_packet() -> None:
    bench = Bench()
    bench.intake.start(_fail)
    bench.intake.add(PEER, [b"k0a"])
    with pytest.raises(LookupError):
        bench.hands.finish()
    bench.intake.start(bench.take)
    bench.intake.add(PEER, [b"k0b"])
    bench.hands.finish()
    assert bench.tags() == [b"k0b"]


def _fail(batch: Sequence[Waiting], results: Results) -> None:
    raise LookupError


def test_after_the_stop_nothing_is_taken_and_what_was_at_work_is_not_remembered() -> None:
    bench = Bench()
    bench.intake.add(PEER, [b"k0a"])
    bench.intake.add(PEER, [b"k0b"])
    bench.intake.stop()
    bench.hands.finish()
    bench.intake.add(PEER, [b"k0c"])
    assert (bench.judged, bench.ring.seen, bench.intake.idle) == ([], set(), True)
