"""A mix that one neighbour floods with four times what it can do: what becomes of another neighbour's packets.

The mix has one core for itself. The honest neighbour and the one after the mix are this process; the flooding one is a
process of its own (`benchmarks.flooding`). Both have the other core, and the honest one has it first.

The mix unwraps with the reference engine. With the native one it unwraps as many packets in a second as one process can
send, and could not be flooded from here. What waits, and who goes first, is decided alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from benchmarks.neighbours import (
    PLAN,
    SETTLE_S,
    MixAlone,
    Surroundings,
    mix_alone,
    pause,
    quantile,
    react_quietly,
)
from benchmarks.report import Figure, barred, tell
from loopixmix.observing.status import NodeStatus, read_status

WIDE = msgspec.structs.replace(PLAN, width=2)
TIMES_CAPACITY = 4
HONEST_SHARE = 0.1
SATURATE_S, SATURATE_PER_S = 4.0, 40_000.0
LEAST_RATIO = 1.5
"""So many times as much as the mix unwraps must have been sent to it, or its capacity is not known."""
BEFORE_S, FLOOD_S, AFTER_S = 1.0, 8.0, 3.0
WINDOW_S = 0.1
CALM_MS = 5.0
"""The flood is over for the honest neighbour when the median of a window's packets is added less than this, or less
than twice what it was before the flood: the machine may have other work."""
FIGURES = (
    "honest_loss_at_4x",
    "overload_added_p50_ms",
    "overload_before_p50_ms",
    "overload_added_p99_ms",
    "overload_recovery_s",
    "overload_capacity_per_s",
    "overload_offered_ratio",
)


class Flooder:
    """The process of the neighbour that floods."""

    def __init__(self, alone: MixAlone) -> None:
        """`alone`: the mix to flood; the process takes the place of its second neighbour."""
        names = alone.before[1], alone.name, alone.after[0]
        command = [sys.executable, "-P", "-m", "benchmarks.flooding", str(alone.network.directory), *names]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def ready(self) -> None:
        await self._line()

    async def order(self, begin_s: float, span_s: float, rate_per_s: float) -> tuple[int, float]:
        """Let it flood; return how many packets it sent, and when it ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{begin_s} {span_s} {rate_per_s}\n")
        self._process.stdin.flush()
        sent, ended_s = (await self._line()).split()
        return int(sent), float(ended_s)

    async def _line(self) -> str:
        assert self._process.stdout is not None
        line = await deferToThread(self._process.stdout.readline)
        if not line:
            raise RuntimeError("the process that floods has ended")
        return line

    def stop(self) -> None:
        # By force: a thread of it waits for orders, and it would wait for that thread.
        self._process.kill()
        self._process.wait()


def measure() -> list[Figure]:
    """Start everything, flood one mix, and return the figures."""
    found: list[Figure] = []
    with mix_alone(WIDE, engine="reference") as alone:
        flooder = Flooder(alone)
        try:
            react_quietly(lambda: _measure(alone, flooder, found))
        finally:
            flooder.stop()
    return found


async def _measure(alone: MixAlone, flooder: Flooder, found: list[Figure]) -> None:
    around = await Surroundings.link(alone)
    await flooder.ready()
    capacity_per_s = await _saturate(alone.directory, flooder)
    tell(f"{capacity_per_s:,.0f} packets a second are unwrapped when more come")
    await pause(SETTLE_S)
    trial = await _try(around, flooder, capacity_per_s)
    during_ms = sorted(trial.added_ms(BEFORE_S, BEFORE_S + FLOOD_S))
    found += [
        barred("honest_loss_at_4x", float(trial.lost), "packets", bar=0, better="lower", reference=len(trial.sent_s)),
        barred("overload_added_p50_ms", quantile(during_ms, 0.5), "ms", bar=5.0, better="lower"),
        Figure(
            name="overload_before_p50_ms", value=statistics.median(trial.added_ms(0.0, BEFORE_S)), unit="ms, no flood"
        ),
        Figure(name="overload_added_p99_ms", value=quantile(during_ms, 0.99), unit="ms"),
        barred("overload_recovery_s", trial.recovery_s(), "s", bar=1.0, better="lower"),
        Figure(name="overload_capacity_per_s", value=capacity_per_s, unit="packets/s"),
        Figure(name="overload_offered_ratio", value=trial.flood_per_s / capacity_per_s, unit="of that"),
    ]
    await around.stop()


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The honest neighbour's packets: when each was sent, from the begin on, and how late it came beyond its delay."""

    sent_s: Sequence[float]
    added_s: Sequence[float | None]
    flood_end_s: float
    flood_per_s: float

    @property
    def lost(self) -> int:
        return sum(added_s is None for added_s in self.added_s)

    def added_ms(self, from_s: float, to_s: float) -> list[float]:
        """Return what was added to the packets that were sent in a span and arrived."""
        pairs = zip(self.sent_s, self.added_s, strict=True)
        return [1000 * added_s for sent_s, added_s in pairs if added_s is not None and from_s <= sent_s < to_s]

    def recovery_s(self) -> float:
        """Return how long after the end of the flood a window is calm for the first time."""
        calm_ms = max(CALM_MS, 2 * statistics.median(self.added_ms(0.0, BEFORE_S)))
        from_s = self.flood_end_s
        while from_s < self.sent_s[-1]:
            added_ms = self.added_ms(from_s, from_s + WINDOW_S)
            if added_ms and statistics.median(added_ms) < calm_ms:
                break
            from_s += WINDOW_S
        return from_s - self.flood_end_s


async def _saturate(directory: Path, flooder: Flooder) -> float:
    """Return how many packets the mix unwraps in a second when more come than it can do."""
    flooding = Deferred.fromCoroutine(flooder.order(time.time(), SATURATE_S, SATURATE_PER_S))
    await pause(1.0)
    first = _status(directory)
    await pause(SATURATE_S - 2.0)
    last = _status(directory)
    sent, _ = await flooding
    capacity_per_s = (_unwrapped(last) - _unwrapped(first)) / (last.written_at_s - first.written_at_s)
    if sent / SATURATE_S < LEAST_RATIO * capacity_per_s:
        raise RuntimeError(
            f"the machine is too busy: {sent / SATURATE_S:,.0f} packets a second were sent, and the mix unwrapped "
            f"{capacity_per_s:,.0f} of them, so that it was not busy itself"
        )
    return capacity_per_s


def _unwrapped(status: NodeStatus) -> int:
    return status.packets_in + status.dropped.get("replay", 0)


def _status(directory: Path) -> NodeStatus:
    status = read_status(directory)
    if status is None:
        raise RuntimeError(f"{directory} has no status")
    return status


async def _try(around: Surroundings, flooder: Flooder, capacity_per_s: float) -> Trial:
    """Send packets at a tenth of the capacity, before, during and after a flood."""
    rate_per_s = HONEST_SHARE * capacity_per_s
    frames, delays_s = around.load.make(int(rate_per_s * (BEFORE_S + FLOOD_S + AFTER_S)))
    begin_s = time.time()
    flooding = Deferred.fromCoroutine(flooder.order(begin_s + BEFORE_S, FLOOD_S, TIMES_CAPACITY * capacity_per_s))
    sent_s = await around.send(frames, rate_per_s=rate_per_s)
    flooded, ended_s = await flooding
    return Trial(
        sent_s=[each_s - begin_s for each_s in sent_s],
        added_s=await around.load.added_s(sent_s, delays_s),
        flood_end_s=ended_s - begin_s,
        flood_per_s=flooded / FLOOD_S,
    )
