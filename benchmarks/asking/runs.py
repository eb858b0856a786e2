"""The figures: requests a second, packets beside a burning core, and kills and losses under load."""

from __future__ import annotations

import gc
import sqlite3
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.asking.load import Asked, RequestLoad, pause
from benchmarks.asking.services import BATCH, BURNER
from benchmarks.asking.stage import Program, Stage, perform, staged
from benchmarks.report import Figure, barred
from loopixmix.directory import Document

REQUESTS_BAR_PER_S = 1500.0
RATES_PER_S = (1500.0, 1800.0, 2200.0, 2600.0, 3000.0)
TRIAL_S = 8.0
LONG_S = 60.0
SETTLE_S = 3.0
BATCH_S = 0.25

EVERY_REQUEST = 100_000
LOSS_SHARE = 0.05
WAVE_RATE_PER_S = 1200.0
RESENDS = 6
QUICK_BATCH_S = 0.02

DELAY_BAR = 1.2
BURNT_S = 60.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the requests of one rate."""

    rate_per_s: float
    sent: int
    answered: int
    waits_s: Sequence[float]
    cpu_share: float

    @property
    def sustained(self) -> bool:
        """All were answered, and those of the last tenth waited no longer than a batch and its way allow."""
        tail = self.waits_s[-max(1, len(self.waits_s) // 10) :]
        return self.answered == self.sent and statistics.median(tail) < 3 * BATCH_S


def requests_per_s() -> list[Figure]:
    """Measure requests a second of a service in the provider's process, and of one outside it."""
    found: list[Figure] = []
    with staged([BATCH], []) as stage:
        perform(stage, lambda load, document: _find_rate(load, document, stage, "requests", found))
    with staged([], [Program(BATCH)]) as stage:
        perform(stage, lambda load, document: _find_rate(load, document, stage, "requests_remote", found))
    return found


def packet_delay() -> list[Figure]:
    """Measure how late packets leave while a service outside the provider burns its core, and while it is idle."""
    late_s = [_late_beside(burn_s) for burn_s in (0.0, 10.0)]
    return [barred("packet_delay_ratio", late_s[1] / late_s[0], "of 99th percentiles", bar=DELAY_BAR, better="lower")]


async def _find_rate(load: RequestLoad, document: Document, stage: Stage, name: str, found: list[Figure]) -> None:
    await _try(load, document, stage, rate_per_s=500.0, seconds=2.0)
    best = RATES_PER_S[0]
    for rate_per_s in RATES_PER_S:
        trial = await _try(load, document, stage, rate_per_s=rate_per_s, seconds=TRIAL_S)
        if not trial.sustained:
            break
        best = rate_per_s
    trial = await _try(load, document, stage, rate_per_s=best, seconds=LONG_S)
    # Of a run that was not sustained only what was answered counts.
    value = trial.rate_per_s * trial.answered / trial.sent
    found += [
        barred(f"{name}_per_s", value, "requests/s", bar=REQUESTS_BAR_PER_S, better="higher"),
        barred(f"{name}_unanswered", float(trial.sent - trial.answered), "requests", bar=0, better="lower"),
        Figure(name=f"{name}_wait_p50_ms", value=1000 * statistics.median(trial.waits_s), unit="ms"),
        Figure(name=f"{name}_cpu_share", value=trial.cpu_share, unit="of one core at that rate"),
    ]


async def _try(load: RequestLoad, document: Document, stage: Stage, *, rate_per_s: float, seconds: float) -> Trial:
    requests = load.new(int(rate_per_s * seconds))
    frames = load.frames(requests, BATCH, last_epoch=document.epoch)
    load.read_answers()
    gc.collect()
    gc.freeze()  # else our own collector stops the load for longer than a packet takes
    before_s = _cpu_s(stage)
    spent_s = await load.send(requests, frames, rate_per_s=rate_per_s)
    cpu_share = (_cpu_s(stage) - before_s) / spent_s
    await pause(SETTLE_S)
    load.read_answers()
    answered = [asked for asked in requests if asked.answered_s]
    return Trial(
        rate_per_s=len(frames) / spent_s,
        sent=len(frames),
        answered=len(answered),
        waits_s=[asked.answered_s - asked.sent_s for asked in answered],
        cpu_share=cpu_share,
    )


def _cpu_s(stage: Stage) -> float:
    return sum(stage.provider.cpu_times()[:2])


def _late_beside(burn_s: float) -> float:
    """Return the 99th percentile of lateness at a quarter of the bar, while each request burns `burn_s`."""
    found: list[float] = []

    async def body(load: RequestLoad, document: Document) -> None:
        # Kept busy by requests of its own: four threads of ten seconds each, without a pause.
        burning = load.new(int(BURNT_S)), "burner"
        load_frames = load.frames(burning[0], BURNER, last_epoch=document.epoch)
        for asked, frame in zip(burning[0][:8], load_frames[:8], strict=True):
            await load.send([asked], [frame], rate_per_s=1000.0)
        requests = load.new(int(REQUESTS_BAR_PER_S / 4 * BURNT_S / 2))
        frames = load.frames(requests, BATCH, last_epoch=document.epoch)
        await load.send(requests, frames, rate_per_s=REQUESTS_BAR_PER_S / 4)
        found.append(stage.status.late_p99_s)

    with staged([BATCH], [Program(BURNER, [f"burn_s={burn_s}"])]) as stage:
        perform(stage, body)
    return found[0]


def executions(database: Path) -> dict[bytes, int]:
    """Return how often the service was asked each thing, as its own database says."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
        rows = opened.execute("SELECT substr(body, 1, 16), count(*) FROM executed GROUP BY body")
        return dict(rows.fetchall())


def _unanswered(requests: Sequence[Asked]) -> list[Asked]:
    return [asked for asked in requests if not asked.answered_s]
