"""Tagging: the first node and the last work together; one spoils the body of a packet, which no header's MAC covers.

The other sees a spoiled body, and knows the packet again (packet.md, security notes). What else do they learn?
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.drops import DropReason
from loopixmix.hop.mixing import Arrived
from loopixmix.routing.path import service_id
from loopixmix.sphinx import Deliver, PacketError, open_reply
from loopixmix.wire import ItemKind
from tests.worlds.networks.towns import Town
from tests.worlds.networks.wires import Spoiler


class LastNode:
    """Sees everything that arrives at a provider, and passes it on: it stands between the hop and the mailboxes."""

    def __init__(self, town: Town) -> None:
        self.arrived: list[Arrived] = []
        self._take = town.p2.service.deliveries.arrived
        # In place of what takes them, which was told when the provider began.
        town.p2.service.hop.start(self)

    def __call__(self, arrived: Arrived) -> DropReason | None:
        self.arrived.append(arrived)
        return self._take(arrived)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.silence()
    yield town
    town.stop()


def spoil(packet: bytes, header_bytes: int) -> bytes:
    return packet[:header_bytes] + bytes([packet[header_bytes] ^ 1]) + packet[header_bytes + 1 :]


def message(town: Town) -> bytes:
    payload = town.alice.rng.randbytes(town.world.geometry.payload_bytes)
    surb = town.alice.surb(town.p2.identity)
    return town.alice.packet(town.bob.id, payload, exit=town.p2.identity, surb=surb)


def test_whom_a_spoiled_packet_was_for_is_spoiled_with_it(town: Town) -> None:
    """Were the recipient readable in the header, the two would know who writes to whom at the cost of one packet."""
    last = LastNode(town)
    header_bytes = town.world.geometry.header_bytes
    for _ in range(5):
        town.alice.submit(spoil(message(town), header_bytes))
    town.settle()
    addresses = [arrived.command.address for arrived in last.arrived if isinstance(arrived.command, Deliver)]
    assert len(addresses) == len(set(addresses)) == 5  # nor are two packets for one person alike
    assert town.bob.id not in addresses
    assert town.p2.drops(DropReason.TAGGED_PAYLOAD) == 5
    assert town.bob.collect() == []
    assert town.alice.replies() == []


def test_a_spoiled_loop_and_a_spoiled_message_end_alike(town: Town) -> None:
    last = LastNode(town)
    header_bytes = town.world.geometry.header_bytes
    surb = town.alice.surb(town.p2.identity)
    loop = town.alice.packet(service_id("loop"), b"", exit=town.p2.identity, surb=surb)
    for packet in (loop, message(town)):
        town.alice.submit(spoil(packet, header_bytes))
    town.settle()
    assert [type(arrived.command) for arrived in last.arrived] == [Deliver, Deliver]
    assert service_id("loop") not in [arrived.command.address for arrived in last.arrived]
    assert town.p2.service.deliveries.counts.asked == 0


def test_a_whole_packet_still_finds_its_recipient(town: Town) -> None:
    town.alice.submit(message(town))
    town.settle()
    assert len(town.bob.collect()) == 1
    assert town.alice.replies() == [b""]


def test_a_spoiled_reply_ends_like_a_whole_one(town: Town) -> None:
    """On the way back the last node cannot open the body, and so cannot know it again; its owner sees the damage."""
    before = town.p1.service.deliveries.counts.asked
    town.bob.request("echo", b"hello", at=town.p1.identity)
    town.world.run(2.0, until=lambda: town.p1.service.deliveries.counts.asked > before)
    frames, header_bytes = town.world.packet_format.frames, town.world.geometry.header_bytes

    def spoil_in(frame: bytes) -> bytes:
        return frames.packet_frame(spoil(frames.packet_of(frame), header_bytes))

    Spoiler(town.world.hub, town.mixes[1].identity, spoil_in)
    town.settle()
    assert town.p2.recorder.drops == []
    [item] = [item for item in town.bob.collect() if item.kind is ItemKind.REPLY]
    with pytest.raises(PacketError, match="tagged_payload"):
        open_reply(town.bob.surbs[item.surb_id], item.body, sphinx=town.world.packet_format.sphinx)
