"""Keys turn over with the epochs, and a network in memory crosses edges without losing a packet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
from twisted.internet.task import Clock

from loopixmix.directory import Document
from loopixmix.errors import StoreError
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import MemoryKeyStore
from loopixmix.keyring.rotation import RETRY_S, KeyRotation
from loopixmix.keys import MixKey
from loopixmix.params import NetworkParams
from loopixmix.process.wallclock import DOUBT_S
from tests.worlds.networks.mixes import MixWorld, RunningMix
from tests.worlds.networks.models import EPOCH
from tests.worlds.networks.providers import RunningProvider

LENGTH_S, GRACE_S = 100, 10


class FailingStore(MemoryKeyStore):
    """Cannot be written while `full`."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    def save(self, epoch: int, key: MixKey) -> None:
        if self.full:
            raise StoreError("no space left")
        super().save(epoch, key)


def make_rotation(store: MemoryKeyStore, clock: Clock) -> tuple[MixKeyring, KeyRotation]:
    keyring = MixKeyring(
        store,
        rng=random.Random(1),
        epoch_length_s=LENGTH_S,
        grace_s=GRACE_S,
        max_tags=10,
    ).open(clock.seconds())
    return keyring, KeyRotation(keyring, clock=clock)


def test_keys_follow_the_clock() -> None:
    clock, store = Clock(), MemoryKeyStore()
    clock.rightNow = 5020.0
    _, rotation = make_rotation(store, clock)
    rotation.start()
    for _ in range(5):
        assert len(clock.getDelayedCalls()) == 1
        clock.advance(17.0)
    assert sorted(store.keys) == [50, 51, 52, 53]
    clock.advance(5.0)
    assert sorted(store.keys) == [51, 52, 53]
    clock.rightNow = 5920.0
    clock.advance(60.0)
    assert sorted(store.keys) == [59, 60, 61]
    rotation.stop()
    assert clock.getDelayedCalls() == []


def test_a_store_that_fails_is_told_and_tried_again() -> None:
    clock, store = Clock(), FailingStore()
    clock.rightNow = 5020.0
    _, rotation = make_rotation(store, clock)
    rotation.start()
    store.full = True
    clock.advance(60.0)
    clock.advance(20.0)
    assert rotation.problem == "turning mix keys over failed, and is tried again: no space left"
    clock.advance(RETRY_S)
    assert rotation.problem == "turning mix keys over failed, and is tried again: no space left"
    store.full = False
    clock.advance(RETRY_S)
    assert rotation.problem is None
    assert 53 in store.keys
    rotation.stop()
    assert clock.getDelayedCalls() == []


def test_a_clock_that_is_wrong_for_a_minute_costs_no_key() -> None:
    clock, store = Clock(), MemoryKeyStore()
    clock.rightNow = 5020.0
    keyring, rotation = make_rotation(store, clock)
    rotation.start()
    before = keyring.public_keys(5020.0)
    clock.rightNow = 91_420.0
    rotation.clock_was_set()
    assert len(keyring.public_keys(91_420.0)) == 3
    clock.advance(90)
    clock.rightNow = 5110.0
    rotation.clock_was_set()
    assert {epoch: keyring.public_keys(5110.0)[epoch] for epoch in (51, 52)} == {
        epoch: before[epoch] for epoch in (51, 52)
    }
    # What the wrong clock made is not kept for a day.
    clock.advance(DOUBT_S)
    assert sorted(store.keys) == [54, 55, 56]
    rotation.stop()
    assert clock.getDelayedCalls() == []


def test_a_turn_that_comes_before_word_of_the_wrong_clock_erases_nothing() -> None:
    clock, store, set_clocks = Clock(), MemoryKeyStore(), [False]
    clock.rightNow = 5020.0
    keyring, _ = make_rotation(store, clock)
    rotation = KeyRotation(keyring, clock=clock, was_just_set=lambda: set_clocks[0])
    rotation.start()
    clock.rightNow, set_clocks[0] = 91_420.0, True
    rotation.hurry()
    assert {50, 51, 52} <= set(store.keys)
    [turn] = clock.getDelayedCalls()
    assert turn.getTime() == clock.seconds() + 1.0  # not at once: turn would follow turn until the word comes
    set_clocks[0] = False
    rotation.hurry()  # nobody doubted it
    assert min(store.keys) >= 914
    rotation.stop()


def test_after_a_sleep_old_keys_are_erased_when_the_network_agrees_or_after_a_while() -> None:
    for agrees in (True, False):
        clock, store = Clock(), MemoryKeyStore()
        clock.rightNow = 5020.0
        _, rotation = make_rotation(store, clock)
        rotation.start()
        clock.rightNow = 5920.0
        rotation.clock_was_set()
        assert sorted(store.keys) == [50, 51, 52, 59, 60, 61]
        rotation.trust_clock() if agrees else clock.advance(DOUBT_S)
        assert min(store.keys) >= 59
        rotation.stop()
        assert clock.getDelayedCalls() == []


def test_a_defect_does_not_end_it() -> None:
    clock = Clock()
    clock.rightNow = 5020.0
    keyring, rotation = make_rotation(MemoryKeyStore(), clock)
    rotation.start()
    advance, keyring.advance = keyring.advance, _broken  # type: ignore[method-assign]
    clock.advance(60.0)
    assert "no such epoch" in (rotation.problem or "")
    keyring.advance = advance  # type: ignore[method-assign]
    clock.advance(RETRY_S)
    assert rotation.problem is None
    rotation.stop()


def _broken(_: float, *, erases: bool = True) -> bool:
    raise ValueError("no such epoch")


PARAMS = NetworkParams(delay_mean_s=0.5, node_loop_rate_per_s=4.0, epoch_length_s=30, grace_s=1)


def document_of(world: MixWorld, nodes: Sequence[RunningMix | RunningProvider], epoch: int) -> Document:
    """What an authority makes of the nodes' keys."""
    now_s = world.clock.seconds()
    keys = {node.identity: node.keyring.public_keys(now_s) for node in nodes}
    entries = tuple(
        msgspec.structs.replace(entry, mix_keys={e: key for e, key in keys[entry.id].items() if epoch <= e < epoch + 2})
        for entry in world.model.document.nodes
    )
    start_s = epoch * PARAMS.epoch_length_s
    return msgspec.structs.replace(
        world.model.document,
        epoch=epoch,
        valid_from_s=start_s,
        valid_until_s=start_s + 2 * PARAMS.epoch_length_s,
        nodes=entries,
    )


def test_nothing_is_lost_at_the_edges_of_epochs(tmp_path: Path) -> None:
    """Loops cross three edges on keys that change at each: not one MAC fails, none is lost.

    Delays of half a second on up to seven hops, and a grace of one: many loops reach their last hops when the key of
    their first is over.
    """
    world = MixWorld(PARAMS, latency_s=0.02)
    nodes: list[RunningMix | RunningProvider] = [
        *(world.mix(name) for name in ("mix11", "mix21", "mix31")),
        RunningProvider(world, "provider1", tmp_path),
    ]
    rotations = [KeyRotation(node.keyring, clock=world.clock) for node in nodes]
    for node, rotation in zip(nodes, rotations, strict=True):
        rotation.start()
        node.adopt(world.model.document)
        node.start()
    for epoch in range(EPOCH + 1, EPOCH + 4):
        edge_s = epoch * PARAMS.epoch_length_s
        world.run(edge_s - 5.0 - world.clock.seconds())
        following = document_of(world, nodes, epoch)
        for node in nodes:
            node.prepare(following)
        # Not everybody's clock is right: one node takes the document up late, one early.
        for node, late_s in zip(nodes, (-0.5, 0.0, 0.25, 0.5), strict=True):
            world.run(edge_s + late_s - world.clock.seconds())
            node.adopt(following)
    world.run(20.0)
    for node in nodes:
        counts = node.counters.snapshot()
        assert counts.dropped == {}
        assert counts.loops.lost == 0
        assert counts.loops.returned > 360
    for node, rotation in zip(nodes, rotations, strict=True):
        rotation.stop()
        node.stop()
    assert world.clock.getDelayedCalls() == []
