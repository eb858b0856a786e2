"""Work and whoever waits for it, of which one goes away without the other."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from loopixmix.process.shield import shielded, surely_cancelled


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


def test_cancelling_for_sure_ends_the_waiting_whatever_the_work_does() -> None:
    tries: list[Deferred[int]] = []

    async def stubborn() -> int:
        while True:
            tries.append(Deferred())
            try:
                return await tries[-1]
            except CancelledError:
                continue

    failures: list[object] = []
    outer = surely_cancelled(Deferred.fromCoroutine(stubborn()))
    outer.addErrback(lambda failure: failures.append(failure.trap(CancelledError)))
    outer.cancel()
    assert (failures, len(tries)) == ([CancelledError], 2)
    tries[-1].callback(5)  # it comes to nobody


def test_cancelling_for_sure_cancels_the_work_too() -> None:
    cancelled: list[Deferred[int]] = []
    surely_cancelled(Deferred(cancelled.append)).addErrback(lambda failure: None).cancel()
    assert len(cancelled) == 1
    good: Deferred[int] = Deferred()
    results: list[int] = []
    surely_cancelled(good).addCallback(results.append)
    good.callback(1)
    assert results == [1]
