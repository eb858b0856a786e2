"""The pieces that trials are made of do what they say, on real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worlds.chaos import clocks
from tests.worlds.chaos.clocks import SettableClock
from tests.worlds.chaos.disks import MOUNTING, small_disk

TELL_TIMES = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
DAY_S = 86_400.0


@pytest.mark.needs(clocks.NEEDS)
def test_a_clock_is_set_under_a_running_process_and_its_delays_go_on(tmp_path: Path) -> None:
    clock = SettableClock(tmp_path / "clock")
    with subprocess.Popen(
        [sys.executable, "-c", TELL_TIMES],
        env=dict(clock.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for ahead_s in (0.0, DAY_S, -DAY_S):
            clock.set_ahead(ahead_s)
            process.stdin.write("\n")
            told_s, monotonic_s = (float(word) for word in process.stdout.readline().split())
            assert abs(told_s - time.time() - ahead_s) < DAY_S / 100
            assert abs(monotonic_s - time.monotonic()) < DAY_S / 100
        process.stdin.close()


@pytest.mark.needs(MOUNTING)
def test_a_small_disk_is_filled_and_emptied(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_bytes=1 << 20) as disk:
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.path / "more").write_bytes(bytes(1 << 16))
        disk.empty()
        (disk.path / "more").write_bytes(bytes(1 << 16))
    assert not (tmp_path / "disk" / "more").exists()
