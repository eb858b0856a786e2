"""Packets that skip a layer: from a mix of the wrong layer, from a client, from a stranger, straight to a mix."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.seams import Identity, PacketIn
from loopixmix.wire import Pull
from tests.worlds.networks.mixes import RunningMix
from tests.worlds.networks.providers import RunningProvider
from tests.worlds.networks.towns import Town, relay_packet


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.silence()
    yield town
    town.stop()


def smuggle(town: Town, sender: Identity, names: tuple[str, ...], *, count: int = 5) -> None:
    """Let `sender` hand over packets that are right in everything but the layer they come from."""
    rng = random.Random(1)
    for _ in range(count):
        packet = relay_packet(town.world, names, rng)
        town.world.hub.carry(
            sender, town.world.model.node(names[0]).id, town.world.packet_format.frames.packet_frame(packet)
        )
    town.settle()


def took_from(node: RunningMix | RunningProvider) -> set[Identity]:
    """Whose packets a node has taken; loops that were under way are among them."""
    return {fact.peer for fact in node.recorder.of(PacketIn) if isinstance(fact, PacketIn)}


def test_a_mix_takes_no_packet_from_the_layer_after_it(town: Town) -> None:
    """A link with it is right, as packets go to it; the packets are dropped and counted."""
    first, second, _ = town.mixes
    smuggle(town, second.identity, ("mix11", "mix21", "mix31", "provider1"))
    assert first.recorder.drops == [DropReason.UNKNOWN_PREVIOUS_HOP] * 5
    assert second.identity not in took_from(first)
    assert first.refusals == []


def test_a_mix_has_no_link_with_a_layer_that_does_not_touch_its_own(town: Town) -> None:
    """A provider, or a mix of the first layer, would let its packets skip what is between."""
    *_, last = town.mixes
    for sender in (town.mixes[0].identity, b"s" * 32):
        smuggle(town, sender, ("mix31", "provider1"))
    assert set(last.refusals) == {RefusalReason.UNKNOWN_KEY}
    assert took_from(last) <= {town.mixes[1].identity}


def test_a_client_has_no_link_with_a_mix(town: Town) -> None:
    smuggle(town, town.alice.id, ("mix11", "mix21", "mix31", "provider1"))
    for mix in town.mixes:
        town.world.hub.carry(town.alice.id, mix.identity, town.world.packet_format.frames.encode(Pull(1, ())))
    town.settle()
    assert [set(mix.refusals) for mix in town.mixes] == [{RefusalReason.UNKNOWN_KEY}] * 3
    assert not any(town.alice.id in took_from(mix) for mix in town.mixes)


def test_a_mix_of_the_first_layer_is_to_a_provider_a_client_without_an_account(town: Town) -> None:
    smuggle(town, town.mixes[0].identity, ("provider1",))
    assert town.p1.drops(DropReason.NOT_REGISTERED) == 5
    assert town.mixes[0].identity not in took_from(town.p1)
    before = len(town.p1.recorder.of(PacketIn))
    smuggle(town, town.mixes[2].identity, ("provider1",))
    assert len(town.p1.recorder.of(PacketIn)) == before + 5
