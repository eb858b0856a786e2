"""One open event stream: heartbeats, and a reader that is too slow is waited for, then dropped."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from client.http.sse import HEARTBEAT, SseEvent, encode_event
from loopixmix.seams import Clock, DelayedCall

HEARTBEAT_S = 15.0
"""A quiet stream says this often that it is alive."""

STALLED_BEATS = 4
"""A reader that took nothing for so many heartbeats is dropped; it may come back and ask for what it missed."""


@implementer(IPushProducer)
class EventStream:
    """Writes events to one request, never more than the reader's connection takes.

    Whoever writes awaits `writable` before each batch, so that nothing piles up here: what a slow reader has not seen
    stays in the store.
    """

    def __init__(self, request: Request, *, clock: Clock) -> None:
        """Answer `request` with events; `clock` times the beats that show a reader that is gone."""
        self._request = request
        self._clock = clock
        self._paused = False
        self._paused_beats = 0
        self._woken = False
        self._closed = False
        self._lost = False
        self._waiting: list[Deferred[None]] = []
        self._alarm: DelayedCall | None = None
        self._heartbeat: DelayedCall | None = None

    def open(self) -> None:
        """Send the headers and begin the heartbeats."""
        self._request.notifyFinish().addErrback(self._note_lost)
        self._request.setHeader(b"Content-Type", b"text/event-stream")
        self._request.registerProducer(self, True)
        self._request.write(HEARTBEAT)
        self._heartbeat = self._clock.callLater(HEARTBEAT_S, self._beat)

    def close(self) -> None:
        """End the stream; no delayed call is left."""
        if self._closed:
            return
        self._closed = True
        for call in (self._heartbeat, self._alarm):
            if call is not None and call.active():
                call.cancel()
        # Whoever cancels the writer may hear of a lost connection earlier than this stream; it has no channel then.
        if not self._lost and self._request.channel is not None:
            self._request.unregisterProducer()

    def drop(self) -> None:
        """Cut the connection, as when the daemon stops."""
        transport = self._request.transport
        if not self._lost and transport is not None:
            transport.abortConnection()

    def send(self, event: SseEvent) -> None:
        """Write one event."""
        if not self._closed and not self._lost:
            self._request.write(encode_event(event))

    async def writable(self) -> None:
        """Return when the reader takes more."""
        while self._paused:
            await self._change()

    async def woken(self, *, within_s: float | None = None) -> None:
        """Return after the next `wake` - or one since the last return -, at a heartbeat, or after `within_s`."""
        if not self._woken and within_s is not None:
            self._alarm = self._clock.callLater(max(0.0, within_s), self.wake)
        while not self._woken:
            await self._change()
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._woken = False

    def wake(self) -> None:
        """Say that there may be something to write."""
        self._woken = True
        self._release()

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The connection is full."""
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The connection takes more."""
        self._paused = False
        self._paused_beats = 0
        self._release()

    def stopProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The connection is gone; the request's owner hears of it by itself."""

    def _beat(self) -> None:
        self._heartbeat = self._clock.callLater(HEARTBEAT_S, self._beat)
        if not self._paused:
            self._request.write(HEARTBEAT)
            self.wake()
            return
        self._paused_beats += 1
        if self._paused_beats >= STALLED_BEATS:
            self.drop()

    def _note_lost(self, _: Failure) -> None:
        self._lost = True

    async def _change(self) -> None:
        changed: Deferred[None] = Deferred()
        self._waiting.append(changed)
        await changed

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for changed in waiting:
            changed.callback(None)
