"""The worker's thread, on a real reactor."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads

from client.store.worker import InlineWorker, ThreadWorker, Worker, shielded


@pytest_twisted.ensureDeferred
async def test_work_runs_in_order_in_one_other_thread() -> None:
    worker = ThreadWorker(cast(IReactorFromThreads, reactor))
    threads: list[str] = []
    order: list[int] = []

    def work(number: int) -> int:
        threads.append(threading.current_thread().name)
        order.append(number)
        return number

    results = [worker.run(lambda number=number: work(number)) for number in range(20)]  # type: ignore[misc]
    assert [await result for result in results] == list(range(20))
    assert order == list(range(20))
    assert len(set(threads)) == 1
    assert threads[0] != threading.current_thread().name
    await worker.stop()


@pytest_twisted.ensureDeferred
async def test_stopping_waits_for_what_was_asked_for() -> None:
    worker = ThreadWorker(cast(IReactorFromThreads, reactor))
    released, done = threading.Event(), []
    worker.run(released.wait)
    worker.run(lambda: done.append(1))
    stopping = worker.stop()
    assert not stopping.called
    released.set()
    await stopping
    assert done == [1]


@pytest_twisted.ensureDeferred
async def test_errors_come_back() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    threaded = ThreadWorker(cast(IReactorFromThreads, reactor))
    workers: list[Worker] = [threaded, InlineWorker()]
    for worker in workers:
        with pytest.raises(LookupError):
            await worker.run(fail)
        assert await worker.run(lambda: 3) == 3
        await worker.stop()


def test_a_shield_keeps_the_work_from_being_cancelled() -> None:
    inner: Deferred[int] = Deferred()
    seen: list[int] = []
    outer = shielded(inner.addCallback(lambda value: seen.append(value) or value))
    failures: list[object] = []
    outer.addErrback(lambda failure: failures.append(failure.trap(CancelledError)))
    outer.cancel()
    assert failures == [CancelledError]
    inner.callback(5)
    assert seen == [5]


def test_a_shield_passes_on_results_and_errors() -> None:
    good: Deferred[int] = Deferred()
    results: list[object] = []
    shielded(good).addCallback(results.append)
    good.callback(1)
    bad: Deferred[int] = Deferred()
    shielded(bad).addErrback(lambda failure: results.append(failure.type))
    bad.errback(LookupError())
    late: Deferred[int] = Deferred()
    shielded(late).addErrback(lambda failure: None).cancel()
    late.errback(LookupError())
    assert results == [1, LookupError]


def test_a_process_that_forgets_to_stop_its_worker_ends() -> None:
    script = (
        "from twisted.internet import reactor\nfrom client.store.worker import ThreadWorker\n"
        "worker = ThreadWorker(reactor)\nworker.run(lambda: None)\n"
        "reactor.callLater(0.05, reactor.stop)\nreactor.run()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=20, check=False).returncode == 0
