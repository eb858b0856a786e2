"""A trial of a task: some seconds of it in a process of its own tell what a whole sweep will take."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from loopixmix.errors import LoopixmixError
from loopixmix.sweeps.local import depend_on_the_parent
from loopixmix.sweeps.threads import keep_one_thread
from loopixmix.sweeps.work import TaskWork

TELL_EVERY_S = 0.05
PATIENCE = 4
"""For how many times as long as wanted a task is tried that does not tell how far it is."""
# To start Python and load numerics, on a machine that has other work too.
_START_WITHIN_S = 120.0


class TrialError(LoopixmixError):
    """The trial of a task failed."""


@dataclass(frozen=True)
class Trial:
    """What a whole task takes. `seconds`: None if it did not tell in time how far it is; `at_least_s`: how long it ran.

    `peak_bytes`: the most memory that its process had meanwhile, libraries included.
    """

    seconds: float | None
    at_least_s: float
    peak_bytes: int

    @property
    def known_s(self) -> float:
        """The time of a whole task; if that is not known, how long it ran at least."""
        return self.at_least_s if self.seconds is None else self.seconds


def try_out(work: TaskWork, task: bytes, *, within_s: float) -> Trial:
    """Do a task for `within_s` seconds, in a process of its own, and return what all of it would take.

    From how far it told to be at two times follows how fast it is; for one that has not told so in time, `PATIENCE`
    times as long is waited. A short task is done twice, for the first one loads libraries that later ones have.
    Raises `TrialError` if it fails.
    """
    with _begun(work, task) as (process, told):
        if not told.poll(_START_WITHIN_S):
            raise TrialError("the process for the trial of a task did not start")
        steps = _followed(told, within_s)
        if steps[-1][1] == 1.0 and steps[-1][0] - steps[0][0] < within_s / 2:
            steps = _followed(told, within_s)
        return Trial(
            seconds=_whole_s(steps),
            at_least_s=(steps[-1][0] if steps[-1][1] == 1.0 else time.monotonic()) - steps[0][0],
            peak_bytes=_peak_bytes(process.pid),
        )


def _followed(told: Connection[object, tuple[float, float]], within_s: float) -> list[tuple[float, float]]:
    """Return what one performance told of itself: times and shares, the beginning first."""
    steps = [_received(told)]
    while steps[-1][1] < 1.0:
        wait_s = within_s if _whole_s(steps) is not None else PATIENCE * within_s
        if not told.poll(max(0.0, steps[0][0] + wait_s - time.monotonic())):
            break
        steps.append(_received(told))
    return steps


@contextmanager
def _begun(
    work: TaskWork, task: bytes
) -> Iterator[tuple[multiprocessing.process.BaseProcess, Connection[object, tuple[float, float]]]]:
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    process = context.Process(target=_perform, args=(work, task, tells, os.getpid()), daemon=True)
    process.start()
    tells.close()
    try:
        yield process, told
    finally:
        process.kill()
        process.join()
        told.close()


def _perform(work: TaskWork, task: bytes, tells: Connection[tuple[float, float], object], parent: int) -> None:
    depend_on_the_parent(parent)
    keep_one_thread()
    last_s = 0.0

    def tell(share: float) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= TELL_EVERY_S:
            last_s = time.monotonic()
            tells.send((last_s, min(share, 0.999)))

    for _ in range(2):
        tells.send((time.monotonic(), 0.0))
        work.perform(task, tell)
        tells.send((time.monotonic(), 1.0))
    # Until its memory has been looked at, after which it is ended.
    time.sleep(_START_WITHIN_S)


def _received(told: Connection[object, tuple[float, float]]) -> tuple[float, float]:
    try:
        return told.recv()
    except EOFError:
        raise TrialError("a task failed when it was tried out: what went wrong stands above") from None


def _whole_s(steps: list[tuple[float, float]]) -> float | None:
    """Return how long all of it takes, from when it told how far it was (seconds, share), the beginning first."""
    begun_s, (last_s, done) = steps[0][0], steps[-1]
    if done == 1.0:
        return last_s - begun_s
    moving = [step for step in steps if step[1] > 0.0]
    # What comes before the first share, such as building a network, comes once.
    if len(moving) < 2 or moving[-1][1] <= moving[0][1]:
        return None
    (first_s, first), (last_s, done) = moving[0], moving[-1]
    return last_s - begun_s + (last_s - first_s) / (done - first) * (1.0 - done)


def _peak_bytes(pid: int | None) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
