"""Loops of nodes leave as a Poisson stream, come back after their delays, and are missed when they do not."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import msgspec
import pytest
from scipy import stats

from loopixmix.cover.loops import LATE_S
from loopixmix.drops import DropReason
from loopixmix.params import NetworkParams
from loopixmix.seams import LoopLost, LoopReturned, LoopSent, PacketOut
from tests.worlds.networks.mixes import MixWorld, RunningMix
from tests.worlds.networks.models import EPOCH, model_network
from tests.worlds.networks.providers import RunningProvider

PARAMS = NetworkParams(delay_mean_s=0.05, node_loop_rate_per_s=2.0, epoch_length_s=600, grace_s=10)


def make_world(
    directory: Path, *, latency_s: float = 0.0, params: NetworkParams = PARAMS
) -> tuple[MixWorld, list[RunningMix], list[RunningProvider]]:
    world = MixWorld(params, mixes_per_layer=1, providers=2, latency_s=latency_s)
    mixes = [world.mix(name) for name in ("mix11", "mix21", "mix31")]
    providers = [RunningProvider(world, name, directory) for name in ("provider1", "provider2")]
    for node in (*mixes, *providers):
        node.adopt(world.model.document)
        node.start()
    return world, mixes, providers


def test_loops_of_mixes_and_providers_come_back_as_gamma_says(tmp_path: Path) -> None:
    """H0: a mix's round trip is Gamma(3, 0.05 s) (no link delay here). n about 240, false-alarm rate 1e-3; seeded."""
    world, mixes, providers = make_world(tmp_path)
    world.run(40.0)
    for node in (*mixes, *providers):
        counts = node.counters.snapshot().loops
        assert counts.sent > 50
        assert counts.sent - counts.returned <= 4
        assert counts.lost == 0
        assert counts.overhead_mean_s == pytest.approx(0.0, abs=1e-5)
    trips = [fact for mix in mixes for fact in mix.recorder.of(LoopReturned)]
    assert stats.kstest([trip.round_trip_s for trip in trips], stats.gamma(3, scale=0.05).cdf).pvalue > 1e-3
    assert mixes[0].counters.snapshot().loops.expected_mean_s == pytest.approx(0.15)
    assert providers[0].counters.snapshot().loops.expected_mean_s == pytest.approx(0.35)
    assert all(not node.recorder.drops for node in (*mixes, *providers))
    for node in (*mixes, *providers):
        node.stop()
    assert world.clock.getDelayedCalls() == []


def test_a_round_trip_tells_the_links_from_the_delays(tmp_path: Path) -> None:
    world, mixes, _ = make_world(tmp_path, latency_s=0.01)
    world.run(10.0)
    for mix in mixes:
        # From a mix through the layers to a provider and back are layers + 1 links.
        assert mix.counters.snapshot().loops.overhead_mean_s == pytest.approx(0.04, abs=1e-5)


def test_loops_leave_as_a_poisson_stream() -> None:
    """H0: intervals ~ Exp(mean 0.5 s). Kolmogorov-Smirnov, n about 400, false-alarm rate 1e-3; seeded."""
    world = MixWorld(PARAMS)
    mix = world.mix("mix31")
    world.hub.attach(world.model.node("provider1").id, lambda peer, frames: None)
    mix.service.adopt(world.model.document)
    mix.start()
    world.run(200.0)
    sent_s = [fact.at_s for fact in mix.recorder.of(LoopSent)]
    intervals_s = [later - earlier for earlier, later in itertools.pairwise(sent_s)]
    assert len(intervals_s) > 300
    assert stats.kstest(intervals_s, stats.expon(scale=0.5).cdf).pvalue > 1e-3


def test_lost_loops_are_missed_in_time_and_raise_the_alarm(tmp_path: Path) -> None:
    world, mixes, providers = make_world(tmp_path)
    providers[0].stop()
    providers[1].stop()
    mixes[2].stop()
    world.run(2 * LATE_S + 10.0)
    counts = mixes[0].counters.snapshot().loops
    assert counts.returned == 0
    assert counts.lost > 20
    assert counts.alarm
    assert mixes[0].service.loops.outstanding <= counts.sent - counts.lost
    first_lost = mixes[0].recorder.of(LoopLost)[0]
    first_sent = mixes[0].recorder.of(LoopSent)[0]
    assert LATE_S < first_lost.at_s - first_sent.at_s < LATE_S + PARAMS.max_delay_s * 3


def test_a_loop_without_a_link_was_never_sent() -> None:
    world = MixWorld(PARAMS)
    mix = world.mix("mix11")
    mix.service.adopt(world.model.document)
    mix.start()
    world.run(10.0)
    assert mix.recorder.of(LoopSent) == []
    assert set(mix.recorder.drops) == {DropReason.NO_LINK}
    assert mix.service.loops.outstanding == 0


def test_a_node_outside_the_document_sends_no_loops(tmp_path: Path) -> None:
    world, mixes, _ = make_world(tmp_path)
    world.run(2.0)
    elsewhere = model_network(random.Random(99), params=PARAMS, epoch=EPOCH).document
    mixes[0].service.loops.adopt(elsewhere)
    before = len(mixes[0].recorder.of(LoopSent))
    world.run(10.0)
    assert len(mixes[0].recorder.of(LoopSent)) == before
    mixes[0].service.loops.adopt(world.model.document)
    world.run(10.0)
    assert len(mixes[0].recorder.of(LoopSent)) > before


def test_no_loop_leaves_under_keys_of_an_expired_document_and_nobody_is_blamed(tmp_path: Path) -> None:
    """An outage of the authority that outlasts a document: the nodes fall silent, and sound no alarm."""
    world, mixes, providers = make_world(tmp_path, params=msgspec.structs.replace(PARAMS, epoch_length_s=60))
    nodes: list[RunningMix | RunningProvider] = [*mixes, *providers]
    document = world.model.document
    world.run(document.valid_until_s - world.clock.seconds() - 20.0)
    world.run(60.0)
    for node in nodes:
        counts = node.counters.snapshot()
        assert max(fact.at_s for fact in node.recorder.of(LoopSent)) < document.valid_until_s
        assert DropReason.BAD_MAC not in node.recorder.drops
        assert not counts.loops.alarm
        assert node.counters.loop_watch.lost == 0
    for node in nodes:
        node.stop()


def test_loops_that_a_set_clock_loses_are_blamed_on_nobody(tmp_path: Path) -> None:
    world, mixes, providers = make_world(tmp_path)
    world.run(10.0)
    for node in (mixes[2], *providers):
        node.stop()
    world.run(2.0)
    mixes[0].service.loops.excuse()
    world.run(LATE_S - 0.5)
    assert mixes[0].counters.snapshot().loops.lost > 0
    assert mixes[0].counters.loop_watch.lost == 0
    world.run(LATE_S)  # those that left later are watched again
    assert mixes[0].counters.loop_watch.lost > 0


def test_an_unknown_reply_is_not_taken_for_a_loop(tmp_path: Path) -> None:
    world, mixes, _ = make_world(tmp_path)
    body = bytes(world.geometry.body_bytes)
    assert mixes[0].service.loops.returned(b"unknown!", body) is DropReason.UNKNOWN_REPLY


def test_a_changed_loop_counts_as_lost(tmp_path: Path) -> None:
    world, mixes, _ = make_world(tmp_path)
    loops = mixes[0].service.loops
    world.run(5.0, until=lambda: loops.outstanding > 0)
    (surb_id, *_) = loops._outstanding
    assert loops.returned(surb_id, bytes(world.geometry.body_bytes)) is DropReason.TAGGED_PAYLOAD
    assert len(mixes[0].recorder.of(LoopLost)) == 1
    assert loops.returned(surb_id, bytes(world.geometry.body_bytes)) is DropReason.UNKNOWN_REPLY


def test_loops_keep_their_rate_while_packets_pass(tmp_path: Path) -> None:
    world, mixes, _ = make_world(tmp_path)
    world.run(30.0)
    forwarded = len(mixes[1].recorder.of(PacketOut))
    own = len(mixes[1].recorder.of(LoopSent))
    # All others' loops pass the middle mix; its own are Poisson(60), bound 5 sd (6e-7).
    assert forwarded > own
    assert abs(own - 60) < 39
