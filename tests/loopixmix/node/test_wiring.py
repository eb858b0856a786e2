"""Who is what on the links of a node follows from the network documents, and from nothing the peer says."""

from __future__ import annotations

import random

from twisted.internet.task import Clock

from loopixmix.net.reception import Reception
from loopixmix.node.wiring import make_reception
from loopixmix.params import NetworkParams
from loopixmix.routing.path import Neighbourhood
from loopixmix.wire import FrameFormat, LinkRole, Packet, Pull
from tests.worlds.networks.models import EPOCH, model_network

FORMAT = FrameFormat(packet_bytes=2758, body_bytes=2436)
NET = model_network(random.Random(1), params=NetworkParams(), mixes_per_layer=1, providers=1, epoch=EPOCH)
PACKET, PULL = FORMAT.encode(Packet(b"p" * 2758)), FORMAT.encode(Pull(1, ()))
STRANGER = b"s" * 32


def reception(name: str, own: LinkRole) -> Reception:
    clock = Clock()
    clock.rightNow = NET.start_s + 1
    neighbourhood = Neighbourhood(NET.node(name).id)
    neighbourhood.add(NET.document)
    return make_reception(FORMAT, own, neighbourhood, clock)


def test_a_mix_lets_in_its_neighbours_and_nobody_else() -> None:
    judge = reception("mix21", LinkRole.MIX)
    admitted = {node.name for node in NET.document.nodes if judge.admits(node.id)}
    assert admitted == {"mix11", "mix31"}
    assert not judge.admits(STRANGER)


def test_a_provider_takes_a_mix_of_the_last_layer_for_a_mix_and_all_others_for_clients() -> None:
    judge = reception("provider1", LinkRole.PROVIDER)
    assert judge.admits(STRANGER)
    assert judge.sort(STRANGER, [PULL, PACKET]) == ([b"p" * 2758], [Pull(1, ())])
    assert judge.sort(NET.node("mix11").id, [PULL]) == ([], [Pull(1, ())])
    assert judge.sort(NET.node("mix31").id, [PACKET]) == ([b"p" * 2758], [])
    assert judge.admits(NET.node("mix31").id)
