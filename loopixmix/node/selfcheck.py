"""Start-up self-check: how fast this machine unwraps, and what that makes of threads and batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loopixmix.keys import MixKey
from loopixmix.seams import Rng
from loopixmix.sphinx import Discard, Hop, Sphinx, unwrap_many, wrap

CHECK_S = 0.1
BATCH_S = 0.004
"""A batch takes at most about this long: every packet in it waits for the others."""
AT_ONCE_S = 0.0003
"""Work up to this long is done on the reactor's thread: handing it to another and back takes about half as long."""
SMALLEST_BATCH, LARGEST_BATCH = 8, 256
_PACKETS = 32


@dataclass(frozen=True)
class Capacity:
    """The means by which this process can unwrap, and how fast."""

    engine: str
    unwraps_per_s: float
    """On one core."""
    threads: int
    batch_packets: int
    at_once_packets: int


def measure_capacity(
    sphinx: Sphinx, *, rng: Rng, seconds: Callable[[], float], threads: int, batch_packets: int
) -> Capacity:
    """Unwrap for about `CHECK_S` on one core and size what the operator left open.

    `threads`: processors to use, 1 or more. `batch_packets`: 0 to choose. `seconds`: a clock for durations.
    """
    rate_per_s = _measure_unwraps_per_s(sphinx, rng=rng, seconds=seconds)
    fitting = int(rate_per_s * BATCH_S * threads)
    return Capacity(
        engine=sphinx.arithmetic.name,
        unwraps_per_s=rate_per_s,
        threads=threads,
        batch_packets=batch_packets or min(max(fitting, SMALLEST_BATCH), LARGEST_BATCH),
        at_once_packets=int(rate_per_s * AT_ONCE_S),
    )


def _measure_unwraps_per_s(sphinx: Sphinx, *, rng: Rng, seconds: Callable[[], float]) -> float:
    key = MixKey.generate(rng)
    packet = wrap([Hop(key.public, Discard())], b"", sphinx=sphinx, rng=rng)
    # The same packet again and again: unwrapping keeps nothing, so that it costs what others do.
    packets = [packet] * _PACKETS
    unwrapped, started_s = 0, seconds()
    while True:
        unwrap_many([key.private], packets, sphinx=sphinx, threads=1)
        unwrapped += _PACKETS
        passed_s = seconds() - started_s
        if passed_s >= CHECK_S:
            return unwrapped / passed_s
