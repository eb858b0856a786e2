"""A loop is drawn as everybody's packets are, and made so that it comes back to the node that sent it."""

from __future__ import annotations

import random

import pytest

from loopixmix.cover.plan import LoopMaker, draw_loop
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity
from loopixmix.sphinx import Deliver, Relay, Reply, decode_command, open_payload, open_reply, unwrap, use_surb
from tests.worlds.networks.mixes import MixWorld
from tests.worlds.networks.models import EPOCH

PARAMS = NetworkParams(delay_mean_s=0.05, node_loop_rate_per_s=2.0, epoch_length_s=600, grace_s=10)


@pytest.mark.parametrize(
    ("name", "out", "back", "delays"),
    [
        ("mix11", [2, 3, None], [None, 1], 3),
        ("mix21", [3, None], [None, 1, 2], 3),
        ("mix31", [None], [None, 1, 2, 3], 3),
        ("provider1", [1, 2, 3, None], [None, 1, 2, 3, None], 7),
    ],
)
def test_a_loop_goes_the_way_of_everybodys_packets(
    rng: random.Random, name: str, out: list[int | None], back: list[int | None], delays: int
) -> None:
    world = MixWorld(PARAMS, mixes_per_layer=2, providers=2)
    me = world.model.node(name).entry()
    plan = draw_loop(world.model.document, me, rng)
    assert [node.layer for node in plan.out] == out
    assert [node.layer for node in plan.back] == back
    assert plan.out[-1] == plan.back[0]
    assert plan.back[-1] == me
    assert plan.delay_count == delays


def test_a_made_loop_comes_back_by_its_reply_block(rng: random.Random) -> None:
    world = MixWorld(PARAMS, mixes_per_layer=2, providers=2)
    me = world.model.node("mix21").entry()
    sphinx = world.packet_format.sphinx
    loop = LoopMaker(me.id, world.packet_format, rng).make(world.model.document, me, start_s=world.model.start_s)

    def follow(packet: bytes, first: Identity) -> tuple[bytes, object, bytes, bytes]:
        at = first
        while True:
            opened = unwrap([world.model.keys[at][EPOCH].private], packet, sphinx=sphinx)
            command = decode_command(opened.command)
            if not isinstance(command, Relay):
                return at, command, opened.payload_key, opened.body
            at, packet = command.next_hop, opened.packet

    packet = world.packet_format.frames.packet_of(loop.frame)
    end, command, payload_key, body = follow(packet, loop.plan.out[0].id)
    assert end == loop.plan.out[-1].id
    assert isinstance(command, Deliver)
    content = open_payload(payload_key, body, sphinx=sphinx)
    surb = content.surb
    assert surb is not None
    # What a client's loop has in it, too (tests/client/core/test_packets.py): their end cannot tell them apart.
    assert content.payload == b""
    assert surb.first_hop == end
    back, command, _, body = follow(use_surb(surb, b"", sphinx=sphinx), end)
    assert (back, command) == (me.id, Reply(me.id, loop.plan.surb_id))
    assert open_reply(loop.keys, body, sphinx=sphinx) == b""


def test_one_seed_makes_the_same_loop() -> None:
    world = MixWorld(PARAMS)
    me = world.model.node("mix11").entry()
    makers = [LoopMaker(me.id, world.packet_format, random.Random(3)) for _ in range(2)]
    one, other = (maker.make(world.model.document, me, start_s=world.model.start_s) for maker in makers)
    assert one == other
    assert makers[0].make(world.model.document, me, start_s=world.model.start_s).frame != one.frame
