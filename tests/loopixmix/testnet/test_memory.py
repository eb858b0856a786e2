"""The memory of a set of processes, watched beside the work."""

from __future__ import annotations

import threading

import psutil
import pytest

from loopixmix.testnet import memory
from loopixmix.testnet.memory import MemoryWatch


def test_the_largest_sum_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PERIOD_S", 0.01)
    looked = threading.Event()
    looks = 0

    def processes() -> list[psutil.Process]:
        nonlocal looks
        looks += 1
        if looks == 3:
            looked.set()
        return [psutil.Process()] if looks == 1 else []

    with MemoryWatch(processes) as watch:
        assert looked.wait(5)
    assert watch.most_bytes > 0
    assert not any(thread.name == "watch" for thread in threading.enumerate())
