"""A trial of a task: what is foretold of all of it."""

from __future__ import annotations

import time

import pytest

from loopixmix.sweeps.trial import TrialError, try_out
from loopixmix.sweeps.work import Progress, TaskWork

MEGABYTES = 60


def perform(task: bytes, progress: Progress) -> bytes:
    """Sleep as long as the task says, in hundred steps; or fail, or tell nothing, or fill memory."""
    if task == b"fail":
        raise ZeroDivisionError("as it should")
    if task == b"silent":
        time.sleep(60)
    if task == b"large":
        filled = bytearray(b"x" * (MEGABYTES << 20))
        return bytes(filled[:1])
    for step in range(100):
        progress(step / 100)
        time.sleep(float(task) / 100)
    return b""


def code() -> str:
    return ""


WORK = TaskWork(perform, code)


def test_a_long_task_is_foretold_from_a_part_of_it() -> None:
    began_s = time.monotonic()
    trial = try_out(WORK, b"30", within_s=1.0)
    assert time.monotonic() - began_s < 25
    assert trial.seconds == pytest.approx(30, rel=0.5)
    assert trial.known_s == trial.seconds


def test_a_short_task_is_measured_whole() -> None:
    trial = try_out(WORK, b"0.2", within_s=5.0)
    assert trial.seconds is not None
    assert 0.2 <= trial.seconds < 2.5


def test_a_task_that_does_not_tell_how_far_it_is_takes_at_least_as_long_as_it_was_tried() -> None:
    trial = try_out(WORK, b"silent", within_s=0.1)
    assert trial.seconds is None
    assert 0.4 <= trial.known_s < 10


def test_its_memory_is_the_most_that_its_process_had() -> None:
    small, large = (try_out(WORK, task, within_s=2.0).peak_bytes for task in (b"0.01", b"large"))
    assert large - small > MEGABYTES << 20


def test_a_task_that_fails_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrialError, match="a task failed when it was tried out"):
        try_out(WORK, b"fail", within_s=1.0)
    assert "ZeroDivisionError: as it should" in capfd.readouterr().err
