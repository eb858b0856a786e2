"""Rising rates of requests to one service: the highest that is sustained, then held for a minute."""

from __future__ import annotations

import gc
import statistics
import time

from benchmarks.asking.load import RequestLoad
from benchmarks.asking.services import BATCH
from benchmarks.asking.stage import Stage
from benchmarks.asking.trials import IN_TIME_S, RATES_PER_S, Trial, rates_to_hold
from benchmarks.neighbours import pause
from benchmarks.report import Figure, barred, tell
from loopixmix.directory import Document

BAR_PER_S = 1500.0
TRIAL_S = 8.0
LONG_S = 61.0
"""A minute, also if chance lets the last request leave a little early."""
MOST_CPU_SHARE = 0.85
"""What takes more of the provider's core is not tried for a minute: then everything that comes beside makes a queue."""
SETTLE_S = 3.0


async def find_rate(load: RequestLoad, document: Document, stage: Stage, name: str, found: list[Figure]) -> None:
    """Add the figures of the service that `stage` runs, whose names begin with `name`, to `found`."""
    await _try(load, document, stage, rate_per_s=500.0, seconds=2.0)
    passed: list[float] = []
    for rate_per_s in RATES_PER_S:
        trial = await _try(load, document, stage, rate_per_s=rate_per_s, seconds=TRIAL_S)
        if not trial.sustained or trial.cpu_share > MOST_CPU_SHARE:
            break
        passed.append(rate_per_s)
    best, *slower = rates_to_hold(passed)
    trial = await _try(load, document, stage, rate_per_s=best, seconds=LONG_S)
    for rate_per_s in slower:
        if not trial.sustained:
            trial = await _try(load, document, stage, rate_per_s=rate_per_s, seconds=LONG_S)
    found += [
        barred(f"{name}_per_s", trial.held_per_s, "requests/s", bar=BAR_PER_S, better="higher"),
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
    meanwhile_s = time.time() + IN_TIME_S
    cpu_share = (_cpu_s(stage) - before_s) / spent_s
    await pause(SETTLE_S)
    load.read_answers()
    answered = [asked for asked in requests if asked.answered_s]
    trial = Trial(
        rate_per_s=len(frames) / spent_s,
        sent=len(frames),
        answered=len(answered),
        waits_s=[asked.answered_s - asked.sent_s for asked in answered],
        cpu_share=cpu_share,
        answered_meanwhile=sum(asked.answered_s <= meanwhile_s for asked in answered),
    )
    tell(
        f"{seconds:.0f} s at {trial.rate_per_s:.0f}/s: {trial.answered} of {trial.sent} answered, "
        f"{trial.cpu_share:.0%} of a core"
    )
    return trial


def _cpu_s(stage: Stage) -> float:
    return sum(stage.provider.cpu_times()[:2])
