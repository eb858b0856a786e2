"""The self-check counts what was unwrapped in a time, and sizes batches by it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from loopixmix.node.selfcheck import LARGEST_BATCH, SMALLEST_BATCH, measure_capacity
from tests.worlds.packets.sphinx_paths import SPHINX, sphinx_of


def ticking(step_s: float) -> Callable[[], float]:
    """A clock that shows `step_s` more each time."""
    shown = 0.0

    def seconds() -> float:
        nonlocal shown
        shown += step_s
        return shown

    return seconds


@pytest.mark.parametrize(
    ("round_s", "threads", "rate_per_s", "batch"),
    [(0.004, 1, 8000, 32), (0.004, 2, 8000, 64), (0.1, 1, 320, SMALLEST_BATCH), (0.0001, 4, 320_000, LARGEST_BATCH)],
)
def test_batches_take_about_four_milliseconds(round_s: float, threads: int, rate_per_s: float, batch: int) -> None:
    # 32 packets are unwrapped between two looks at the clock.
    capacity = measure_capacity(
        sphinx_of("reference" if round_s > 0.05 else None),
        rng=random.Random(1),
        seconds=ticking(round_s),
        threads=threads,
        batch_packets=0,
    )
    assert capacity.unwraps_per_s == pytest.approx(rate_per_s, rel=0.01)
    assert capacity.threads == threads
    assert capacity.batch_packets == pytest.approx(batch, abs=1)


def test_what_takes_less_than_a_third_of_a_millisecond_is_done_at_once() -> None:
    capacity = measure_capacity(SPHINX, rng=random.Random(1), seconds=ticking(0.001), threads=1, batch_packets=0)
    assert capacity.at_once_packets == pytest.approx(9, abs=1)


def test_what_the_operator_chose_stays() -> None:
    capacity = measure_capacity(
        sphinx_of("reference"), rng=random.Random(1), seconds=ticking(1.0), threads=3, batch_packets=77
    )
    assert (capacity.engine, capacity.threads, capacity.batch_packets) == ("reference", 3, 77)
