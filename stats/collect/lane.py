"""The one thread in which reports are taken and drawn. Those that come at one time share a flush of the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred

from loopixmix.store.jobs import Batched, Job, Upkeep
from loopixmix.store.lanes import ThreadLane
from stats.collect.collector import Collector
from stats.collect.refusals import ReportRefusal

_T = TypeVar("_T")


class CollectorLane:
    """Carries reports and all else that changes a collector to its thread, in order."""

    def __init__(self, collector: Collector, *, call_on_reactor: Callable[..., object]) -> None:
        """`collector`: used by nobody else, but for what any thread may ask. `call_on_reactor`: `callFromThread`."""
        self._collector = collector
        self._lane = ThreadLane("collector", self._run, call_on_reactor=call_on_reactor)

    def take(self, report: bytes) -> Deferred[ReportRefusal | None]:
        """Take a report; fires with None once it is on the disk, otherwise with why it does not count."""
        job: Batched[bytes, ReportRefusal | None] = Batched(report, None)
        self._lane.submit(job)
        return job.done

    def do(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Do something else in its turn; fires with what `work` returns, fails with what it raises."""
        results: list[_T] = []
        job = Upkeep(lambda: results.append(work()))
        self._lane.submit(job)
        return job.done.addCallback(lambda _: results[0])

    def stop(self) -> Deferred[None]:
        """Finish all that was asked for, and stop."""
        return self._lane.stop()

    def _run(self, jobs: Sequence[Job]) -> None:
        reports = [job for job in jobs if isinstance(job, Batched)]
        if reports:
            outcomes = self._collector.take_many([job.given for job in reports])
            for job, outcome in zip(reports, outcomes, strict=True):
                job.result = outcome
