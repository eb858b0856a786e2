"""Facts are counted by kind and reason; loops give mean, variance and what they should be."""

from __future__ import annotations

import random
import statistics

import pytest

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.observing.observers import (
    DEPARTURES_KEPT,
    ROUND_TRIPS_KEPT,
    Counters,
    Fanout,
    LinkCounts,
    LoopCounts,
    RoundTrips,
    Snapshot,
)
from loopixmix.seams import (
    Fact,
    LinkClosed,
    LinkOpened,
    LinkRefused,
    LoopLost,
    LoopReturned,
    LoopSent,
    PacketDelivered,
    PacketDropped,
    PacketIn,
    PacketOut,
    PacketsHeld,
)

PEER = b"p" * 32
TAG = b"t" * 16

CASES: list[tuple[list[Fact], Snapshot]] = [
    ([], Snapshot()),
    ([PacketIn(0, PEER, TAG)], Snapshot(packets_in=1)),
    ([PacketIn(0, PEER, TAG), PacketOut(1, PEER, TAG)], Snapshot(packets_in=1, packets_out=1)),
    ([PacketIn(0, PEER, TAG), PacketDelivered(0, TAG)], Snapshot(packets_in=1, delivered=1)),
    (
        [
            PacketDropped(0, DropReason.REPLAY),
            PacketDropped(0, DropReason.BAD_MAC),
            PacketDropped(0, DropReason.REPLAY),
        ],
        Snapshot(dropped={"bad_mac": 1, "replay": 2}),
    ),
    ([LoopSent(0), LoopLost(9)], Snapshot(loops=LoopCounts(sent=1, lost=1))),
    (
        [LinkOpened(0, PEER), LinkOpened(0, PEER), LinkClosed(1, PEER)],
        Snapshot(links=LinkCounts(open=1, opened=2, closed=1)),
    ),
    ([LinkRefused(0, RefusalReason.GARBAGE)], Snapshot(links=LinkCounts(refused={"garbage": 1}))),
]


@pytest.mark.parametrize(("facts", "expected"), CASES)
def test_facts_are_counted(facts: list[Fact], expected: Snapshot) -> None:
    counters = Counters(delay_mean_s=0.2)
    for fact in facts:
        counters.observe(fact)
    assert counters.snapshot() == expected


def test_it_tells_how_late_packets_leave_of_late() -> None:
    counters = Counters(delay_mean_s=0.2)
    for number in range(100 + DEPARTURES_KEPT):
        late_s = 9.0 if number < 100 else number / 1000
        counters.observe(PacketOut(number, PEER, TAG, late_s))
    # Of the latest 4096, which are 0.1 s to 4.195 s late, one in a hundred is later than this.
    assert counters.snapshot().late_p99_s == pytest.approx(4.155, abs=0.001)


def test_reasons_are_plain_strings_in_a_snapshot() -> None:
    counters = Counters(delay_mean_s=0.2)
    counters.observe(PacketDropped(0, DropReason.REPLAY))
    assert [type(reason) for reason in counters.snapshot().dropped] == [str]


def test_round_trips_are_compared_with_the_delays_that_were_meant() -> None:
    counters = Counters(delay_mean_s=0.2)
    counters.observe(LoopReturned(1, round_trip_s=0.7, delays_s=0.6, delay_count=3))
    counters.observe(LoopReturned(2, round_trip_s=0.5, delays_s=0.3, delay_count=3))
    loops = counters.snapshot().loops
    assert loops.returned == 2
    assert loops.mean_s == pytest.approx(0.6)
    assert loops.variance_s2 == pytest.approx(0.02)
    assert loops.expected_mean_s == pytest.approx(0.6)
    assert loops.overhead_mean_s == pytest.approx(0.15)


def test_only_the_latest_round_trips_count(rng: random.Random) -> None:
    sample_s = [rng.gammavariate(3, 0.2) for _ in range(3 * ROUND_TRIPS_KEPT)]
    trips = RoundTrips()
    assert (trips.mean_s, trips.variance_s2, trips.delays_mean_s, trips.delay_count_mean) == (0.0, 0.0, 0.0, 0.0)
    for round_trip_s in sample_s:
        trips.add(LoopReturned(0, round_trip_s, round_trip_s / 2, 3))
    latest_s = sample_s[-ROUND_TRIPS_KEPT:]
    assert trips.count == len(sample_s)
    assert trips.mean_s == pytest.approx(statistics.fmean(latest_s))
    assert trips.variance_s2 == pytest.approx(statistics.variance(latest_s))
    assert trips.delays_mean_s == pytest.approx(statistics.fmean(latest_s) / 2)
    assert trips.delay_count_mean == 3


def test_entropy_follows_arrivals_and_departures() -> None:
    counters = Counters(delay_mean_s=0.2)
    for _ in range(8):
        counters.observe(PacketIn(0, PEER, TAG))
    counters.observe(PacketIn(0, PEER, TAG))
    counters.observe(PacketDelivered(0, TAG))
    counters.observe(PacketOut(1, PEER, TAG))
    assert counters.snapshot().entropy_bits == pytest.approx(3.0)


def test_packets_lost_while_they_waited_do_not_stay_in_the_pool() -> None:
    counters = Counters(delay_mean_s=0.2)
    for _ in range(4):
        counters.observe(PacketIn(0, PEER, TAG))
    counters.observe(PacketDropped(1, DropReason.NO_LINK))
    counters.observe(PacketsHeld(1, 3))
    assert counters.entropy.held == 3


def test_lost_loops_raise_the_alarm() -> None:
    counters = Counters(delay_mean_s=0.2)
    for _ in range(10):
        counters.observe(LoopSent(0))
        counters.observe(LoopLost(5))
    assert counters.snapshot().loops.alarm


def test_loops_that_are_lost_without_an_attack_raise_none() -> None:
    counters = Counters(delay_mean_s=0.2)
    for _ in range(50):
        counters.observe(LoopSent(0))
        counters.observe(LoopLost(5, excused=True))
    loops = counters.snapshot().loops
    assert (loops.lost, loops.alarm) == (50, False)


def test_fanout_passes_each_fact_to_all() -> None:
    first, second = Counters(delay_mean_s=0.2), Counters(delay_mean_s=0.2)
    Fanout([first, second]).observe(LoopSent(0))
    assert first.snapshot() == second.snapshot() == Snapshot(loops=LoopCounts(sent=1))
