"""Processors that take virtual time."""

from __future__ import annotations

import pytest

from loopixmix.sphinx import Geometry, Sphinx
from simulations.world.arithmetic import PlainArithmetic
from simulations.world.clock import EventClock
from simulations.world.cores import EndlessUnwrapping, FiniteUnwrapping

SPHINX = Sphinx(Geometry(), PlainArithmetic())
PACKETS = [bytes(SPHINX.geometry.packet_bytes)] * 5
KEYS = [b"k" * 32]


@pytest.mark.parametrize(("cores", "rounds"), [(1, 5), (2, 3), (5, 1), (8, 1)])
def test_a_batch_takes_as_many_rounds_as_its_packets_fill(cores: int, rounds: int) -> None:
    clock, done_at = EventClock(0.0), list[float]()
    processor = FiniteUnwrapping(SPHINX, unwrap_s=0.5, cores=cores, clock=clock)
    processor.unwrap(KEYS, PACKETS, lambda results: done_at.append(clock.seconds() + 0 * len(results)))
    clock.run_for(10.0)
    assert done_at == [0.5 * rounds]
    assert processor.worked_s == 2.5


def test_a_batch_that_is_stopped_is_never_done() -> None:
    clock, done = EventClock(0.0), list[object]()
    processor = FiniteUnwrapping(SPHINX, unwrap_s=0.5, cores=1, clock=clock)
    processor.unwrap(KEYS, PACKETS, done.append)
    processor.stop()
    assert clock.pending == 0
    assert done == []


def test_without_limits_the_batch_is_done_at_once() -> None:
    done: list[object] = []
    processor = EndlessUnwrapping(SPHINX)
    processor.unwrap(KEYS, PACKETS, done.append)
    processor.stop()
    assert len(done) == 1
    assert processor.worked_s == 0.0
