"""How many published figures the simulator does not give again; the bar is none."""

from __future__ import annotations

import os
import time

from benchmarks.report import Figure, barred
from simulations.verify.rows import LONG
from simulations.verify.verification import CASES, verify


def measure() -> list[Figure]:
    """Run the long form of `loopixmix simulate verify` on all processors."""
    begin_s = time.perf_counter()
    rows = verify(CASES, LONG, jobs=os.cpu_count() or 1)
    seconds = time.perf_counter() - begin_s
    failed = sum(not row.passed for row in rows)
    return [
        Figure(name="verify_rows", value=float(len(rows)), unit="rows"),
        barred("verify_rows_failed", float(failed), "rows", bar=0.0, better="lower"),
        Figure(name="verify_s", value=seconds, unit="s"),
    ]
