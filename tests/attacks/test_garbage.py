"""Bytes that no honest peer sends, in every place where a peer's bytes are read: counted, and nothing else.

Frames come as TLS links would pass them on or as they would not, packets with right MACs around wrong commands, bodies
and reply blocks, items with anything in them. Afterwards everything works, and no log tells of a surprise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import globalLogPublisher

from client.core.fragments import FragmentSizes, seal_fragments
from loopixmix.drops import DropReason
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import Dummy, ItemKind
from tests.worlds.clients.world import Person, World
from tests.worlds.networks.towns import LogReader, Town
from tests.worlds.packets.hostile_bytes import any_frame, forged_packet

ALICE, BOB = "alice@home", "bob@away"
ROUNDS = 150


@pytest.fixture
def logs() -> Iterator[LogReader]:
    reader = LogReader()
    globalLogPublisher.addObserver(reader)
    yield reader
    globalLogPublisher.removeObserver(reader)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.stop()


def test_a_provider_survives_any_frame_of_a_client(town: Town, logs: LogReader) -> None:
    rng, world = random.Random(1), town.world
    for sender in (town.alice.id, rng.randbytes(32)):
        for _ in range(ROUNDS):
            world.hub.carry(sender, town.p1.identity, any_frame(rng, town))
            world.run(0.4)
    assert len(town.p1.recorder.refusals) > 10
    assert logs.defects == []
    still_works(town)


@pytest.mark.parametrize("name", ["provider1", "mix11", "mix31", "provider2"])
def test_a_node_survives_any_packet_with_the_right_mac(town: Town, logs: LogReader, name: str) -> None:
    rng, world = random.Random(2), town.world
    sender = {
        "provider1": town.alice.id,
        "mix11": town.p1.identity,
        "mix31": town.mixes[1].identity,
        "provider2": town.mixes[2].identity,
    }
    for _ in range(ROUNDS):
        frame = world.packet_format.frames.packet_frame(forged_packet(rng, town, name))
        world.hub.carry(sender[name], world.model.node(name).id, frame)
        world.run(0.4)
    world.run(20.0)
    node = {"provider1": town.p1, "mix11": town.mixes[0], "mix31": town.mixes[2], "provider2": town.p2}[name]
    drops = set(node.recorder.drops)
    assert DropReason.UNKNOWN_COMMAND in drops
    assert drops & {DropReason.UNEXPECTED_COMMAND, DropReason.BAD_PAYLOAD}
    assert DropReason.SERVICE_FAILED not in drops  # which would be a defect that was caught
    assert logs.defects == []
    still_works(town)


@pytest.mark.parametrize("name", ["mix11", "provider2"])
def test_a_node_survives_any_frame_of_a_neighbour(town: Town, logs: LogReader, name: str) -> None:
    rng, world = random.Random(3), town.world
    sender = {"mix11": town.p1.identity, "provider2": town.mixes[2].identity}[name]
    for _ in range(ROUNDS):
        world.hub.carry(sender, world.model.node(name).id, any_frame(rng, town))
        world.run(0.1)
    assert logs.defects == []
    still_works(town)


def still_works(town: Town) -> None:
    carol = town.client("carol", town.p1)
    carol.deliver(town.bob.id, b"still here", exit=town.p2.identity)
    town.settle(5.0)
    assert b"still here" in [item.body.rstrip(b"\0") for item in town.bob.collect(pulls=30)]
    assert b"" in carol.replies()


def test_a_client_survives_anything_in_its_mailbox(logs: LogReader) -> None:
    world = World(seed=8, arithmetic=load_arithmetic())
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    rng, away = random.Random(4), world.nodes["away"]
    for _ in range(60):
        kind = rng.choice([ItemKind.MESSAGE, ItemKind.REPLY])
        surb_id = rng.randbytes(8) if kind is ItemKind.REPLY else bytes(8)
        away.put(bob.keys.identity_key.public, kind, surb_id, rng.randbytes(rng.choice([0, 1, 2048, 2436])))
        for fragment in sealed_garbage(rng, world, bob):
            away.put(bob.keys.identity_key.public, ItemKind.MESSAGE, bytes(8), fragment)
    for _ in range(ROUNDS):
        frame = bytearray(world.format.encode(Dummy()))
        frame[: rng.randrange(1, 400)] = rng.randbytes(len(frame[: rng.randrange(1, 400)]))
        world.hub.carry(away.model.id, bob.keys.identity_key.public, bytes(frame[: world.format.frame_bytes]))
    world.clock.run_for(60)
    assert logs.defects == []
    world.run(alice.client.send(BOB, b"still here", kind="text", idempotency_key="1"))
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 60)
    world.stop()


def sealed_garbage(rng: random.Random, world: World, bob: Person) -> list[bytes]:
    """Return fragments that were sealed to Bob rightly, around a message that nobody could have made."""
    streams = [
        b"",
        b"\1",
        b"\2",
        b"\3" + bytes(64),
        b"\2\x93",
        b"\2" + b"\x91" * 3000,
        rng.randbytes(rng.randrange(5000)),
    ]
    fragments = seal_fragments(
        rng.choice(streams),
        recipient=bob.keys.identity_key.public,
        recipient_key=bob.keys.sealing.public,
        message_key=rng.randbytes(32),
        sealer=bob.sealer,
        sizes=FragmentSizes(world.geometry.payload_bytes),
    )
    return list(fragments)
