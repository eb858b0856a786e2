"""The intake of packets: bounded queues, from which batches go to the unwrapping as soon as it is free.

What comes back from there is believed only after the replay filter of its key has seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from loopixmix.drops import DropReason
from loopixmix.hop.overload import Overload
from loopixmix.hop.unwrapping import Results, Unwrapping
from loopixmix.hop.waiting import PeerQueues, Waiting
from loopixmix.keyring.keyring import Keyring
from loopixmix.seams import Clock, Identity, Observer, PacketDropped
from loopixmix.sphinx import Unwrapped

JudgedBatch: TypeAlias = Callable[[Sequence[Waiting], Results], None]
"""Takes a batch, and for each of its packets what it holds or why it goes no further."""


class Intake:
    """The packets that wait to be unwrapped.

    A batch is all that came while the one before was worked on. A packet that comes alone never waits for others.
    """

    def __init__(
        self,
        *,
        keyring: Keyring,
        unwrapping: Unwrapping,
        overload: Overload,
        batch_packets: int,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`keyring`: the keys to try, and the tags seen under each. `overload`: judges how much may wait.

        `batch_packets`: how many are unwrapped together at most. Nothing is taken before `start`.
        """
        self._keyring = keyring
        self._unwrapping = unwrapping
        self._overload = overload
        self._batch_packets = batch_packets
        self._clock = clock
        self._observer = observer
        self._judged: JudgedBatch | None = None
        self._queue = PeerQueues()
        self._is_feeding = False
        self._is_unwrapping = False
        self._batch: Sequence[Waiting] = ()
        """The batch that is being unwrapped."""
        self._batch_epochs: Sequence[int] = ()

    def adopt(self, delay_mean_s: float) -> None:
        """Bound how long packets wait by the mean delay of a new network document."""
        self._overload.adopt(delay_mean_s)

    def start(self, judged: JudgedBatch) -> None:
        """Begin to take packets and to give what becomes of them to `judged`."""
        self._judged = judged

    def stop(self) -> None:
        """Take no more and forget what waits."""
        self._judged = None
        self._queue.clear()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits and nothing is being unwrapped."""
        return not self._queue and not self._is_unwrapping

    def add(self, peer: Identity, packets: Sequence[bytes]) -> None:
        """Let packets wait; those that are too many are dropped as `OVERLOADED`, the longest queue's first."""
        if self._judged is None or not packets:
            return
        now_s = self._clock.seconds()
        if len(packets) == 1 and not (self._queue or self._is_unwrapping or self._is_feeding):
            # Nearly always: it has nothing to wait for.
            self._unwrap((Waiting(now_s, peer, packets[0]),), packets)
            return
        queue = self._queue
        queue.add(peer, [Waiting(now_s, peer, packet) for packet in packets])
        excess = self._overload.excess(len(queue), self._unwrapping.unwraps_per_s, now_s)
        if excess:
            queue.shed(excess)
            self._drop(excess, DropReason.OVERLOADED, now_s)
        if not (self._is_unwrapping or self._is_feeding):
            self._feed()

    def _feed(self) -> None:
        # A loop and not a recursion: the unwrapping may answer before it returns, and its answer lets more come in.
        self._is_feeding = True
        try:
            queue = self._queue
            while queue and not self._is_unwrapping:
                now_s = self._clock.seconds()
                batch, too_late = queue.take(self._batch_packets, self._overload.lost_before_s(now_s))
                self._overload.took(len(batch), len(queue), self._unwrapping.unwraps_per_s)
                if too_late:
                    self._drop(too_late, DropReason.TOO_LATE, now_s)
                if batch:
                    self._unwrap(batch, [waiting.packet for waiting in batch])
        finally:
            self._is_feeding = False

    def _drop(self, count: int, reason: DropReason, now_s: float) -> None:
        fact = PacketDropped(now_s, reason)
        for _ in range(count):
            self._observer.observe(fact)

    def _unwrap(self, batch: Sequence[Waiting], packets: Sequence[bytes]) -> None:
        now_s = self._clock.seconds()
        keys = self._keyring.unwrap_keys(now_s)
        if not keys:
            for _ in batch:
                self._observer.observe(PacketDropped(now_s, DropReason.NO_EPOCH_KEY))
            return
        # Not kept from one batch to the next, which would save half a microsecond: a key that the keyring erases when
        # its time is over would stay in memory here until another packet comes.
        self._is_unwrapping, self._batch, self._batch_epochs = True, batch, [epoch for epoch, _ in keys]
        self._unwrapping.unwrap([private for _, private in keys], packets, self._done)

    def _done(self, results: Results) -> None:
        batch, self._batch = self._batch, ()
        try:
            if self._judged is not None:
                self._judged(batch, self._judge(self._batch_epochs, results))
        finally:
            self._is_unwrapping = False
            if self._queue and not self._is_feeding:
                self._feed()

    def _judge(self, epochs: Sequence[int], results: Results) -> Results:
        """Return each result, or why its packet goes no further; remember the tags of the others."""
        if len(results) == 1:
            # Nearly always: a packet that came alone.
            result = results[0]
            if not isinstance(result, Unwrapped):
                return results
            reason = self._keyring.judge(epochs[result.key_index], result.replay_tag)
            return results if reason is None else (reason,)
        judged = list(results)
        for index, epoch in enumerate(epochs):
            places = [
                (place, each.replay_tag)
                for place, each in enumerate(results)
                if isinstance(each, Unwrapped) and each.key_index == index
            ]
            reasons = self._keyring.judge_many(epoch, [tag for _, tag in places])
            for (place, _), reason in zip(places, reasons, strict=True):
                if reason is not None:
                    judged[place] = reason
        return judged
