"""Reports a second of a collector that checks each token and writes the report down, asked through a provider.

The provider has one core; the collector, the load and the other nodes share the other one. A share of the reports is
sent a second time, as after a lost answer. At the end each report is looked for where it was released.
"""

from __future__ import annotations

import gc
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.asking.load import Asked, RequestLoad
from benchmarks.asking.services import COLLECTOR
from benchmarks.asking.stage import Program, Stage, perform, staged
from benchmarks.neighbours import pause
from benchmarks.report import Figure, barred, tell
from benchmarks.stats.measured_survey import MeasuredSurvey
from loopixmix.directory import Document
from stats.collect.requests import ACCEPTED, AskedOfCollector, encode_asked
from stats.collect.survey import CollectedSurvey, PoolName
from stats.collect.waiting.room import WaitingRoom
from stats.columns.duckdb_engine import DuckDbColumns
from stats.columns.seams import CellFilter
from stats.running.directory import COLUMNS_FILE, WAITING

FIGURES = ("collector_reports_per_s", "collector_unanswered", "executed_twice", "reports_lost")
BAR_PER_S = 1_500.0
RATES_PER_S = (1_500.0, 1_800.0, 2_200.0)
TRIAL_S = 10.0
SENT_TWICE = 0.2
"""Of the reports of the first rate."""
SETTLE_S = 6.0


def measure() -> list[Figure]:
    """Return the highest rate at which all reports are answered, and how many were counted twice or not at all."""
    survey = MeasuredSurvey()
    found: list[tuple[float, int]] = []
    accepted: set[int] = set()
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as directory:
        settings = [f"questionnaire={survey.write(Path(directory))}"]
        with staged([], [Program(COLLECTOR, settings)]) as stage:
            perform(stage, lambda load, document: _report_all(stage, survey, load, document, found, accepted))
            counted = _counted(stage, survey)
    held = [rate for rate, unanswered in found if not unanswered]
    doubled = sum(amount - 1 for amount in counted.values())
    lost = len(accepted - counted.keys())
    return [
        barred("collector_reports_per_s", max(held, default=0.0), "reports/s", bar=BAR_PER_S, better="higher"),
        barred("collector_unanswered", float(found[0][1]), "reports", bar=0, better="lower"),
        barred("executed_twice", float(doubled), "reports", bar=0, better="lower", reference=len(counted)),
        barred("reports_lost", float(lost), "reports", bar=0, better="lower", reference=len(accepted)),
    ]


async def _report_all(
    stage: Stage,
    survey: MeasuredSurvey,
    load: RequestLoad,
    document: Document,
    found: list[tuple[float, int]],
    accepted: set[int],
) -> None:
    made = 0
    for rate_per_s in RATES_PER_S:
        count = int(rate_per_s * TRIAL_S)
        tell(f"{count} reports are made, each with a token")
        asked = load.new(count)
        for number, each in enumerate(asked, made):
            each.body, each.answer = encode_asked(AskedOfCollector.REPORT, survey.report(number)), ACCEPTED
        frames = load.frames(asked, COLLECTOR, last_epoch=document.epoch)
        load.read_answers()
        gc.collect()
        gc.freeze()  # else Python's collector stops the load for longer than a packet takes
        before_s = _cpu_s(stage)
        spent_s = await load.send(asked, frames, rate_per_s=rate_per_s)
        shares = [(after - before) / spent_s for before, after in zip(before_s, _cpu_s(stage), strict=True)]
        await pause(SETTLE_S)
        load.read_answers()
        accepted.update(number for number, each in enumerate(asked, made) if each.answered_s)
        made += count
        unanswered = sum(not each.answered_s for each in asked)
        tell(
            f"{count / spent_s:.0f}/s: {count - unanswered} of {count} were taken; "
            f"{shares[0]:.0%} of the provider's core, {shares[1]:.0%} of the other one by the collector"
        )
        found.append((count / spent_s, unanswered))
        if rate_per_s == RATES_PER_S[0]:
            await _send_again(load, document, asked[: int(SENT_TWICE * count)])
        if unanswered:
            return


def _cpu_s(stage: Stage) -> tuple[float, float]:
    """Return the processor time of the provider and of the collector until now."""
    collector = psutil.Process(stage.processes[COLLECTOR].pid)
    return sum(stage.provider.cpu_times()[:2]), sum(collector.cpu_times()[:2])


async def _send_again(load: RequestLoad, document: Document, asked: Sequence[Asked]) -> None:
    """Send reports once more, in requests of their own, as a client does that got no answer."""
    again = load.new(len(asked))
    for each, before in zip(again, asked, strict=True):
        each.body, each.answer = before.body, before.answer
    await load.send(again, load.frames(again, COLLECTOR, last_epoch=document.epoch), rate_per_s=RATES_PER_S[0])
    await pause(SETTLE_S)
    load.read_answers()
    tell(f"{sum(each.answered_s > 0 for each in again)} of {len(again)} that were sent again were answered")


def _counted(stage: Stage, survey: MeasuredSurvey) -> Counter[int]:
    """Return how often each report is there, released or waiting, by its number."""
    process = stage.processes.pop(COLLECTOR)
    process.terminate()
    process.wait(60)
    directory, collected = stage.directory / COLLECTOR, CollectedSurvey(survey.questionnaire)
    table = collected.table(0)
    released = DuckDbColumns(directory / COLUMNS_FILE)
    counted: Counter[int] = Counter()
    for (number,), amount in released.histogram(table, [table.questions[0]], CellFilter()).items():
        counted[number] += amount
    batches = len(released.batches(table))
    released.close()
    room = WaitingRoom(directory / WAITING, rng=random.Random(1))
    for batch in room.admit(collected):
        counted.update(batch.form.columns(batch.records)[0].tolist())
    pool = PoolName(collected.survey_id, 0, 0)
    tell(f"{sum(counted.values())} were released in {batches} batches, {room.waiting(pool)} wait")
    if room.waiting(pool):
        waiting = room.draw(pool, 1_000_000, held_back=0)
        counted.update(waiting.form.columns(waiting.records)[0].tolist())
    room.close()
    return counted
