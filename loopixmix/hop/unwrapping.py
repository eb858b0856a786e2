"""How batches of packets are unwrapped: in a thread of their own, or at once if everything must repeat."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import inf
from queue import SimpleQueue
from typing import Protocol, TypeAlias

from twisted.logger import Logger

from loopixmix.drops import DropReason
from loopixmix.sphinx import Sphinx, Unwrapped, unwrap_many

Results: TypeAlias = Sequence[Unwrapped | DropReason]
Done: TypeAlias = Callable[[Results], object]

_BATCHES_AVERAGED = 16
_LEAST_S = 1e-7
"""No packet takes less. A clock of coarse steps may say that a batch took nothing."""

log = Logger()


class Unwrapping(Protocol):
    """Unwraps one batch at a time."""

    @property
    def unwraps_per_s(self) -> float:
        """How many packets it unwraps in a second of its processors' time, as far as is known."""

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        """Take one layer off each packet and call `done` with the results, in order, on the reactor's thread."""


class InlineUnwrapping:
    """Unwraps at once, in the calling thread."""

    unwraps_per_s = inf
    """Nothing ever waits for it."""

    def __init__(self, sphinx: Sphinx) -> None:
        """`sphinx`: what unwraps the packets."""
        self._sphinx = sphinx

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        """Unwrap the batch and call `done` before returning."""
        done(unwrap_many(private_keys, packets, sphinx=self._sphinx))


_Work: TypeAlias = tuple[Sequence[bytes], Sequence[bytes], Done]


class ThreadedUnwrapping:
    """Unwraps in one thread of its own, beside the reactor; the native arithmetic spreads a batch over `threads`.

    A batch of up to `at_once_packets` is unwrapped at once instead: waking the thread and being woken by it would cost
    more than the work, and be the most of the latency that a node with little to do adds.

    Each larger batch tells how fast it unwraps now: packets that fit no key take longer than others, and so does all
    work beside another thread on the same core.
    """

    def __init__(
        self,
        sphinx: Sphinx,
        *,
        threads: int,
        unwraps_per_s: float,
        call_from_thread: Callable[..., object],
        processor_s: Callable[[], float],
        at_once_packets: int = 0,
    ) -> None:
        """`sphinx`: what unwraps. `threads`: processors to use. `call_from_thread`: the reactor's `callFromThread`.

        `unwraps_per_s`: how many with all processors, as measured before. `processor_s`: the processor time that the
        calling thread has used.
        """
        self.threads = threads
        self._packet_s = 1 / unwraps_per_s
        self._processor_s = processor_s
        self._at_once_packets = at_once_packets
        self._sphinx = sphinx
        self._call_from_thread = call_from_thread
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def unwraps_per_s(self) -> float:
        """How many packets it unwraps in a second of its processors' time: a mean over the latest batches."""
        return 1 / self._packet_s

    def start(self) -> None:
        """Start the thread."""
        # One thread, whatever `threads` says: the native module spreads a batch itself, outside the GIL. A pool of
        # Python threads would only take turns.
        self._thread = threading.Thread(target=self._run, name="unwrapping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the batch it works on, and wait for that."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        """Hand the batch to the thread, or unwrap it."""
        if len(packets) <= self._at_once_packets:
            done(self._unwrap(private_keys, packets))
        else:
            self._queue.put((private_keys, packets, done))

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            private_keys, packets, done = work
            began_s = self._processor_s()
            results = self._unwrap(private_keys, packets)
            self._note(self._processor_s() - began_s, len(packets))
            self._call_from_thread(done, results)
            # The thread may wait for hours now, and the keys may be erased meanwhile.
            del work, private_keys, packets, done, results

    def _note(self, took_s: float, packets: int) -> None:
        # Not by the time of day: in a process that is kept from running it would say that unwrapping is slow, and what
        # has come meanwhile would be lost. The native arithmetic shares a batch out, and this thread does its part.
        self._packet_s += (max(took_s / packets, _LEAST_S) - self._packet_s) / _BATCHES_AVERAGED

    def _unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes]) -> Results:
        try:
            return unwrap_many(private_keys, packets, sphinx=self._sphinx, threads=self.threads)
        except Exception:
            # A defect of the arithmetic must not silence the node: the batch is lost, and counted.
            log.failure("a batch of packets could not be unwrapped")
            return [DropReason.SERVICE_FAILED] * len(packets)
