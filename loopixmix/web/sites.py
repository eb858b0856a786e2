"""Serving HTTP within bounds: no access log, bodies in memory and not too long, not too many connections."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory, IReactorTime
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from zope.interface import implementer

from loopixmix.net.places import BoundedPlaces, KeptPlaces
from loopixmix.seams import Clock
from loopixmix.web.channels import BoundedChannel, Fault, LastAnswer, Words, plain_words

IDLE_TIMEOUT_S = 60.0
GOODBYE_S = 1.0
"""How long peers have to read their last answers when a server stops."""
MAX_LEAVING = 64
"""So many connections may be open that are being told why they end; further ones are cut."""

Answer: TypeAlias = Callable[[Request], bytes]
"""Writes status and headers of an answer to a request, and returns its body."""
MakeRequest: TypeAlias = Callable[[HTTPChannel, bool], Request]


class BoundedRequest(Request):
    """A request whose body stays in memory and within a limit.

    Twisted's own would put long bodies into temporary files, where they outlive the process.
    """

    def __init__(
        self, channel: HTTPChannel, queued: bool, *, limit_bytes: int, discard_bytes: int, too_long: Answer
    ) -> None:
        """`channel`, `queued`: from Twisted. `limit_bytes`: the longest body. `too_long`: answers a longer one.

        A body that is refused is not waited for. What comes of it is read past, up to `discard_bytes`, so that its
        sender comes to read why; then the connection is cut.
        """
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self.limit_bytes = limit_bytes
        self._discard_bytes = discard_bytes
        self._too_long = too_long
        self._is_refused = False
        self._body = io.BytesIO()
        self._taken_bytes = 0

    def refuse(self, answer: Answer) -> None:
        """Give this answer now, instead of asking the routes, and end; the first refusal counts."""
        if self._is_refused:
            return
        self._is_refused = True
        # Or Twisted would ask for the body all the same.
        self.requestHeaders.removeHeader(b"Expect")
        channel, body = cast(BoundedChannel, self.channel), answer(self)
        headers = {name: values[0] for name, values in self.responseHeaders.getAllRawHeaders()}
        channel.end_with(LastAnswer(self.code, body, headers), discard_bytes=self._discard_bytes)

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's name)
        """Begin with the body: the headers are there."""
        if self._is_refused:
            return
        self.content = self._body
        if length is not None and length > self.limit_bytes:
            self.refuse(self._too_long)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Keep a piece of the body."""
        self._taken_bytes += len(data)
        if self._taken_bytes > self.limit_bytes:
            self.refuse(self._too_long)
        if not self._is_refused:
            self._body.write(data)


class QuietSite(Site):
    """Serves a resource and keeps no access log: its lines would tell the users of the network, and their times."""

    noisy = False
    protocol = BoundedChannel  # type: ignore[assignment]  # Twisted names the class that it makes itself

    def __init__(
        self,
        resource: IResource,
        *,
        clock: Clock,
        make_request: MakeRequest = Request,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        words: Words = plain_words,
    ) -> None:
        """`resource`: served at the root. `clock`: times idle connections. `make_request`: makes the request of one.

        `words`: how it tells of faults that no route hears of.
        """
        super().__init__(
            resource, requestFactory=make_request, timeout=idle_timeout_s, reactor=cast(IReactorTime, clock)
        )
        self._words = words

    def buildProtocol(self, addr: IAddress | None) -> BoundedChannel:  # type: ignore[override]  # noqa: N802
        """Serve one more connection."""
        channel = cast(BoundedChannel, super().buildProtocol(addr))
        channel.words = self._words
        return channel

    def log(self, request: HTTPRequest) -> None:
        """Write nothing."""


@implementer(IProtocolNegotiationFactory)
class BoundedFactory(WrappingFactory[ProtocolWrapper]):
    """Limits the connections that are open at one time, in all and from one address, and ends them together.

    A further one takes the place of the oldest whose peer is waited for: it has sent no request, or not the whole of
    one. If all places have requests under way, it is answered with 503. Peers that are known by their address can have
    places of their own, which others cannot take: see `kept`. So can those that prove who they are by their requests:
    see `most_unproven`.
    """

    noisy = False

    def __init__(
        self,
        site: QuietSite,
        *,
        most: int,
        most_per_address: int | None = None,
        most_unproven: int | None = None,
        kept: KeptPlaces[BoundedChannel] | None = None,
    ) -> None:
        """Serve `site` to `most` connections; an IPv6 network counts as one address.

        `kept`: the places of known peers, besides these.

        `most_unproven`: for sites whose requests call `BoundedChannel.places.prove`. So many connections may be open on
        which nothing was proven yet; a further one takes the place of the oldest. `most` counts the proven ones alone,
        and a further one takes the place of the one that has been idle longest.
        """
        super().__init__(site)
        self._clock = cast(Clock, site.reactor)
        self._kept = kept
        self._unproven = BoundedPlaces[BoundedChannel](
            most if most_unproven is None else most_unproven, most_per_address
        )
        # Nobody enters here by an address alone.
        self._proven = BoundedPlaces[BoundedChannel](most)
        self._leaving: dict[BoundedChannel, None] = {}
        self._is_closing = False
        self._closed: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> ProtocolWrapper | None:  # type: ignore[override]  # noqa: N802
        """Take the connection, or none if even those that are turned away are too many: Twisted closes it then."""
        host = str(getattr(addr, "host", ""))
        places = self._places_for(host)
        if places is None and len(self._leaving) >= MAX_LEAVING:
            return None
        wrapper = super().buildProtocol(addr)
        if wrapper is None:
            return None
        channel = _channel_of(wrapper)
        channel.places = self
        if places is not None:
            places.add(channel, host)
        else:
            channel.turned_away = True
            self._leaving[channel] = None
        return wrapper

    def prove(self, channel: BoundedChannel) -> bool:
        """Give a place to a connection whose peer has proven who it is; false if all are taken by calls under way."""
        if channel in self._proven:
            return True
        if not self._proven.has_room(""):
            idle = next((other for other in self._proven if other.is_idle), None)
            if idle is None:
                return False
            self._end_quietly(idle)
        self._unproven.remove(channel)
        self._proven.add(channel, "")
        return True

    def rest(self, channel: BoundedChannel) -> None:
        """Take note that a connection is idle from now on."""
        for places in self._all_places():
            places.rest(channel)

    def end(self, channel: BoundedChannel) -> None:
        """Take note that a connection has had its last answer."""
        self._forget(channel)
        self._leaving[channel] = None
        # A peer that means harm does not go: then the one that was told first is cut. When the server stops, all are
        # told at once, and have a moment to read it.
        if len(self._leaving) > MAX_LEAVING and not self._is_closing:
            self._cut(next(iter(self._leaving)))

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802 (Twisted's name)
        """Tell what is spoken over TLS.

        Twisted asks the outermost factory only, and without an answer breaks off with every browser, because those name
        the protocols that they speak (RFC 7301). HTTP/2 is left out: it knows other limits than ours.
        """
        return [b"http/1.1"]

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:  # noqa: N802 (Twisted's name)
        """Note that a connection is gone."""
        super().unregisterProtocol(p)
        self._forget(_channel_of(p))
        if self._closed is not None and not self.protocols:
            closed, self._closed = self._closed, None
            closed.callback(None)

    def close(self) -> Deferred[None]:
        """End every open connection; fires when all are gone.

        Calls under way are answered with 503. A peer that does not read that in time is cut off.
        """
        self._is_closing = True
        for wrapper in tuple(self.protocols):
            _channel_of(wrapper).stop()
        if not self.protocols:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._closed = closed
        goodbye = self._clock.callLater(GOODBYE_S, self._cut_all)
        return closed.addBoth(lambda _: goodbye.cancel() if goodbye.active() else None)

    def _places_for(self, host: str) -> BoundedPlaces[BoundedChannel] | None:
        """Return the places of which a new connection from `host` gets one, after it was made free if need be."""
        open_to_it = [self._unproven]
        if self._kept is not None and self._kept.is_for(host):
            open_to_it.insert(0, self._kept.places)
        for places in open_to_it:
            if places.has_room(host):
                return places
        for places in open_to_it:
            oldest = places.first_to_go(host)
            if oldest is not None:
                self._end_unfinished(oldest)
                return places
        return None

    def _end_unfinished(self, channel: BoundedChannel) -> None:
        if channel.is_idle and not channel.is_new:
            # Its peer waits for no answer, and would take one for that to its next request.
            self._end_quietly(channel)
        elif len(self._leaving) < MAX_LEAVING:
            channel.end_with(channel.words(Fault.BUSY))
        else:
            self._cut(channel)

    def _end_quietly(self, channel: BoundedChannel) -> None:
        self.end(channel)
        channel.loseConnection()

    def _all_places(self) -> Sequence[BoundedPlaces[BoundedChannel]]:
        kept = () if self._kept is None else (self._kept.places,)
        return (self._proven, self._unproven, *kept)

    def _cut(self, channel: BoundedChannel) -> None:
        self._forget(channel)
        channel.cut()

    def _forget(self, channel: BoundedChannel) -> None:
        for places in self._all_places():
            places.remove(channel)
        self._leaving.pop(channel, None)

    def _cut_all(self) -> None:
        for wrapper in tuple(self.protocols):
            _channel_of(wrapper).cut()


def _channel_of(wrapper: ProtocolWrapper) -> BoundedChannel:
    return cast(BoundedChannel, wrapper.wrappedProtocol)
