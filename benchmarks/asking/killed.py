"""Requests under loss, sent again over their whole life, with a kill of provider and service in the middle.

The clock of all processes of the network is moved, so that the life of a request passes in minutes.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.asking.load import Asked, RequestLoad
from benchmarks.asking.services import BATCH
from benchmarks.asking.stage import PLAN, PROVIDER, MovedClock, Program, Stage, perform, staged
from benchmarks.neighbours import pause
from benchmarks.report import Figure, barred, tell
from loopixmix.directory import Document

FIGURES = ("executed_twice", "answered_share", "answered_unexecuted")
REQUESTS = 100_000
LOSS_SHARE = 0.05
RATE_PER_S = 1000.0
BATCH_S = 0.02
WAVES = 6
LAST_ROUNDS = 4
MARGIN_S = 120.0
_LOSS = random.Random(5)


def measure() -> list[Figure]:
    """Return how many requests were executed twice, and which share was answered."""
    asked: list[Asked] = []
    with MovedClock() as clock:
        clock.move_to_epoch_start(PLAN.params.epoch_length_s, after_s=30.0)
        with staged([], [Program(BATCH, [f"batch_s={BATCH_S}"])], clock=clock) as stage:
            perform(stage, lambda load, document: _ask_all(load, document, stage, clock, asked))
            executed = executions(stage.executed_in(BATCH))
    answered = [each for each in asked if each.answered_s]
    twice = sum(count > 1 for count in executed.values())
    phantom = sum(each.request_id not in executed for each in answered)
    return [
        barred("executed_twice", float(twice), "requests", bar=0, better="lower", reference=len(asked)),
        barred("answered_share", len(answered) / len(asked), "of the requests", bar=0.999, better="higher"),
        barred("answered_unexecuted", float(phantom), "requests", bar=0, better="lower"),
    ]


async def _ask_all(load: RequestLoad, document: Document, stage: Stage, clock: MovedClock, asked: list[Asked]) -> None:
    asked += load.new(REQUESTS)
    half = len(asked) // 2
    await _wave(load, document, asked[:half])
    # In the middle of a wave: what is under way in either process is lost.
    under_way = asked[half : half + int(RATE_PER_S)]
    await _wave(load, document, under_way, settle_s=0.0)
    stage.kill_all()
    stage.start_again()
    await _until_back(load, stage)
    await _wave(load, document, asked[half:])
    rng = random.Random(11)
    again = rng.sample(asked, len(asked))
    step_s = (PLAN.params.epoch_length_s - 2 * MARGIN_S - clock.into_epoch_s(PLAN.params.epoch_length_s)) / WAVES
    for number in range(WAVES):
        clock.move(step_s)
        await pause(3.0)
        await _wave(load, document, again[number::WAVES])
    for _ in range(LAST_ROUNDS):
        await _wave(load, document, [each for each in asked if not each.answered_s and not each.failed])


async def _wave(load: RequestLoad, document: Document, requests: Sequence[Asked], *, settle_s: float = 3.0) -> None:
    """Send requests, of which a share is lost on the way, and read the answers, of which as many are."""
    sent = [each for each in requests if _LOSS.random() >= LOSS_SHARE]
    frames = load.frames(sent, BATCH, last_epoch=document.epoch)
    await load.send(sent, frames, rate_per_s=RATE_PER_S)
    await pause(settle_s)
    load.read_answers(lost_share=LOSS_SHARE)
    tell(f"{len(sent)} sent, {sum(each.answered_s > 0 for each in requests)} of {len(requests)} answered by now")


async def _until_back(load: RequestLoad, stage: Stage) -> None:
    deadline_s = time.monotonic() + 60.0
    while not (load.is_linked and _is_healthy(stage)):
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the provider does not come back: {stage.network.processes.last_words(PROVIDER)}")
        await pause(0.5)


def _is_healthy(stage: Stage) -> bool:
    status = stage.network.statuses()[PROVIDER]
    return status is not None and status.problem is None


def executions(database: Path) -> dict[bytes, int]:
    """Return how often the service carried out each request, by its id, as its own database says."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
        return dict(opened.execute("SELECT substr(body, 1, 16), count(*) FROM executed GROUP BY body"))
