"""The intake of packets: a bounded queue, from which batches go to the unwrapping as soon as it is free.

What comes back from there is believed only after the replay filter of its key has seen it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from loopixmix.drops import DropReason
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.unwrapping import Results, Unwrapping
from loopixmix.keyring.keyring import Keyring
from loopixmix.seams import Clock, Identity, Observer, PacketDropped
from loopixmix.sphinx import Unwrapped


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A packet that waits to be unwrapped."""

    arrived_at_s: float
    peer: Identity
    packet: bytes


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
        limits: HopLimits,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`keyring`: the keys to try, and the tags seen under each. `limits`: how much may wait.

        Nothing is taken before `start`.
        """
        self._keyring = keyring
        self._unwrapping = unwrapping
        self._limits = limits
        self._clock = clock
        self._observer = observer
        self._judged: JudgedBatch | None = None
        self._queue: deque[Waiting] = deque()
        self._is_feeding = False
        self._is_unwrapping = False
        self._batch: Sequence[Waiting] = ()
        """The batch that is being unwrapped."""
        self._batch_epochs: Sequence[int] = ()

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
        """Let packets wait; those beyond the bound are dropped as `OVERLOADED`."""
        if self._judged is None:
            return
        now_s = self._clock.seconds()
        if len(packets) == 1 and not (self._queue or self._is_unwrapping or self._is_feeding):
            # Nearly always: it has nothing to wait for.
            self._unwrap((Waiting(now_s, peer, packets[0]),), packets)
            return
        room = self._limits.waiting_packets - len(self._queue)
        for packet in packets:
            if room > 0:
                self._queue.append(Waiting(now_s, peer, packet))
                room -= 1
            else:
                self._observer.observe(PacketDropped(now_s, DropReason.OVERLOADED))
        if not (self._is_unwrapping or self._is_feeding):
            self._feed()

    def _feed(self) -> None:
        # A loop and not a recursion: the unwrapping may answer before it returns, and its answer lets more come in.
        self._is_feeding = True
        try:
            queue = self._queue
            while queue and not self._is_unwrapping:
                batch = [queue.popleft() for _ in range(min(len(queue), self._limits.batch_packets))]
                self._unwrap(batch, [waiting.packet for waiting in batch])
        finally:
            self._is_feeding = False

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
