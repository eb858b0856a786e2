"""How late packets leave the provider while a service outside it burns its core, and while that service is idle."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from benchmarks.asking.load import RequestLoad
from benchmarks.asking.rates import BAR_PER_S
from benchmarks.asking.services import BATCH, BURNER
from benchmarks.asking.stage import GIVING_WAY, Program, Stage, perform, staged
from benchmarks.neighbours import pause
from benchmarks.report import Figure, barred, tell
from loopixmix.directory import Document

FIGURES = ("packet_delay_ratio", "packet_delay_machine_ratio", "late_p99_idle_ms", "late_p99_burning_ms")
BAR = 1.2
QUARTER_PER_S = BAR_PER_S / 4
TURN_S = 12.0
TURNS = 7
BURN_S = TURN_S + 1.0
THREADS = 4
LEAST_BURNT = 0.3
"""The share of its core that the service burns at least. It gets what the load leaves of it."""
LEAST_ANSWERED = 0.9
"""Of the requests of a turn, when the last one has just been sent. With fewer, other departures are measured."""
SPIN = "while True: pass"


def measure() -> list[Figure]:
    """Return the ratio of the two, idle and burning in turns, so that both have the same of the machine's moods.

    In a third turn a program that has nothing to do with the provider burns the same core: two cores of one machine
    share more than they seem to, and what that program costs is not the service's doing.
    """
    late: list[tuple[float, float, float]] = []

    async def body(load: RequestLoad, document: Document) -> None:
        await _turn(load, document, stage, burns=False)  # warm
        for _ in range(TURNS):
            idle_s = await _turn(load, document, stage, burns=False)
            burning_s = await _turn(load, document, stage, burns=True)
            await pause(BURN_S - TURN_S)
            with _stranger():
                late.append((idle_s, burning_s, await _turn(load, document, stage, burns=False)))
            words = "late by {:.2f} ms while it is idle, {:.2f} ms while it burns, {:.2f} ms while a stranger burns"
            tell(words.format(*(1000 * each for each in late[-1])))

    # The load is on the same core. If it had to wait for its turn there, packets would come to the provider in bursts,
    # and how late those leave says nothing of the provider.
    with staged([BATCH], [Program(BURNER, [f"burn_s={BURN_S}"], gives_way=True)]) as stage:
        perform(stage, body)
    idle_ms, burning_ms, stranger_ms = (1000 * statistics.median(turns) for turns in zip(*late, strict=True))
    return [
        barred("packet_delay_ratio", burning_ms / idle_ms, "of 99th percentiles", bar=BAR, better="lower"),
        Figure(name="packet_delay_machine_ratio", value=stranger_ms / idle_ms, unit="of 99th percentiles"),
        Figure(name="late_p99_idle_ms", value=idle_ms, unit="ms"),
        Figure(name="late_p99_burning_ms", value=burning_ms, unit="ms"),
    ]


@contextmanager
def _stranger() -> Iterator[None]:
    """Let another program burn the core of this process, and give way as the service does."""
    program = subprocess.Popen([*GIVING_WAY, sys.executable, "-P", "-c", SPIN])
    try:
        yield
    finally:
        program.kill()
        program.wait()


async def _turn(load: RequestLoad, document: Document, stage: Stage, *, burns: bool) -> float:
    """Return the 99th percentile of lateness, in seconds, at a quarter of the bar's load."""
    requests = load.new(int(QUARTER_PER_S * TURN_S))
    frames = load.frames(requests, BATCH, last_epoch=document.epoch)
    if burns:
        burning = load.new(THREADS)
        await load.send(burning, load.frames(burning, BURNER, last_epoch=document.epoch), rate_per_s=1000.0)
        await pause(0.5)
    burnt_s = _burnt_s(stage)
    spent_s = await load.send(requests, frames, rate_per_s=QUARTER_PER_S)
    burnt = (_burnt_s(stage) - burnt_s) / spent_s
    load.read_answers()
    answered = sum(each.answered_s > 0 for each in requests) / len(requests)
    if answered < LEAST_ANSWERED or (burns and burnt < LEAST_BURNT):
        raise RuntimeError(f"{answered:.0%} were answered, and {burnt:.0%} of a core burnt: nothing was measured")
    # The latest 4,096 departures: with one answer for each request those of this turn.
    return stage.status.late_p99_s


def _burnt_s(stage: Stage) -> float:
    return sum(psutil.Process(stage.processes[BURNER].pid).cpu_times()[:2])
