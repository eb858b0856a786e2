"""Work that goes on although whoever waits for it goes away."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from loopixmix.process.shield import shielded


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
