"""One mix process between real TLS links: packets a second, losses, added latency and memory.

The mix has one core for itself; the load, which is this process in the places of the mix's two neighbours, and the
authority have the other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import msgspec

from benchmarks.neighbours import PLAN, MixAlone, Surroundings, mix_alone, quantile, react_quietly
from benchmarks.report import Figure, barred, tell
from loopixmix.testnet.processes import memory_bytes

BAR_PER_S = 4000.0
RATES_PER_S = (2000.0, BAR_PER_S, 6000.0, 8000.0, 10_000.0, 12_000.0, 14_000.0)
LEAST_SENT_SHARE = 0.98
"""A rate counts as tried if that much of it was sent: the load may be slower than the mix."""
WARM_UP_PER_S, WARM_UP_S = 500.0, 2.0
SUSTAIN_S = 8.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one rate. `sent_per_s`: how fast packets were really sent."""

    rate_per_s: float
    sent_per_s: float
    sent: int
    added_s: Sequence[float]
    mix_cpu_share: float

    @property
    def lost(self) -> int:
        return self.sent - len(self.added_s)

    @property
    def sustained(self) -> bool:
        """Nothing was lost and the queue did not grow: the last tenth waited no longer than a tenth of a second."""
        if self.lost or self.sent_per_s < LEAST_SENT_SHARE * self.rate_per_s:
            return False
        return statistics.median(self.added_s[-max(len(self.added_s) // 10, 1) :]) < 0.1

    def added_ms(self, share: float) -> float:
        """Return a quantile of what was added to the packets' delays."""
        return 1000 * quantile(sorted(self.added_s), share)


def measure() -> list[Figure]:
    """Start everything, try rising rates, and return the figures."""
    found: list[Figure] = []
    with mix_alone(PLAN) as alone:
        react_quietly(lambda: _measure(alone, found))
    return found


async def _measure(alone: MixAlone, found: list[Figure]) -> None:
    around = await Surroundings.link(alone)
    await _try(around, alone, WARM_UP_PER_S, WARM_UP_S)
    tried: dict[float, Trial] = {}
    for rate_per_s in RATES_PER_S:
        trial = tried[rate_per_s] = await _try(around, alone, rate_per_s, SUSTAIN_S)
        # Losses are told at the bar's rate, also if there are some before.
        if not trial.sustained and rate_per_s >= BAR_PER_S:
            break
    best = best_of(list(tried.values()))
    half = await _try(around, alone, best.rate_per_s / 2, SUSTAIN_S)
    at_bar, half_bar = tried[BAR_PER_S], tried[BAR_PER_S / 2]
    held_per_s = best.rate_per_s if best.sustained else 0.0
    found += [
        barred("relay_packets_per_s", held_per_s, "packets/s", bar=BAR_PER_S, better="higher"),
        barred("relay_lost", float(at_bar.lost), "packets", bar=0, better="lower", reference=at_bar.sent),
        Figure(name="relay_cpu_share", value=best.mix_cpu_share, unit="of one core at the highest rate"),
        Figure(name="relay_cpu_share_at_bar", value=at_bar.mix_cpu_share, unit=f"at {BAR_PER_S:,.0f} a second"),
        barred("added_latency_p50_ms", half.added_ms(0.50), "ms", bar=1.5, better="lower"),
        barred("added_latency_p99_ms", half.added_ms(0.99), "ms", bar=5.0, better="lower"),
        Figure(name="added_latency_at_2000_per_s_p50_ms", value=half_bar.added_ms(0.50), unit="ms"),
        Figure(name="added_latency_at_2000_per_s_p99_ms", value=half_bar.added_ms(0.99), unit="ms"),
        Figure(name="relay_memory_mb", value=memory_bytes(alone.process) / 1e6, unit="MB"),
    ]
    await around.stop()


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the one of the highest rate that was sustained as all before it were; the first one if none was."""
    best = trials[0]
    for trial in trials:
        if not trial.sustained:
            break
        best = trial
    return best


async def _try(around: Surroundings, alone: MixAlone, rate_per_s: float, seconds: float) -> Trial:
    """Send packets as a Poisson process for a while and see what arrives."""
    frames, delays_s = around.load.make(int(rate_per_s * seconds))
    process = alone.process
    cpu_before_s, begin_s = sum(process.cpu_times()[:2]), time.time()
    sent_s = await around.send(frames, rate_per_s=rate_per_s)
    spent_s = time.time() - begin_s
    cpu_s = sum(process.cpu_times()[:2]) - cpu_before_s
    added_s = [each_s for each_s in await around.load.added_s(sent_s, delays_s) if each_s is not None]
    trial = Trial(
        rate_per_s=rate_per_s,
        sent_per_s=len(frames) / spent_s,
        sent=len(frames),
        added_s=added_s,
        mix_cpu_share=cpu_s / spent_s,
    )
    told = f"{rate_per_s:,.0f} a second: {trial.lost} of {trial.sent:,} lost, {trial.mix_cpu_share:.2f} of the core"
    if added_s:
        told += f", added p50 {trial.added_ms(0.5):.2f} ms, p99 {trial.added_ms(0.99):.2f} ms"
    tell(told)
    return trial
