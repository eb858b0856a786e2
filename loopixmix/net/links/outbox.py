"""Frames on their way out: bounded for each peer, written once a reactor turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from loopixmix.drops import DropReason
from loopixmix.net.limits import LinkLimits
from loopixmix.seams import Clock, DelayedCall, Observer, PacketDropped

_WRITE_FRAMES = 32
"""Frames joined into one write: enough to make calls cheap, little more than a transport buffers until it pauses us."""


class TurnEnd:
    """Runs calls at the end of the reactor turn that asked for them, with one delayed call for all."""

    def __init__(self, clock: Clock) -> None:
        """`clock`: the one whose turns count."""
        self._clock = clock
        self._due: deque[Callable[[], None]] = deque()
        self._call: DelayedCall | None = None

    def add(self, due: Callable[[], None]) -> None:
        """Run `due` once when this turn ends."""
        self._due.append(due)
        if self._call is None:
            self._call = self._clock.callLater(0, self._run)

    def cancel(self) -> None:
        """Forget everything that is due."""
        self._due.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _run(self) -> None:
        self._call = None
        try:
            for _ in range(len(self._due)):
                self._due.popleft()()
        finally:
            if self._due and self._call is None:
                self._call = self._clock.callLater(0, self._run)


class Outbox:
    """The frames for one peer that no transport has taken yet.

    While a transport is attached, frames are written at the end of the turn, or wait while it has us paused; without
    one they wait for the next. None waits for more than `LinkLimits.waiting_s`. Every frame that `put` refuses or that
    is given up later is an observed drop.
    """

    __slots__ = (
        "_clock",
        "_due",
        "_frames",
        "_limits",
        "_missing_since_s",
        "_observer",
        "_paused",
        "_queue_frames",
        "_turn",
        "_write",
    )

    def __init__(
        self, *, queue_frames: int, clock: Clock, turn: TurnEnd, limits: LinkLimits, observer: Observer
    ) -> None:
        """Begin without a transport; `queue_frames` may wait once there is one."""
        self._queue_frames = queue_frames
        self._clock = clock
        self._turn = turn
        self._limits = limits
        self._observer = observer
        self._frames: deque[tuple[float, bytes]] = deque()
        """Each with the time since when it waits."""
        self._write: Callable[[bytes], None] | None = None
        self._paused = False
        self._due = False
        self._missing_since_s = clock.seconds()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def attached(self) -> bool:
        """Whether there is a transport to write to."""
        return self._write is not None

    @property
    def queue_frames(self) -> int:
        """How many frames may wait while there is a transport."""
        return self._queue_frames

    def allow(self, queue_frames: int) -> None:
        """Let so many frames wait from now on; those that wait already stay."""
        self._queue_frames = queue_frames

    def put(self, frame: bytes) -> bool:
        """Take one frame, or observe its drop and return false."""
        if self._write is None:
            return self._put_waiting(frame)
        now_s = self._clock.seconds()
        if len(self._frames) >= self._queue_frames:
            self._forget_old(now_s)
        if len(self._frames) >= self._queue_frames:
            self._drop(1, DropReason.QUEUE_FULL)
            return False
        self._frames.append((now_s, frame))
        self._write_soon()
        return True

    def _put_waiting(self, frame: bytes) -> bool:
        if self._waited_too_long():
            self._give_up()
            self._drop(1, DropReason.NO_LINK)
            return False
        if len(self._frames) >= self._limits.waiting_frames:
            self._drop(1, DropReason.NO_LINK)
            return False
        self._frames.append((self._clock.seconds(), frame))
        return True

    def attach(self, write: Callable[[bytes], None]) -> None:
        """Write to this transport from now on, first the frames that have waited, unless they are too old."""
        if self._waited_too_long():
            self._give_up()
        self._write = write
        self._paused = False
        self._write_soon()

    def detach(self) -> None:
        """The transport is gone: keep as many of the newest frames as may wait."""
        self._write = None
        self._missing_since_s = self._clock.seconds()
        # The oldest go: their packets are late already, and the likeliest to have been sent again.
        excess = len(self._frames) - self._limits.waiting_frames
        if excess > 0:
            for _ in range(excess):
                self._frames.popleft()
            self._drop(excess, DropReason.NO_LINK)

    def close(self) -> None:
        """Give up every frame; there will be no transport any more."""
        self._write = None
        self._give_up()

    def pause(self) -> None:
        """The transport's buffer is full: frames wait."""
        self._paused = True

    def resume(self) -> None:
        """The transport's buffer has room again."""
        self._paused = False
        self._write_soon()

    def flush(self) -> None:
        """Write the frames that wait, as far as the transport takes them."""
        self._due = False
        # In pieces, and a look at `_paused` between them: one join of a full queue would hand the transport megabytes
        # that it has no room for.
        frames = self._frames
        self._forget_old(self._clock.seconds())
        while frames and self._write is not None and not self._paused:
            together = [frame for _, frame in islice(frames, _WRITE_FRAMES)]
            if len(together) == len(frames):
                frames.clear()
            else:
                for _ in together:
                    frames.popleft()
            self._write(b"".join(together))

    def _write_soon(self) -> None:
        if not self._due and not self._paused and self._frames:
            self._due = True
            self._turn.add(self.flush)

    def _forget_old(self, now_s: float) -> None:
        # A peer that was kept from reading would get nothing but packets that come too late for everybody: those whose
        # keys are over, and those that were sent again. While they go out, others grow too old behind them.
        frames, since_s, count = self._frames, now_s - self._limits.waiting_s, 0
        while frames and frames[0][0] < since_s:
            frames.popleft()
            count += 1
        if count:
            self._drop(count, DropReason.TOO_LATE)

    def _waited_too_long(self) -> bool:
        return self._clock.seconds() - self._missing_since_s > self._limits.waiting_s

    def _give_up(self) -> None:
        count = len(self._frames)
        self._frames.clear()
        self._drop(count, DropReason.NO_LINK)

    def _drop(self, count: int, reason: DropReason) -> None:
        now_s = self._clock.seconds()
        for _ in range(count):
            self._observer.observe(PacketDropped(now_s, reason))
