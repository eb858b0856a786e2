"""Clocks that are wrong, or made to be: packets around an edge of epochs, sent by clients whose clocks differ."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loopixmix.drops import DropReason
from loopixmix.routing.path import choose_path, deliver_to, draw_delays_s, hops_for
from loopixmix.sphinx import wrap
from tests.worlds.networks.towns import TOWN_PARAMS, Town

PARAMS = msgspec.structs.replace(TOWN_PARAMS, node_loop_rate_per_s=1e-9)
SENT_AROUND_EDGE_S = (-25.0, -9.0, -4.0, -0.5, 0.5, 4.0, 9.0, 25.0)


def send_with_skew(town: Town, skew_s: float, number: int) -> None:
    """Send a message whose packet was made by a clock that is `skew_s` ahead."""
    document, rng = town.world.model.document, town.alice.rng
    path = choose_path(document, entry=town.p1.identity, exit=town.p2.identity, rng=rng)
    delays_s = draw_delays_s(len(path) - 1, town.world.params, rng)
    start_s = town.world.clock.seconds() + skew_s
    payload = (b"%d" % number).ljust(town.world.geometry.payload_bytes, b"\0")
    hops = hops_for(document, path, deliver_to(town.bob.id, payload, None), delays_s, start_s=start_s)
    town.alice.submit(wrap(hops, payload, sphinx=town.world.packet_format.sphinx, rng=rng))


def drops(town: Town) -> set[DropReason]:
    nodes = (*town.mixes, town.p1, town.p2)
    return {reason for node in nodes for reason in node.recorder.drops}


@pytest.mark.parametrize("skew_s", [-9.0, 0.0, 9.0])
def test_no_packet_is_lost_at_an_edge_by_a_clock_within_the_grace(tmp_path: Path, skew_s: float) -> None:
    """Else whoever sets a victim's clock a little, or waits for the edge, sees whose packets are missing."""
    town = Town(tmp_path, params=PARAMS)
    edge_s = town.world.model.start_s + PARAMS.epoch_length_s
    for number, offset_s in enumerate(SENT_AROUND_EDGE_S):
        town.world.run(edge_s + offset_s - town.world.clock.seconds())
        send_with_skew(town, skew_s, number)
    town.settle()
    assert drops(town) == set()
    bodies = {item.body.rstrip(b"\0") for item in town.bob.collect(pulls=6)}
    assert bodies == {b"%d" % number for number in range(len(SENT_AROUND_EDGE_S))}
    town.stop()


def test_a_clock_that_is_hours_wrong_loses_its_packets_at_the_first_hop(tmp_path: Path) -> None:
    """They are counted there, and go nowhere."""
    town = Town(tmp_path, params=PARAMS)
    send_with_skew(town, 2 * PARAMS.epoch_length_s, 0)
    town.settle()
    assert town.p1.drops(DropReason.BAD_MAC) == 1
    assert all(mix.recorder.drops == [] for mix in town.mixes)
    town.stop()
