"""One connection: a `LinkMachine` between TLS and the frames of its owner."""

from __future__ import annotations

from typing import Protocol as TypingProtocol
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from loopixmix.drops import RefusalReason
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.context import TlsTransport, is_end, negotiated_by, refusal_of
from loopixmix.net.links.handshake import (
    Accepted,
    Arrivals,
    AwaitingHello,
    Closed,
    Dialled,
    Handshaking,
    LinkMachine,
    Open,
)
from loopixmix.net.links.outbox import Outbox
from loopixmix.net.network import FramesReceived
from loopixmix.net.reception import RefusedError
from loopixmix.net.sockets import bound_send_buffer, tune
from loopixmix.seams import Clock, DelayedCall, Identity, LinkClosed, LinkOpened, LinkRefused, Observer

_PROBLEMS = {
    RefusalReason.UNKNOWN_KEY: "its key is not in the network",
    RefusalReason.WRONG_KEY: "another key answers there",
    RefusalReason.NOT_TLS13: "it does not speak TLS 1.3",
    RefusalReason.NOT_POST_QUANTUM: "it does not speak a post-quantum key exchange",
    RefusalReason.TLS_FAILED: "the TLS handshake failed",
    RefusalReason.OLD_PROTOCOL: "it speaks another version of the protocol",
    RefusalReason.OTHER_NETWORK: "it belongs to another network",
    RefusalReason.GARBAGE: "it broke the protocol",
    RefusalReason.TIMEOUT: "it took too long",
    RefusalReason.TOO_MANY_LINKS: "there are too many links",
    RefusalReason.REFUSED_BY_PEER: "it closed the connection without a word",
}


class LinkOwner(TypingProtocol):
    """The maker of a link, which is told when it opens and when it ends."""

    def link_opened(self, link: Link) -> None:
        """The peer is authenticated and frames go both ways."""

    def link_closed(self, link: Link, problem: str) -> None:
        """The connection is gone; `problem` says why, for a user."""


class LiveLinks:
    """The connections that exist, so that a network can end them all and know when they are gone."""

    def __init__(self) -> None:
        self._links: set[Link] = set()
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._links)

    def add(self, link: Link) -> None:
        """A connection was made."""
        self._links.add(link)

    def remove(self, link: Link) -> None:
        """A connection is gone."""
        self._links.discard(link)
        if not self._links:
            waiting, self._waiting = self._waiting, []
            for gone in waiting:
                gone.callback(None)

    def close_all(self) -> Deferred[None]:
        """End every connection; fires when the last one is gone."""
        gone: Deferred[None] = Deferred()
        if not self._links:
            gone.callback(None)
            return gone
        self._waiting.append(gone)
        for link in list(self._links):
            link.close()
        return gone


@implementer(IHandshakeListener, IPushProducer)
class Link(Protocol):
    """A connection on its way from handshake to open to closed."""

    def __init__(
        self,
        *,
        machine: LinkMachine,
        owner: LinkOwner,
        outbox: Outbox,
        live: LiveLinks,
        received: FramesReceived,
        clock: Clock,
        limits: LinkLimits,
        observer: Observer,
    ) -> None:
        """Begin before the connection is made; `outbox` is attached while the link is open."""
        self.outbox = outbox
        self.peer = b""
        self._machine = machine
        self._owner = owner
        self._live = live
        self._received = received
        self._clock = clock
        self._limits = limits
        self._observer = observer
        self._timer: DelayedCall | None = None
        self._stuck: DelayedCall | None = None
        self._heard_at_s = clock.seconds()
        self._is_vouched_for = False
        self._is_open = False
        self._problem = ""

    @property
    def is_open(self) -> bool:
        """Whether frames go both ways."""
        return self._is_open

    @property
    def may_go(self) -> bool:
        """Whether the link may end to make room for another: its peer says nothing, or nobody vouched for it."""
        limits = self._limits
        patience_s = limits.silent_s if self._is_vouched_for else limits.grace_s
        return self._clock.seconds() - self._heard_at_s > patience_s

    def vouched(self, *, queue_frames: int) -> None:
        """Let an open link stay."""
        if not self._is_open:
            return
        self._allow(None)
        if self._is_vouched_for and self.outbox.queue_frames == queue_frames:
            return
        self._is_vouched_for = True
        self.outbox.allow(queue_frames)
        self._bound_send_buffer(queue_frames)

    def doubted(self) -> None:
        """Let an open link end after a while, unless somebody vouches for its peer."""
        if not self._is_open:
            return
        self._is_vouched_for = False
        self.outbox.allow(self._limits.stranger_queue_frames)
        self._allow(self._limits.vouch_s)

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """TCP is there: give TLS its time."""
        self._live.add(self)
        # Small writes leave at once: waiting to fill a segment would add to every delay (Nagle's algorithm).
        tune(self._tls.transport.getHandle())
        if isinstance(self._machine.side, Accepted):
            self._bound_send_buffer(self._limits.stranger_queue_frames)
        self._allow(self._limits.handshake_timeout_s)

    def handshakeCompleted(self) -> None:  # noqa: N802 (Twisted's name)
        """TLS is there: check what it agreed on."""
        if not isinstance(self._machine.state, Handshaking):
            return
        try:
            greeting = self._machine.handshaken(negotiated_by(self._tls.getHandle()))
        except RefusedError as error:
            self.refuse(error.reason)
            return
        self._allow(self._limits.hello_timeout_s)
        if greeting:
            self._tls.write(greeting)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take bytes: a Hello first, frames then."""
        if isinstance(self._machine.state, Closed):
            return
        self._heard_at_s = self._clock.seconds()
        try:
            packets, others = self._machine.received_frames(self.peer, data) if self._is_open else self._greeted(data)
        except RefusedError as error:
            self.refuse(error.reason)
            return
        if (packets or others) and self._is_open:
            self._received(self.peer, packets, others)

    def _greeted(self, data: bytes) -> Arrivals:
        answer, arrivals = self._machine.received_hello(data)
        if isinstance(self._machine.state, Open):
            self._open(self._machine.state.peer, answer)
        return arrivals

    def _open(self, peer: Identity, answer: bytes) -> None:
        self._allow(None)
        self.peer = peer
        self._is_open = True
        if answer:
            self._tls.write(answer)
        self._tls.registerProducer(self, True)
        self.outbox.attach(self._tls.write)
        self._observer.observe(LinkOpened(self._clock.seconds(), peer))
        self._owner.link_opened(self)

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The transport has enough for now: the peer does not read as fast as we write."""
        self.outbox.pause()
        if self._stuck is None and isinstance(self._machine.side, Accepted):
            self._stuck = self._clock.callLater(self._limits.stuck_s, self._give_up)

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The transport takes more."""
        self._not_stuck()
        self.outbox.resume()

    def stopProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The transport is going away; `connectionLost` follows."""
        self.outbox.pause()

    def let_read(self, reads: bool) -> None:
        """Read what comes, or let it wait: in the kernel's buffers first, and then at the other end."""
        if self._is_open:
            # Of the socket: as a producer, this class itself is what TLS pauses when too much waits to be sent.
            socket = self._tls.transport
            socket.resumeProducing() if reads else socket.pauseProducing()

    def refuse(self, reason: RefusalReason) -> None:
        """End the connection at once for what the peer did."""
        if isinstance(self._machine.state, Closed):
            return
        self._observer.observe(LinkRefused(self._clock.seconds(), reason))
        self._end(_PROBLEMS[reason])
        self._tls.abortConnection()

    def close(self) -> None:
        """End the connection; an open link first delivers what was sent, if that takes no longer than it may."""
        if self.transport is None or isinstance(self._machine.state, Closed):
            return
        was_open = self._is_open
        if was_open:
            # Now, and not when the turn ends: by then the link is closed for frames.
            self.outbox.flush()
        self._end("we closed the link")
        if not was_open:
            self._tls.abortConnection()
            return
        self._tls.unregisterProducer()
        self._timer = self._clock.callLater(self._limits.goodbye_s, self._say_goodbye_no_longer)
        self._tls.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 (Twisted's name)
        """The connection is gone."""
        match self._machine.state:
            case Handshaking():
                self._count_lost_handshake(reason)
            case AwaitingHello():
                self._observer.observe(LinkRefused(self._clock.seconds(), RefusalReason.REFUSED_BY_PEER))
                self._end(_PROBLEMS[RefusalReason.REFUSED_BY_PEER])
            case Open():
                self._end("the link broke")
            case Closed():
                self._allow(None)
        if self._machine.state == Closed(was_open=True):
            self._observer.observe(LinkClosed(self._clock.seconds(), self.peer))
        self._owner.link_closed(self, self._problem)
        self._live.remove(self)

    def _count_lost_handshake(self, failure: Failure) -> None:
        refusal = refusal_of(failure)
        if refusal is RefusalReason.TLS_FAILED and isinstance(self._machine.side, Dialled) and is_end(failure):
            refusal = RefusalReason.REFUSED_BY_PEER
        self._observer.observe(LinkRefused(self._clock.seconds(), refusal))
        self._end(_PROBLEMS[refusal])

    def _end(self, problem: str) -> None:
        self._allow(None)
        self._not_stuck()
        self._problem = problem
        self._machine.close()
        if self._is_open:
            self._is_open = False
            self.outbox.detach()

    def _allow(self, time_s: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if time_s is None else self._clock.callLater(time_s, self.refuse, RefusalReason.TIMEOUT)

    def _give_up(self) -> None:
        self._stuck = None
        self.refuse(RefusalReason.TIMEOUT)

    def _not_stuck(self) -> None:
        stuck, self._stuck = self._stuck, None
        if stuck is not None:
            stuck.cancel()

    def _bound_send_buffer(self, queue_frames: int) -> None:
        limits = self._limits
        wanted = max(limits.send_buffer_bytes, limits.send_buffer_bytes_per_frame * queue_frames)
        bound_send_buffer(self._tls.transport.getHandle(), wanted)

    def _say_goodbye_no_longer(self) -> None:
        self._tls.abortConnection()

    @property
    def _tls(self) -> TlsTransport:
        return cast("TlsTransport", self.transport)
