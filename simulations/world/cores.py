"""Finite processors: unwrapping takes virtual time, so that queues form in the shipped intake and overflow."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from loopixmix.hop.unwrapping import Done
from loopixmix.seams import Clock, DelayedCall
from loopixmix.sphinx import Sphinx, unwrap_many


class FiniteUnwrapping:
    """Unwraps each packet in `unwrap_s` seconds of one of `cores` (`loopixmix.hop.unwrapping.Unwrapping`).

    The shipped intake hands over a batch and waits for it: packets that come meanwhile wait, as on a deployed node,
    also if a core is idle. A batch of n packets takes `ceil(n / cores) x unwrap_s`. With one core and batches of
    one packet this is the queue M/D/1.
    """

    def __init__(self, sphinx: Sphinx, *, unwrap_s: float, cores: int, clock: Clock) -> None:
        """`unwrap_s`: seconds that `sphinx` takes for one packet; `cores`: packets that are unwrapped side by side."""
        self._sphinx = sphinx
        self._unwrap_s = unwrap_s
        self._cores = cores
        self._clock = clock
        self._call: DelayedCall | None = None
        self.worked_s = 0.0
        """Seconds of all cores' time that packets took."""

    @property
    def unwraps_per_s(self) -> float:
        """How many packets all cores unwrap in a second."""
        return self._cores / self._unwrap_s

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        """Take the batch; `done` is called when its time is over."""
        # Rounded up: the last round takes as long with one packet as with all cores at work.
        rounds = -(-len(packets) // self._cores)
        self.worked_s += len(packets) * self._unwrap_s
        self._call = self._clock.callLater(rounds * self._unwrap_s, self._finish, private_keys, packets, done)

    def stop(self) -> None:
        """Forget the batch that is worked on; no call is left."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _finish(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        done(unwrap_many(private_keys, packets, sphinx=self._sphinx))


class EndlessUnwrapping:
    """Unwraps at once and takes no virtual time: a processor without limits."""

    unwraps_per_s = inf
    """Nothing ever waits for it."""

    def __init__(self, sphinx: Sphinx) -> None:
        """`sphinx`: what unwraps the packets."""
        self._sphinx = sphinx
        self.worked_s = 0.0
        """Nothing."""

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        """Unwrap the batch and call `done` before returning."""
        done(unwrap_many(private_keys, packets, sphinx=self._sphinx))

    def stop(self) -> None:
        """Do nothing."""
