"""n-1: an attacker who rules a mix's wires lets one packet in, and nothing else, to see it leave (Loopix 4.2.1)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from loopixmix.cover.loops import LATE_S
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity, LoopSent
from tests.worlds.networks.mixes import MixWorld, RunningMix
from tests.worlds.networks.providers import RunningProvider
from tests.worlds.networks.towns import relay_packet
from tests.worlds.networks.wires import Wiretap

PARAMS = NetworkParams(delay_mean_s=0.5, node_loop_rate_per_s=2.0, epoch_length_s=600, grace_s=10)
WITHOUT_LOOPS = msgspec.structs.replace(PARAMS, node_loop_rate_per_s=1e-9)
TARGETS = 24


@dataclass
class Siege:
    """Three mixes in a row and a provider; the attacker rules every wire into the first mix."""

    params: NetworkParams
    directory: Path
    blocking: bool = False
    allowed: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.world = MixWorld(self.params)
        self.mixes: list[RunningMix] = [self.world.mix(name) for name in ("mix11", "mix21", "mix31")]
        self.provider = RunningProvider(self.world, "provider1", self.directory)
        for node in (*self.mixes, self.provider):
            node.adopt(self.world.model.document)
            node.start()
        self.victim, self.next_id = self.mixes[0].identity, self.mixes[1].identity
        self.rng = random.Random(5)
        self.tap = Wiretap(self.world.hub, judge=self._lets_through)

    def _lets_through(self, sender: Identity, receiver: Identity, frame: bytes) -> bool:
        return not self.blocking or receiver != self.victim or frame in self.allowed

    def send_target(self) -> None:
        frame = self.world.packet_format.frames.packet_frame(
            relay_packet(self.world, ("mix11", "mix21", "mix31", "provider1"), self.rng)
        )
        self.allowed = {frame}
        self.world.hub.carry(self.provider.identity, self.victim, frame)

    def guess(self) -> bool:
        """Let the target in alone; the attacker takes the first packet that leaves for it. Tell whether it is."""
        self.tap.seen.clear()
        before = len(self.mixes[0].recorder.of(LoopSent))
        self.send_target()
        self.world.run(30.0, until=lambda: bool(self.tap.from_to(self.victim, self.next_id)))
        right = len(self.mixes[0].recorder.of(LoopSent)) == before
        self.world.run(8.0)
        return right

    def stop(self) -> None:
        for node in (*self.mixes, self.provider):
            node.stop()
        assert self.world.clock.getDelayedCalls() == []

    @property
    def alarms(self) -> list[bool]:
        return [node.counters.snapshot().loops.alarm for node in (*self.mixes, self.provider)]


def success(siege: Siege) -> float:
    siege.blocking = True
    right = sum(siege.guess() for _ in range(TARGETS))
    siege.stop()
    return right / TARGETS


def test_without_loops_the_attack_would_work_each_time(tmp_path: Path) -> None:
    assert success(Siege(WITHOUT_LOOPS, tmp_path)) == 1.0


def test_the_mixs_own_loops_hide_the_one_packet(tmp_path: Path) -> None:
    """The next departure is the target's with probability mu / (mu + lambda_M) = 2 / 4, both being exponential.

    H0: that; 24 targets; rejected beyond 4 standard deviations (false alarm 6e-5). Seeded.
    """
    assert abs(success(Siege(PARAMS, tmp_path)) - 0.5) < 4 * (0.25 / TARGETS) ** 0.5


def test_the_attack_raises_the_alarm_of_everybody_whose_loops_it_stops(tmp_path: Path) -> None:
    siege = Siege(PARAMS, tmp_path)
    siege.world.run(60.0)
    assert siege.alarms == [False] * 4
    siege.blocking = True
    siege.world.run(LATE_S + 20.0)
    # All loops cross the only mix of layer 1, or end there.
    assert siege.alarms == [True] * 4
    siege.stop()


def test_holding_packets_back_instead_of_losing_them_raises_it_too(tmp_path: Path) -> None:
    """Whoever keeps the others waiting for the attack's length, and then lets them go, is noticed all the same."""
    siege = Siege(PARAMS, tmp_path)
    siege.world.run(60.0)
    carry, held = siege.world.hub.carry, []

    def hold(sender: Identity, receiver: Identity, frame: bytes) -> bool:
        if receiver == siege.victim:
            held.append((sender, receiver, frame))
        return receiver != siege.victim

    siege.tap.judge = hold
    siege.world.run(LATE_S + 20.0)
    siege.tap.judge = lambda sender, receiver, frame: True
    for sender, receiver, frame in held:
        carry(sender, receiver, frame)
    siege.world.run(5.0)
    assert len(held) > 50
    assert siege.alarms == [True] * 4
    siege.stop()
