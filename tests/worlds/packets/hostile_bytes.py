"""Bytes that no honest peer sends: frames of every type, packets with right MACs around anything."""

from __future__ import annotations

import random

from loopixmix.epoch import epoch_at
from loopixmix.sphinx import Hop, Reply, Route, make_surb
from loopixmix.wire import (
    Dummy,
    Frame,
    Hello,
    Item,
    ItemKind,
    LinkRole,
    Packet,
    Pull,
    Register,
    Registered,
    RegisterRefusal,
    RegisterRefused,
)
from tests.worlds.networks.towns import Town


def any_text(rng: random.Random) -> str:
    return "".join(rng.choice("ab.-_ \0\x7fé\u202e\U0001f600'\";%") for _ in range(rng.randrange(1, 16)))


def any_frame(rng: random.Random, town: Town) -> bytes:
    """Return a frame of any type with anything in its fields, or no frame at all."""
    frames, geometry = town.world.packet_format.frames, town.world.geometry
    ids = tuple(rng.randrange(1, 2**64) for _ in range(rng.randrange(frames.max_acknowledged + 1)))
    values: list[Frame] = [
        Pull(rng.getrandbits(64), ids),
        Pull(0, (2**64 - 1, 2**63, 1)),
        Register(any_text(rng), any_text(rng), rng.randbytes(rng.randrange(2400))),
        Item(rng.getrandbits(64), rng.randrange(1, 2**64), ItemKind.MESSAGE, bytes(8), bytes(geometry.body_bytes)),
        Hello(1, bytes(16), bytes(16), rng.choice(list(LinkRole))),
        Registered(),
        RegisterRefused(rng.choice(list(RegisterRefusal))),
        Dummy(),
        Packet(rng.randbytes(geometry.packet_bytes)),
    ]
    encoded = [frames.encode(value) for value in values]
    broken = bytearray(rng.choice(encoded))
    broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    return rng.choice([*encoded, bytes(broken), rng.randbytes(frames.frame_bytes)])


def forged_packet(rng: random.Random, town: Town, name: str) -> bytes:
    """Return a packet whose MACs are right for the node `name`, around a command and a content of any kind."""
    world = town.world
    node = world.model.node(name)
    key = node.public_mix_keys[epoch_at(world.clock.seconds(), world.params.epoch_length_s)]
    surb, _ = make_surb(
        rng.randbytes(32), [Hop(key, Reply(bytes(32), bytes(8)))], sphinx=world.packet_format.sphinx, rng=rng
    )
    known = [each.id for each in world.model.document.nodes] + [town.alice.id, town.bob.id, bytes(32)]
    commands = [
        bytes([rng.randrange(6)]) + rng.choice(known) + rng.choice([bytes(8), rng.randbytes(8), b"\xff" * 8]),
        rng.randbytes(41),
        bytes(41),
    ]
    contents = [
        b"",
        b"\0",
        b"\1",
        b"\1" + surb.encode(),
        b"\1" + rng.randbytes(world.geometry.surb_bytes) + b"x" * world.geometry.payload_bytes,
        b"\0" + bytes(world.geometry.payload_bytes),
        b"\0" + rng.randbytes(world.geometry.content_bytes - 1),
        rng.randbytes(rng.randrange(world.geometry.content_bytes)),
    ]
    padding = rng.randbytes(world.geometry.path_padding_bytes(1))
    route = Route((key,), (rng.choice(commands),), rng.randbytes(32), padding)
    return world.packet_format.sphinx.arithmetic.wrap(route, rng.choice(contents), world.geometry)
