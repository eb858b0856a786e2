"""The client's link begins with the network document and follows it."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from twisted.internet.defer import Deferred, succeed

from client.link.link import ClientLink
from loopixmix.net.address import PeerAddress
from loopixmix.net.network import FramesReceived
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import FrameFormat
from tests.worlds.networks.models import model_network


class FakeLinks:
    """Remembers what it is told."""

    def __init__(self, frame_format: FrameFormat) -> None:
        self.frame_format = frame_format
        self.received: FramesReceived | None = None
        self.peers: dict[Identity, PeerAddress] = {}
        self.sent: list[tuple[Identity, bytes]] = []
        self.stopped = False
        self.reads: list[bool] = []

    def start(self, received: FramesReceived) -> None:
        self.received = received

    def send(self, peer: Identity, frame: bytes) -> bool:
        self.sent.append((peer, frame))
        return True

    def set_peers(self, peers: Mapping[Identity, PeerAddress]) -> None:
        self.peers = dict(peers)

    def let_read(self, peer: Identity, reads: bool) -> None:
        """Note whether the link is to be read."""
        self.reads.append(reads)

    def is_open(self, peer: Identity) -> bool:
        return peer in self.peers

    def problem(self, peer: Identity) -> str | None:
        return None if peer in self.peers else "nobody asked for it"

    def stop(self) -> Deferred[None]:
        self.stopped = True
        return succeed(None)


class Linked:
    """A link, and what it made."""

    def __init__(self) -> None:
        self.made: list[FakeLinks] = []
        self.link = ClientLink(self.make)

    def make(self, frame_format: FrameFormat) -> FakeLinks:
        self.made.append(FakeLinks(frame_format))
        return self.made[-1]


def take(peer: Identity, packets: object, frames: object) -> None:
    """A receiver of frames."""


@pytest.fixture
def linked() -> Linked:
    return Linked()


DOCUMENT = model_network(random.Random(1), params=NetworkParams()).document


def frames_of(params: NetworkParams) -> FrameFormat:
    return PacketFormat.for_network(params, arithmetic=load_arithmetic()).frames


FRAMES = frames_of(DOCUMENT.params)
PROVIDER, OTHER = DOCUMENT.providers()[:2]


def test_without_a_document_nothing_is_sent_or_dialled(linked: Linked) -> None:
    linked.link.start(take)
    linked.link.connect(PROVIDER)
    assert not linked.link.send(PROVIDER.id, b"frame")
    assert not linked.link.is_open(PROVIDER.id)
    assert linked.link.problem(PROVIDER.id) is None
    assert linked.made == []


def test_the_first_document_begins_what_was_asked_for_before(linked: Linked) -> None:
    linked.link.start(take)
    linked.link.connect(PROVIDER)
    linked.link.adopt(FRAMES)
    [links] = linked.made
    assert links.received is take
    assert links.peers == {PROVIDER.id: PeerAddress(PROVIDER.host, PROVIDER.port)}
    assert linked.link.send(PROVIDER.id, b"frame")
    assert links.sent == [(PROVIDER.id, b"frame")]
    assert linked.link.is_open(PROVIDER.id)
    assert linked.link.problem(OTHER.id) == "nobody asked for it"


def test_another_provider_takes_the_place_of_the_first(linked: Linked) -> None:
    linked.link.adopt(FRAMES)
    linked.link.start(take)
    linked.link.connect(PROVIDER)
    linked.link.connect(OTHER)
    assert set(linked.made[0].peers) == {OTHER.id}


def test_links_live_through_documents_of_the_same_sizes_only(linked: Linked) -> None:
    linked.link.start(take)
    linked.link.connect(PROVIDER)
    linked.link.adopt(FRAMES)
    linked.link.adopt(FrameFormat(FRAMES.packet_bytes, FRAMES.body_bytes))
    assert len(linked.made) == 1
    linked.link.adopt(frames_of(NetworkParams(payload_bytes=4096)))
    old, new = linked.made
    assert old.stopped
    assert new.received is take
    assert set(new.peers) == {PROVIDER.id}
    assert new.frame_format != old.frame_format


def test_a_stopped_link_sends_nothing(linked: Linked) -> None:
    linked.link.adopt(FRAMES)
    stopped = linked.link.stop()
    assert stopped.called
    assert linked.made[0].stopped
    assert not linked.link.send(PROVIDER.id, b"frame")
