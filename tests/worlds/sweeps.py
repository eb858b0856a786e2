"""Works for tests of sweeps: quick, and as broken as a test wants them."""

from __future__ import annotations

import os

from loopixmix.sweeps.work import Progress, TaskWork

CODE = "TOY_WORK_CODE"
"""The environment variable that says which code this process pretends to run."""


def _code() -> str:
    return os.environ.get(CODE, "a" * 64)


def _backwards(task: bytes, progress: Progress) -> bytes:
    progress(0.5)
    return task[::-1]


def _dying(task: bytes, progress: Progress) -> bytes:
    if task == b"die":
        os._exit(9)
    return task


def _failing(task: bytes, progress: Progress) -> bytes:
    if task == b"fail":
        raise ZeroDivisionError("a bug")
    return task


BACKWARDS = TaskWork(_backwards, _code)
DYING = TaskWork(_dying, _code)
FAILING = TaskWork(_failing, _code)
