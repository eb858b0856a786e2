"""The link we keep to one peer: dialled at once, and again after each loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.net.address import PeerAddress
from loopixmix.net.links.link import Link
from loopixmix.net.links.outbox import Outbox
from loopixmix.net.links.redial import Redial
from loopixmix.seams import DelayedCall, Identity


@dataclass(frozen=True, slots=True)
class Dialling:
    """A connection is being made, or is becoming a link."""

    link: Link
    attempt: Deferred[None]


@dataclass(frozen=True, slots=True)
class Linked:
    """The link is open."""

    link: Link


@dataclass(frozen=True, slots=True)
class Resting:
    """The last attempt failed or the link broke; the next attempt is due."""

    call: DelayedCall


@dataclass(frozen=True, slots=True)
class Idle:
    """Not begun, or ended."""


PeerState: TypeAlias = Idle | Dialling | Linked | Resting

Dial: TypeAlias = Callable[["PeerLink"], tuple[Link, Deferred[None]]]
"""Begin a connection to a peer's address: the link it may become, and when TCP is there."""


class PeerLink:
    """Keeps one outgoing link, with full-jitter exponential backoff between attempts."""

    def __init__(
        self,
        peer: Identity,
        address: PeerAddress,
        *,
        dial: Dial,
        outbox: Outbox,
        redial: Redial,
    ) -> None:
        """`peer`: whose key the link must have, at `address`. `outbox`: the frames for it.

        `dial`: begins a connection. `redial`: says when to try again. Nothing happens before `start`.
        """
        self.peer = peer
        self.address = address
        self.outbox = outbox
        self.problem: str | None = None
        """Why there is no link, for a user; None while there is one or nothing is known yet."""
        self.state: PeerState = Idle()
        self._dial = dial
        self._redial = redial

    @property
    def is_open(self) -> bool:
        """Whether frames go out."""
        return isinstance(self.state, Linked)

    def start(self) -> None:
        """Begin to dial."""
        self._attempt()

    def stop(self) -> None:
        """Close or give up, and stay so; the frames that wait are dropped."""
        state, self.state = self.state, Idle()
        match state:
            case Dialling(link=link, attempt=attempt):
                attempt.cancel()
                link.close()
            case Linked(link=link):
                link.close()
            case Resting(call=call):
                call.cancel()
        self.outbox.close()

    def move(self, address: PeerAddress) -> None:
        """The peer listens elsewhere now: an open link stays, the next attempt goes there, and at once if one rests."""
        if address == self.address:
            return
        self.address = address
        match self.state:
            case Resting(call=call):
                call.cancel()
                self._redial.begin_anew()
                self._attempt()

    def let_read(self, reads: bool) -> None:
        """Read what comes over an open link, or let it wait at the other end."""
        match self.state:
            case Linked(link=link):
                link.let_read(reads)

    def link_opened(self, link: Link) -> None:
        """The link's own word that it is open."""
        self.state = Linked(link)
        self._redial.link_opened()
        self.problem = None

    def link_closed(self, link: Link, problem: str) -> None:
        """The link's own word that it is gone."""
        match self.state:
            case Dialling(link=current) | Linked(link=current) if current is link:
                self._rest(problem)

    def _attempt(self) -> None:
        link, attempt = self._dial(self)
        self.state = Dialling(link, attempt)
        attempt.addErrback(self._failed, link)

    def _failed(self, failure: Failure, link: Link) -> None:
        match self.state:
            case Dialling(link=current) if current is link:
                self._rest(failure.getErrorMessage().rstrip("."))

    def _rest(self, problem: str) -> None:
        self.problem = f"no link to {self.address}: {problem}"
        self.state = Resting(self._redial.wait(self._attempt))
