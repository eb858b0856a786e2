"""Lanes: what is submitted is done in order and in groups, and one bad job harms no other."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection
from twisted.internet.task import Clock

from loopixmix.errors import StoreError
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.jobs import Job
from loopixmix.store.lanes import MAX_BATCH, ClockLane, InlineLane, Lane, ThreadLane
from tests.worlds.networks.reactor_threads import ReactorThread


class Counted:
    """A job that notes what becomes of it."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.fate: list[object] = []
        self.deaf = deaf

    def run(self, connection: Connection) -> None:
        raise AssertionError  # `Batches` does not call it

    def committed(self) -> None:
        self.fate.append("committed")
        if self.deaf:
            raise LookupError

    def settle(self) -> None:
        self.fate.append("settled")

    def fail(self, error: Exception) -> None:
        self.fate.append(type(error))


class Batches:
    """Runs batches, and refuses those in which a certain job is."""

    def __init__(self, *bad: Job) -> None:
        self.bad = bad
        self.tried: list[list[Job]] = []

    def __call__(self, jobs: Sequence[Job]) -> None:
        self.tried.append(list(jobs))
        if any(job in self.bad for job in jobs):
            raise StoreError("it cannot be done")


def test_what_comes_within_one_batch_is_done_together() -> None:
    clock, batches = Clock(), Batches()
    lane = ClockLane(batches, clock=clock, batch_s=0.01)
    jobs = [Counted() for _ in range(3)]
    for job in jobs:
        lane.submit(job)
    assert (lane.waiting, batches.tried) == (3, [])
    clock.advance(0.01)
    assert (lane.waiting, batches.tried) == (0, [jobs])
    assert [job.fate for job in jobs] == [["committed", "settled"]] * 3
    assert clock.getDelayedCalls() == []


def test_one_bad_job_harms_no_other() -> None:
    clock, bad = Clock(), Counted()
    batches = Batches(bad)
    lane = ClockLane(batches, clock=clock, batch_s=0.01)
    before, after = Counted(), Counted()
    for job in (before, bad, after):
        lane.submit(job)
    clock.advance(0.01)
    assert batches.tried == [[before, bad, after], [before], [bad], [after]]
    assert (before.fate, bad.fate, after.fate) == (
        ["committed", "settled"],
        [StoreError],
        ["committed", "settled"],
    )


class AwayBatches:
    """Runs so many batches of one job, and then the server is away; larger ones contain a bad job."""

    def __init__(self, runs: int) -> None:
        self.runs = runs
        self.tried: list[int] = []

    def __call__(self, jobs: Sequence[Job]) -> None:
        self.tried.append(len(jobs))
        if not self.runs:
            raise StoreUnavailableError("the server is away")
        if len(jobs) > 1:
            raise StoreError("one of these is bad")
        self.runs -= 1


@pytest.mark.parametrize(("runs", "tried"), [(0, [5]), (2, [5, 1, 1, 1])])
def test_a_server_that_is_away_is_not_waited_for_once_more_for_each_job(runs: int, tried: list[int]) -> None:
    clock, batches = Clock(), AwayBatches(runs)
    lane = ClockLane(batches, clock=clock, batch_s=0.01)
    jobs = [Counted() for _ in range(5)]
    for job in jobs:
        lane.submit(job)
    clock.advance(0.01)
    assert batches.tried == tried
    fates = [["committed", "settled"]] * runs + [[StoreUnavailableError]] * (5 - runs)
    assert [job.fate for job in jobs] == fates


def test_what_is_committed_never_runs_again_whatever_becomes_of_who_hears_of_it() -> None:
    deaf, other = Counted(deaf=True), Counted()
    clock, batches = Clock(), Batches()
    lane = ClockLane(batches, clock=clock, batch_s=0.01)
    for job in (deaf, other):
        lane.submit(job)
    clock.advance(0.01)
    assert batches.tried == [[deaf, other]]
    assert (deaf.fate, other.fate) == (["committed", LookupError], ["committed", "settled"])


def clock_lane(run_batch: Batches) -> Lane:
    return ClockLane(run_batch, clock=Clock(), batch_s=0.01)


@pytest.mark.parametrize("make", [clock_lane, InlineLane])
def test_stopping_finishes_what_was_submitted_and_refuses_more(make: Callable[[Batches], Lane]) -> None:
    lane, early, late = make(Batches()), Counted(), Counted()
    lane.submit(early)
    stopped: list[None] = []
    lane.stop().addCallback(stopped.append)
    assert (early.fate, stopped) == (["committed", "settled"], [None])
    lane.submit(late)
    assert late.fate == [StoreError]


def test_inline_each_job_is_done_at_once() -> None:
    batches, job, bad = Batches(), Counted(), Counted()
    batches.bad = (bad,)
    lane = InlineLane(batches)
    lane.submit(job)
    assert job.fate == ["committed", "settled"]
    lane.submit(bad)
    assert bad.fate == [StoreError]
    assert (batches.tried, lane.waiting) == ([[job], [bad]], 0)


def test_a_thread_does_what_waits_in_few_batches_and_in_order() -> None:
    reactor, batches = ReactorThread(), Batches()
    may_begin = threading.Event()

    def run(jobs: Sequence[Job]) -> None:
        assert may_begin.wait(10)
        batches(jobs)

    lane = ThreadLane("a lane", run, call_on_reactor=reactor.call)
    jobs = [Counted() for _ in range(MAX_BATCH + 100)]
    for job in jobs:
        lane.submit(job)
    may_begin.set()
    stopped: list[None] = []
    lane.stop().addCallback(stopped.append)
    late = Counted()
    lane.submit(late)
    assert late.fate == [StoreError]
    reactor.run_until(lambda: bool(stopped))
    assert [job for batch in batches.tried for job in batch] == jobs
    assert len(batches.tried) <= 3
    assert max(map(len, batches.tried)) == MAX_BATCH
    assert all(job.fate == ["committed", "settled"] for job in jobs)
    assert not [thread for thread in threading.enumerate() if thread.name == "a lane"]


def test_after_a_batch_of_several_the_next_one_is_given_time_to_grow() -> None:
    reactor, batches = ReactorThread(), Batches()
    has_begun, may_begin = threading.Event(), threading.Event()
    alone, together = Counted(), [Counted() for _ in range(3)]
    late = [Counted() for _ in range(2)]
    coming = iter(late)

    def run(jobs: Sequence[Job]) -> None:
        batches(jobs)
        has_begun.set()
        assert may_begin.wait(10)

    def pause() -> None:
        for job in coming:
            lane.submit(job)

    lane = ThreadLane("a lane", run, call_on_reactor=reactor.call, pause=pause)
    lane.submit(alone)
    assert has_begun.wait(10)
    for job in together:
        lane.submit(job)
    may_begin.set()
    stopped: list[None] = []
    reactor.run_until(lambda: bool(late[-1].fate))
    lane.stop().addCallback(stopped.append)
    reactor.run_until(lambda: bool(stopped))
    # None after the first, which was alone: otherwise the late ones would be with the three.
    assert batches.tried == [[alone], together, late]


def test_a_pause_that_fails_ends_no_lane() -> None:
    """Then nothing would be written any more, and nobody told: once a clock of its own did so to a provider."""
    reactor, batches = ReactorThread(), Batches()
    has_begun, may_begin = threading.Event(), threading.Event()

    def run(jobs: Sequence[Job]) -> None:
        batches(jobs)
        has_begun.set()
        assert may_begin.wait(10)

    def pause() -> None:
        raise OSError(22, "Invalid argument")

    lane = ThreadLane("a lane", run, call_on_reactor=reactor.call, pause=pause)
    jobs = [Counted() for _ in range(4)]
    lane.submit(jobs[0])
    assert has_begun.wait(10)
    for job in jobs[1:]:
        lane.submit(job)
    may_begin.set()
    reactor.run_until(lambda: bool(jobs[-1].fate))
    late = Counted()
    lane.submit(late)
    reactor.run_until(lambda: bool(late.fate))
    stopped: list[None] = []
    lane.stop().addCallback(stopped.append)
    reactor.run_until(lambda: bool(stopped))
    assert batches.tried == [[jobs[0]], jobs[1:], [late]]


def test_after_a_full_batch_nobody_is_let_wait() -> None:
    reactor, batches, pauses = ReactorThread(), Batches(), list[None]()
    has_begun, may_begin = threading.Event(), threading.Event()

    def run(jobs: Sequence[Job]) -> None:
        batches(jobs)
        has_begun.set()
        assert may_begin.wait(10)

    lane = ThreadLane("a lane", run, call_on_reactor=reactor.call, pause=lambda: pauses.append(None))
    alone, jobs = Counted(), [Counted() for _ in range(2 * MAX_BATCH + 3)]
    lane.submit(alone)
    assert has_begun.wait(10)
    for job in jobs:
        lane.submit(job)
    may_begin.set()
    stopped: list[None] = []
    lane.stop().addCallback(stopped.append)
    reactor.run_until(lambda: bool(stopped))
    assert [len(batch) for batch in batches.tried] == [1, MAX_BATCH, MAX_BATCH, 3]
    assert len(pauses) == 1  # after the three


def test_a_process_that_forgets_to_stop_its_lane_ends() -> None:
    script = (
        "from twisted.internet import reactor\nfrom loopixmix.store.lanes import ThreadLane\n"
        "lane = ThreadLane('a lane', print, call_on_reactor=reactor.callFromThread)\n"
        "reactor.callLater(0.05, reactor.stop)\nreactor.run()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=20, check=False).returncode == 0
