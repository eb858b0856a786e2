"""Reply blocks: used here, or not at all."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from twisted.internet.task import Clock

from loopixmix.drops import DropReason
from loopixmix.keys import MixKey
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.sphinx import Hop, Reply, Surb, SurbKeys, load_arithmetic, make_surb, open_reply, unwrap
from provider.drops import Drops
from provider.replies import ReplyBlocks
from tests.worlds.mailboxes.mailstores import Facts

HERE, ELSEWHERE = bytes([5]) * 32, bytes([6]) * 32
SPHINX = PacketFormat.for_network(NetworkParams(), arithmetic=load_arithmetic()).sphinx


class WrittenHop:
    """A hop of which only the packets that it is given are known."""

    identity = HERE

    def __init__(self) -> None:
        self.injected: list[bytes] = []

    def inject(self, packets: Sequence[bytes]) -> None:
        self.injected += packets


class World:
    def __init__(self, rng: random.Random) -> None:
        self.rng, self.key = rng, MixKey.generate(rng)
        self.hop, self.facts = WrittenHop(), Facts()
        self.blocks = ReplyBlocks(hop=self.hop, sphinx=SPHINX, drops=Drops(clock=Clock(), observer=self.facts))

    def surb(self, first_hop: bytes = HERE) -> tuple[Surb, SurbKeys]:
        return make_surb(first_hop, [Hop(self.key.public, Reply(HERE, b"surb-id8"))], sphinx=SPHINX, rng=self.rng)


@pytest.fixture
def world(rng: random.Random) -> World:
    return World(rng)


@pytest.mark.parametrize("encoded", [False, True])
def test_a_block_makes_one_packet(world: World, encoded: bool) -> None:
    surb, keys = world.surb()
    world.blocks.use(surb.encode() if encoded else surb, b"said")
    [packet] = world.hop.injected
    opened = unwrap([world.key.private], packet, sphinx=SPHINX)
    assert open_reply(keys, opened.body, sphinx=SPHINX) == b"said"


def test_without_a_block_nothing_is_said(world: World) -> None:
    world.blocks.use(None, b"said")
    assert (world.hop.injected, world.facts.drops) == ([], [])


@pytest.mark.parametrize("encoded", [False, True])
def test_a_block_whose_way_begins_elsewhere_is_counted_and_not_used(world: World, encoded: bool) -> None:
    surb, _ = world.surb(ELSEWHERE)
    block = surb.encode() if encoded else surb
    assert not world.blocks.starts_here(block)
    world.blocks.use(block, b"said")
    assert world.hop.injected == []
    assert world.facts.drops == [DropReason.UNKNOWN_NEXT_HOP] * 2
    assert world.blocks.starts_here(world.surb()[0].encode())
