"""The link we keep to a peer: dialled, dialled again after each loss, and given up when it is told to stop."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from loopixmix.net.address import PeerAddress
from loopixmix.net.links.peer import Dialling, Idle, Linked, PeerLink, Resting

HOME, AWAY = PeerAddress("home.example", 1), PeerAddress("away.example", 2)


class Connection:
    """What dialling makes."""

    def __init__(self, address: PeerAddress) -> None:
        self.address = address
        self.attempt: Deferred[None] = Deferred()
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Call:
    """A call that is to come."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def active(self) -> bool:
        return not self.cancelled


class Waits:
    """Notes when a link is to be dialled again; the test says that the time has come."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.opened = self.anew = 0

    def link_opened(self) -> None:
        self.opened += 1

    def wait(self, attempt: Callable[[], None]) -> Call:
        self.calls.append(Call(attempt))
        return self.calls[-1]

    def begin_anew(self) -> None:
        self.anew += 1


class Mail:
    """An outbox that only knows that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self) -> None:
        self.made: list[Connection] = []
        self.waits, self.mail = Waits(), Mail()
        self.peer = PeerLink(
            b"peer",
            HOME,
            dial=self.dial,  # type: ignore[arg-type]
            outbox=self.mail,  # type: ignore[arg-type]
            redial=self.waits,  # type: ignore[arg-type]
        )
        self.peer.start()

    def dial(self, owner: PeerLink) -> tuple[Connection, Deferred[None]]:
        self.made.append(Connection(owner.address))
        return self.made[-1], self.made[-1].attempt

    def opened(self) -> Connection:
        link = self.made[-1]
        link.attempt.callback(None)
        self.peer.link_opened(link)  # type: ignore[arg-type]
        return link


def test_it_is_dialled_at_once_and_open_when_the_link_says_so() -> None:
    bench = Bench()
    assert isinstance(bench.peer.state, Dialling)
    assert not bench.peer.is_open
    bench.opened()
    assert bench.peer.is_open
    assert (bench.waits.opened, bench.peer.problem) == (1, None)


def test_a_failed_attempt_says_why_and_the_next_one_clears_it() -> None:
    bench = Bench()
    bench.made[0].attempt.errback(ConnectionError("refused."))
    assert bench.peer.problem == "no link to home.example:1: refused"
    assert isinstance(bench.peer.state, Resting)
    bench.waits.calls[0].function()
    bench.opened()
    assert bench.peer.problem is None
    assert len(bench.made) == 2


def test_a_link_that_breaks_is_dialled_again_and_an_old_one_disturbs_nothing() -> None:
    bench = Bench()
    old = bench.opened()
    bench.peer.link_closed(old, "it broke")  # type: ignore[arg-type]
    bench.waits.calls[0].function()
    new = bench.opened()
    bench.peer.link_closed(old, "it broke again")  # type: ignore[arg-type]
    assert isinstance(bench.peer.state, Linked)
    assert bench.peer.state.link is new  # type: ignore[comparison-overlap]


def test_a_peer_that_moved_is_dialled_there_at_once_if_it_was_waited_for() -> None:
    bench = Bench()
    bench.made[0].attempt.errback(ConnectionError("refused"))
    bench.peer.move(HOME)
    assert len(bench.made) == 1
    bench.peer.move(AWAY)
    assert bench.waits.calls[0].cancelled
    assert [each.address for each in bench.made] == [HOME, AWAY]
    assert bench.waits.anew == 1


def test_an_open_link_stays_when_its_peer_moves() -> None:
    bench = Bench()
    link = bench.opened()
    bench.peer.move(AWAY)
    assert not link.closed
    assert len(bench.made) == 1


def test_stopping_closes_gives_up_or_cancels_whatever_there_is() -> None:
    dialling, linked, resting = Bench(), Bench(), Bench()
    linked.opened()
    resting.made[0].attempt.errback(ConnectionError("refused"))
    for bench in (dialling, linked, resting):
        bench.peer.stop()
        assert isinstance(bench.peer.state, Idle)
        assert bench.mail.closed
    assert dialling.made[0].closed
    assert linked.made[0].closed
    assert resting.waits.calls[0].cancelled
    assert resting.waits.calls == resting.waits.calls[:1]
