"""Unwrapping beside the reactor gives what unwrapping at once gives, and survives a defect."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from loopixmix.drops import DropReason
from loopixmix.hop.unwrapping import InlineUnwrapping, Results, ThreadedUnwrapping
from loopixmix.sphinx import wrap
from tests.worlds.packets.sphinx_paths import SPHINX, make_journey


class Reactor:
    """The part of a reactor that threads may call."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def call_from_thread(self, function: Callable[..., object], *args: object) -> None:
        self._calls.put(lambda: function(*args))

    def turn(self) -> None:
        self._calls.get(timeout=10)()


class Processor:
    """A clock of processor time that shows `step_s` more each time."""

    def __init__(self, step_s: float = 0.001) -> None:
        self.step_s = step_s
        self.shown_s = 0.0

    def seconds(self) -> float:
        self.shown_s += self.step_s
        return self.shown_s


def threaded_unwrapping(
    reactor: Reactor, *, threads: int, at_once_packets: int = 0, processor: Processor | None = None
) -> ThreadedUnwrapping:
    return ThreadedUnwrapping(
        SPHINX,
        threads=threads,
        unwraps_per_s=1000.0,
        call_from_thread=reactor.call_from_thread,
        processor_s=(processor or Processor()).seconds,
        at_once_packets=at_once_packets,
    )


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


def test_both_give_the_same_results(rng: random.Random, reactor: Reactor) -> None:
    journey = make_journey(rng, 3)
    packets = [wrap(journey.hops, b"hello", sphinx=SPHINX, rng=rng) for _ in range(5)]
    packets[2] = packets[2][:-1]
    keys = [rng.randbytes(32), journey.keys[0].private]
    results: list[Results] = []
    InlineUnwrapping(SPHINX).unwrap(keys, packets, results.append)
    threaded = threaded_unwrapping(reactor, threads=2)
    threaded.start()
    threaded.unwrap(keys, packets, results.append)
    reactor.turn()
    threaded.stop()
    inline, beside = results
    assert list(inline) == list(beside)
    assert inline[2] is DropReason.WRONG_LENGTH
    assert [each for each in inline if not isinstance(each, DropReason) and each.key_index == 1] == [
        inline[0],
        inline[1],
        *inline[3:],
    ]


def test_the_thread_holds_no_key_while_it_waits(rng: random.Random, reactor: Reactor) -> None:
    journey = make_journey(rng, 1)
    key = bytes(bytearray(journey.keys[0].private))
    held = sys.getrefcount(key)
    unwrapping = threaded_unwrapping(reactor, threads=1)
    unwrapping.start()
    unwrapping.unwrap([key], [wrap(journey.hops, b"hello", sphinx=SPHINX, rng=rng)], lambda _: None)
    reactor.turn()
    try:
        # The thread may need a moment to come back to where it waits.
        given_up_at = time.monotonic() + 5.0
        while sys.getrefcount(key) > held:
            assert time.monotonic() < given_up_at, "the waiting thread keeps the key"
            time.sleep(0.001)
    finally:
        unwrapping.stop()


@pytest.fixture
def events() -> Iterator[list[str]]:
    """What is logged."""
    kept: list[str] = []

    def keep(event: LogEvent) -> None:
        kept.append(str(event))

    globalLogPublisher.addObserver(keep)
    yield kept
    globalLogPublisher.removeObserver(keep)


def test_a_defect_loses_its_batch_only_and_is_logged_without_the_packets(reactor: Reactor, events: list[str]) -> None:
    marked = b"marked packet"
    threaded = threaded_unwrapping(reactor, threads=1)
    threaded.start()
    results: list[Results] = []
    threaded.unwrap([b"a key of the wrong length"], [marked, marked], results.append)
    reactor.turn()
    threaded.unwrap([bytes(32)], [marked], results.append)
    reactor.turn()
    threaded.stop()
    assert results == [[DropReason.SERVICE_FAILED] * 2, [DropReason.WRONG_LENGTH]]
    assert any("could not be unwrapped" in event for event in events)
    assert not any("marked" in event for event in events)


def test_a_small_batch_is_unwrapped_at_once_and_a_larger_one_by_the_thread(reactor: Reactor) -> None:
    threaded = threaded_unwrapping(reactor, threads=1, at_once_packets=2)
    threaded.start()
    results: list[Results] = []
    threaded.unwrap([bytes(32)], [b"short"] * 2, results.append)
    assert results == [[DropReason.WRONG_LENGTH] * 2]
    threaded.unwrap([bytes(32)], [b"short"] * 3, results.append)
    assert len(results) == 1
    reactor.turn()
    assert results[1] == [DropReason.WRONG_LENGTH] * 3
    threaded.stop()


def test_stopping_waits_for_the_thread_and_may_be_repeated(reactor: Reactor) -> None:
    threaded = threaded_unwrapping(reactor, threads=1)
    threaded.stop()
    threaded.start()
    threaded.stop()
    threaded.stop()


def test_it_knows_from_its_own_batches_how_fast_it_unwraps_now(reactor: Reactor) -> None:
    processor = Processor(step_s=0.01)
    threaded = threaded_unwrapping(reactor, threads=1, processor=processor)
    assert threaded.unwraps_per_s == pytest.approx(1000)
    threaded.start()

    def unwrap_batches(count: int) -> None:
        for _ in range(count):
            threaded.unwrap([bytes(32)], [b"short"] * 20, lambda _: None)
            reactor.turn()

    unwrap_batches(100)
    assert threaded.unwraps_per_s == pytest.approx(2000, rel=0.01)
    processor.step_s = 0.04
    unwrap_batches(1)
    assert 1500 < threaded.unwraps_per_s < 2000
    unwrap_batches(100)
    assert threaded.unwraps_per_s == pytest.approx(500, rel=0.01)
    processor.step_s = 0.0
    unwrap_batches(1)
    assert threaded.unwraps_per_s > 500
    threaded.stop()
