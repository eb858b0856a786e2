from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from client.core.packets import PacketMaker
from loopixmix.epoch import epoch_start_s
from loopixmix.errors import UnavailableError
from loopixmix.routing.path import recipient_of, service_id
from loopixmix.sphinx import (
    Command,
    Deliver,
    Discard,
    Geometry,
    Payload,
    Relay,
    Reply,
    Sphinx,
    Surb,
    decode_command,
    decode_surb,
    load_arithmetic,
    open_payload,
    open_reply,
    unwrap,
    use_surb,
)
from tests.worlds.networks.models import NOW_S, ModelNetwork, model_network

ALICE, BOB = b"a" * 32, b"b" * 32


@pytest.fixture
def network(rng: random.Random) -> ModelNetwork:
    return model_network(rng)


@pytest.fixture
def maker(network: ModelNetwork, rng: random.Random) -> PacketMaker:
    sphinx = Sphinx(Geometry.for_network(network.document.params), load_arithmetic())
    return PacketMaker(
        network.document,
        sphinx,
        ALICE,
        network.document.providers()[0].id,
        rng,
    )


@dataclass
class End:
    """Where a packet ended: the nodes it passed, its last command, the key of its payload and its body."""

    passed: list[bytes]
    command: Command
    payload_key: bytes
    body: bytes

    def payload(self, maker: PacketMaker) -> Payload:
        return open_payload(self.payload_key, self.body, sphinx=maker.sphinx)


def follow(network: ModelNetwork, packet: bytes, first_hop: bytes, maker: PacketMaker) -> End:
    """Unwrap a packet hop by hop."""
    passed, at = [], first_hop
    while True:
        passed.append(at)
        node = next(node for node in network.nodes if node.id == at)
        opened = unwrap([key.private for key in node.mix_keys.values()], packet, sphinx=maker.sphinx)
        match decode_command(opened.command):
            case Relay(next_hop):
                packet, at = opened.packet, next_hop
            case command:
                return End(passed, command, opened.payload_key, opened.body)


def expected_path(network: ModelNetwork, passed: list[bytes]) -> list[int | None]:
    entries = [network.document.node(node) for node in passed]
    return [entry.layer if entry is not None else -1 for entry in entries]


def answer(network: ModelNetwork, surb: Surb | None, payload: bytes, maker: PacketMaker) -> End:
    assert surb is not None
    return follow(network, use_surb(surb, payload, sphinx=maker.sphinx), surb.first_hop, maker)


def test_a_payload_arrives_and_its_answer_comes_back(network: ModelNetwork, maker: PacketMaker) -> None:
    there = network.document.providers()[1].id
    made = maker.deliver(BOB, b"hello", provider=there, now_s=NOW_S)
    end = follow(network, made.packet, maker.provider, maker)
    assert expected_path(network, end.passed) == [None, 1, 2, 3, None]
    assert end.passed[-1] == there
    delivered = end.payload(maker)
    assert isinstance(end.command, Deliver)
    assert (recipient_of(end.command, delivered), delivered.payload) == (BOB, b"hello")
    back = answer(network, delivered.surb, b"stored", maker)
    assert expected_path(network, back.passed) == [None, 1, 2, 3, None]
    assert (back.passed[0], back.passed[-1]) == (there, maker.provider)
    assert back.command == Reply(ALICE, made.surb_id)
    assert open_reply(made.keys, back.body, sphinx=maker.sphinx) == b"stored"


def test_a_loop_ends_at_the_loop_service(network: ModelNetwork, maker: PacketMaker) -> None:
    made = maker.loop(NOW_S)
    end = follow(network, made.packet, maker.provider, maker)
    assert isinstance(end.command, Deliver)
    assert recipient_of(end.command, end.payload(maker)) == service_id("loop")
    assert end.payload(maker).payload == b""
    assert made.delay_count == 8


def test_a_drop_is_discarded(network: ModelNetwork, maker: PacketMaker) -> None:
    made = maker.drop(NOW_S)
    end = follow(network, made.packet, maker.provider, maker)
    assert end.command == Discard()
    assert len(end.passed) == 5


def test_all_packets_have_one_size(maker: PacketMaker) -> None:
    there = maker.document.providers()[1].id
    packets = [
        maker.deliver(BOB, b"x" * 2048, provider=there, now_s=NOW_S),
        maker.deliver(BOB, b"", provider=there, now_s=NOW_S),
        maker.loop(NOW_S),
        maker.drop(NOW_S),
    ]
    assert {len(made.packet) for made in packets} == {maker.geometry.packet_bytes}
    assert len({made.surb_id for made in packets}) == len(packets)


def test_each_packet_takes_a_path_of_its_own(network: ModelNetwork, maker: PacketMaker) -> None:
    paths = {tuple(follow(network, maker.drop(NOW_S).packet, maker.provider, maker).passed) for _ in range(60)}
    assert len(paths) > 10  # of 2 * 2 * 2 * 2


def test_each_reply_block_takes_a_way_back_of_its_own(network: ModelNetwork, maker: PacketMaker) -> None:
    """One way back for all would show who gets many replies, and which node to watch."""
    keys = {node.id: node.mix_keys[maker.epoch(NOW_S)].private for node in network.nodes}
    ways = set()
    for _ in range(60):
        block = maker.reply_block(network.document.providers()[1].id, epoch=maker.epoch(NOW_S), now_s=NOW_S)
        packet, way = use_surb(block.surb, b"", sphinx=maker.sphinx), [block.surb.first_hop]
        for _ in range(4):
            opened = unwrap([keys[way[-1]]], packet, sphinx=maker.sphinx)
            command = decode_command(opened.command)
            assert isinstance(command, Relay)
            packet = opened.packet
            way.append(command.next_hop)
        ways.add(tuple(way))
    assert len(ways) > 5  # of 2 * 2 * 2


def test_a_reply_block_works_in_its_epoch(network: ModelNetwork, maker: PacketMaker) -> None:
    epoch = maker.epoch(NOW_S) + 1
    block = maker.reply_block(network.document.providers()[1].id, epoch=epoch, now_s=NOW_S)
    keys = {node.id: node.mix_keys[epoch].private for node in network.nodes}
    packet, at = use_surb(block.surb, b"", sphinx=maker.sphinx), block.surb.first_hop
    for _ in range(4):
        opened = unwrap([keys[at]], packet, sphinx=maker.sphinx)
        command = decode_command(opened.command)
        assert isinstance(command, Relay)
        packet, at = opened.packet, command.next_hop
    last = unwrap([keys[at]], packet, sphinx=maker.sphinx)
    assert decode_command(last.command) == Reply(ALICE, block.surb_id)


def test_a_provider_that_left_cannot_be_sent_to(maker: PacketMaker) -> None:
    with pytest.raises(UnavailableError):
        maker.deliver(BOB, b"", provider=b"gone" * 8, now_s=NOW_S)


def test_a_part_brings_as_many_blocks_as_it_is_asked_for(network: ModelNetwork, maker: PacketMaker) -> None:
    there = network.document.providers()[1].id
    told: list[int] = []

    def encode(blocks: Sequence[bytes], epoch: int) -> bytes:
        told.append(epoch)
        return b"".join(blocks)

    made = maker.part(service_id("echo"), provider=there, blocks=3, encode=encode, now_s=NOW_S)
    end = follow(network, made.packet, maker.provider, maker)
    assert isinstance(end.command, Deliver)
    delivered = end.payload(maker)
    assert recipient_of(end.command, delivered) == service_id("echo")
    length = maker.geometry.surb_bytes
    beside = [delivered.payload[start : start + length] for start in range(0, len(delivered.payload), length)]
    surbs = [delivered.surb, *(decode_surb(block, maker.geometry) for block in beside)]
    for surb, block in zip(surbs, made.blocks, strict=True):
        back = answer(network, surb, b"share", maker)
        assert back.command == Reply(ALICE, block.surb_id)
        assert open_reply(block.keys, back.body, sphinx=maker.sphinx) == b"share"
    assert len(made.packet) == maker.geometry.packet_bytes
    assert told == [made.epoch] == [maker.epoch(made.arrives_s)]
    assert made.arrives_s > NOW_S


def test_the_blocks_of_a_part_are_for_the_epoch_in_which_it_arrives(network: ModelNetwork, maker: PacketMaker) -> None:
    there, end_s = network.document.providers()[1].id, float(epoch_start_s(maker.epoch(NOW_S) + 1, 3600))
    epochs = {
        maker.part(bytes(32), provider=there, blocks=0, encode=lambda b, e: b"", now_s=end_s - 0.8).epoch
        for _ in range(40)
    }
    assert epochs == {maker.epoch(NOW_S), maker.epoch(NOW_S) + 1}
