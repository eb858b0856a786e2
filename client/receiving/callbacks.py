"""The applications' callbacks: each handles one message at a time, and no kind is in the way of another."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from client.api import ReceivedCallback, ReceivedMessage, UnknownMessageError, WrongStateError
from client.core.arguments import USUAL_SHARE_S, check_kind, check_reader, check_share
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feed, Feeds
from client.feeds.listener import Listener
from client.receiving.offering import Offering, Share
from loopixmix.seams import Clock

log = Logger()


class Handling:
    """One callback."""

    def __init__(
        self, listener: Listener[ReceivedMessage], join: Callable[[Callable[[], None]], Share], *, clock: Clock
    ) -> None:
        """Let `listener` handle what the share is given that `join` makes of a call that wakes it.

        `clock` times further offers.
        """
        self._listener = listener
        self._join = join
        self._share: Share | None = None
        self._done: set[int] = set()
        """Messages that were handled, which is not written yet."""
        self._feed = Feed(self._look, listener=listener, clock=clock)

    def start(self) -> None:
        """Begin to handle."""
        self._share = self._join(self._feed.wake)
        self._feed.start()

    def stop(self) -> None:
        """Begin no further message; a callback that runs is not interrupted."""
        self._feed.stop()
        # What it is at work on is its own until it is done.
        if self._share is not None and not self._listener.busy:
            self._share.leave()

    async def _look(self) -> float | None:
        share = self._share
        if share is None:
            return None
        message = await share.take()
        if message is None:
            return share.wait_s()
        try:
            if not self._feed.stopped:
                await self._handle(share, message)
        finally:
            if self._feed.stopped:
                share.leave()
        return 0.0

    async def _handle(self, share: Share, message: ReceivedMessage) -> None:
        number = message.number
        # If the disk was full just then, the callback is not to be given it again.
        is_handled = number in self._done or await self._listener.tell(message)
        try:
            if is_handled:
                self._done.add(number)
                await share.handled(number)
            else:
                share.failed(number)
        except (WrongStateError, UnknownMessageError) as error:
            log.warn("{callback} was too slow: {reason}", callback=self._listener.name, reason=str(error))
        self._done.discard(number)


class Callbacks:
    """The callbacks of all applications."""

    def __init__(self, offering: Offering, *, clock: Clock, failures: CallbackFailures) -> None:
        """Give them what is offered; `clock` times further offers, `failures` hears what they raise."""
        self.offering = offering
        """What they share with programs that ask for messages in another way."""
        self._clock = clock
        self._failures = failures
        self._handlings: Feeds[Handling] = Feeds()

    def subscribe(
        self, kind: str, callback: ReceivedCallback, *, reader: str = "", within_s: float = USUAL_SHARE_S
    ) -> Callable[[], None]:
        """Offer messages of `kind` to `callback`; see `client.api.Client.on_received`. Returns how to stop."""
        check_kind(kind)
        check_reader(reader)
        check_share(1, within_s)

        def join(wake: Callable[[], None]) -> Share:
            # One at a time: the time for a message begins when the callback is called.
            return self.offering.join(kind, reader=reader, at_once=1, within_s=within_s, wake=wake)

        listener = Listener("on_received", callback, failures=self._failures)
        return self._handlings.begin(Handling(listener, join, clock=self._clock))

    def stop(self) -> None:
        """Offer nothing any more; a callback that runs is not interrupted."""
        self._handlings.stop()
