"""Starts a program, finds one figure, and never ends."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from benchmarks.report import Figure

FIGURES = ("sleep_pid", "nothing")


def measure() -> Iterator[Figure]:
    sleep = subprocess.Popen(["sleep", "1000"])
    yield Figure(name="sleep_pid", value=float(sleep.pid), unit="")
    time.sleep(1000)
