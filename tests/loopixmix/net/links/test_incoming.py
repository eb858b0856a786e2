"""Links that peers make: counted against the bounds, the newest of each peer kept."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from loopixmix.drops import RefusalReason
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.incoming import IncomingLinks
from loopixmix.net.links.link import LinkOwner
from tests.worlds.networks.links import RecordingObserver

HERE = IPv4Address("TCP", "192.0.2.1", 9000)


class Mail:
    """An outbox that only knows that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Connection:
    """A link as far as its owner sees it; the test plays its life."""

    def __init__(self, owner: LinkOwner) -> None:
        self.owner, self.outbox, self.peer = owner, Mail(), b""
        self.closed = self.is_open = False
        self.refused: RefusalReason | None = None
        self.queue_frames = 0
        self.is_vouched_for = False
        self.is_silent = self.is_young = False

    @property
    def may_go(self) -> bool:
        return self.is_silent if self.is_vouched_for else not self.is_young

    def vouched(self, *, queue_frames: int) -> None:
        self.is_vouched_for, self.queue_frames = True, queue_frames

    def doubted(self) -> None:
        self.is_vouched_for = False

    def refuse(self, reason: RefusalReason) -> None:
        self.refused, self.is_open = reason, False

    def open(self, peer: bytes) -> None:
        self.peer, self.is_open = peer, True
        self.owner.link_opened(self)  # type: ignore[arg-type]

    def close(self) -> None:
        self.closed = True

    def lose(self) -> None:
        self.owner.link_closed(self, "gone")  # type: ignore[arg-type]


class Bench:
    def __init__(self, **limits: float) -> None:
        self.observer = RecordingObserver()
        self.clock = Clock()
        self.links = IncomingLinks(
            make_link=Connection,  # type: ignore[arg-type]
            is_stranger=lambda peer: peer.startswith(b"client"),
            clock=self.clock,
            limits=LinkLimits(**limits),  # type: ignore[arg-type]
            observer=self.observer,
        )

    def accept(self, host: str = "192.0.2.1") -> Connection:
        link = self.links.accept(IPv4Address("TCP", host, 9000))
        assert isinstance(link, Connection)
        return link

    def open(self, peer: bytes, host: str = "192.0.2.1") -> Connection:
        link = self.accept(host)
        link.open(peer)
        return link


def test_a_link_is_found_by_its_peer_while_it_is_open() -> None:
    bench = Bench()
    link = bench.accept()
    assert bench.links.get(b"alice") is None
    link.open(b"alice")
    assert bench.links.get(b"alice") is link
    link.lose()
    assert bench.links.get(b"alice") is None
    assert link.outbox.closed


def test_the_newest_link_of_a_peer_takes_the_place_of_the_one_before() -> None:
    bench = Bench()
    first, second = bench.accept(), bench.accept()
    first.open(b"alice")
    second.open(b"alice")
    assert first.closed
    # The end of the old connection may be noticed much later.
    first.lose()
    assert bench.links.get(b"alice") is second


def test_the_oldest_that_has_proven_nothing_makes_room() -> None:
    bench = Bench(max_opening_links=3, max_opening_links_per_address=2)
    here = [bench.accept() for _ in range(3)]
    assert [link.refused for link in here] == [RefusalReason.TOO_MANY_LINKS, None, None]
    there = [bench.accept("192.0.2.2") for _ in range(2)]
    assert [link.refused is None for link in (*here, *there)] == [False, False, True, True, True]
    assert bench.open(b"alice", "192.0.2.3").refused is None


def test_one_that_has_just_come_makes_no_room() -> None:
    bench = Bench(max_opening_links=1)
    bench.accept().is_young = True
    assert bench.links.accept(HERE) is None
    assert bench.observer.refusals() == {RefusalReason.TOO_MANY_LINKS: 1}


def test_a_stranger_makes_room_for_a_newer_one_and_never_one_that_was_vouched_for() -> None:
    bench = Bench(max_strangers=2, max_links=2)
    kept = bench.open(b"client 0")
    bench.links.vouch(b"client 0", queue_frames=7)
    strangers = [bench.open(b"client %d" % number) for number in range(1, 4)]
    assert [link.refused is None for link in (kept, *strangers)] == [True, False, True, True]
    assert (kept.queue_frames, strangers[1].is_vouched_for) == (7, False)
    # It may be said again at any time.
    bench.links.vouch(b"client 0", queue_frames=8)
    assert kept.queue_frames == 8


def test_of_those_vouched_for_only_a_silent_one_makes_room() -> None:
    bench = Bench(max_links=2)
    first, second, third = (bench.open(b"client %d" % number) for number in range(3))
    for number in range(3):
        bench.links.vouch(b"client %d" % number, queue_frames=7)
    assert (first.refused, second.refused, third.refused) == (None, None, RefusalReason.TOO_MANY_LINKS)
    second.is_silent = True
    fourth = bench.open(b"client 4")
    bench.links.vouch(b"client 4", queue_frames=7)
    assert (first.refused, second.refused, fourth.refused) == (None, RefusalReason.TOO_MANY_LINKS, None)


def test_an_account_that_is_gone_makes_a_stranger_again() -> None:
    bench = Bench()
    link = bench.open(b"client")
    bench.links.vouch(b"client", queue_frames=7)
    bench.links.doubt(b"client")
    assert not link.is_vouched_for
    bench.links.doubt(b"client")
    bench.links.vouch(b"nobody", queue_frames=7)
    bench.links.doubt(b"nobody")


def test_nodes_have_places_of_their_own() -> None:
    bench = Bench(max_opening_links=1, max_strangers=1, max_links=1, handshakes_per_address_burst=1)
    bench.links.know_nodes({b"client that is a node": "192.0.2.7", b"mix": "mix.example.org"})
    strangers = [bench.accept("203.0.113.1"), bench.open(b"client 1", "203.0.113.2")]
    node, again = (bench.open(b"client that is a node", "192.0.2.7") for _ in range(2))
    assert (node.is_vouched_for, again.is_vouched_for, node.closed) == (True, True, True)
    assert bench.open(b"mix", "203.0.113.3").is_vouched_for
    # An address at which a node was seen is known like one in the document.
    assert bench.accept("203.0.113.3").refused is None
    assert strangers[1].refused is None
    # A node that is none any more needs somebody who vouches for it.
    bench.links.know_nodes({})
    assert not again.is_vouched_for


def test_so_many_handshakes_of_one_address_are_begun_and_no_more() -> None:
    bench = Bench(handshakes_per_address_burst=3, handshakes_per_address_per_s=2.0)
    here, there = HERE, IPv4Address("TCP", "192.0.2.2", 9000)
    begun = [bench.links.accept(here) is not None for _ in range(530)]
    assert begun.count(True) == 3
    assert bench.observer.refusals() == {RefusalReason.TOO_MANY_LINKS: 527}
    assert bench.links.accept(there) is not None
    bench.clock.advance(1.0)
    assert [bench.links.accept(here) is not None for _ in range(4)] == [True, True, False, False]


def test_links_of_peers_that_are_admitted_no_longer_are_closed() -> None:
    bench = Bench()
    alice, bob = bench.accept(), bench.accept()
    alice.open(b"alice")
    bob.open(b"bob")
    bench.links.keep(lambda peer: peer == b"bob")
    assert (alice.closed, bob.closed) == (True, False)
