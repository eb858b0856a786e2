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
        self.closed = False

    def open(self, peer: bytes) -> None:
        self.peer = peer
        self.owner.link_opened(self)  # type: ignore[arg-type]

    def close(self) -> None:
        self.closed = True

    def lose(self) -> None:
        self.owner.link_closed(self, "gone")  # type: ignore[arg-type]


class Bench:
    def __init__(self, **limits: int) -> None:
        self.observer = RecordingObserver()
        self.links = IncomingLinks(
            make_link=Connection,  # type: ignore[arg-type]
            clock=Clock(),
            limits=LinkLimits(**limits),  # type: ignore[arg-type]
            observer=self.observer,
        )

    def accept(self) -> Connection:
        link = self.links.accept(HERE)
        assert isinstance(link, Connection)
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


def test_too_many_connections_are_refused_until_one_has_gone() -> None:
    bench = Bench(max_opening_links_per_address=2)
    first, _ = bench.accept(), bench.accept()
    assert bench.links.accept(HERE) is None
    assert bench.observer.refusals() == {RefusalReason.TOO_MANY_LINKS: 1}
    first.lose()
    bench.accept().open(b"alice")
    bench.accept()


def test_links_of_peers_that_are_admitted_no_longer_are_closed() -> None:
    bench = Bench()
    alice, bob = bench.accept(), bench.accept()
    alice.open(b"alice")
    bob.open(b"bob")
    bench.links.keep(lambda peer: peer == b"bob")
    assert (alice.closed, bob.closed) == (True, False)
