"""Numerics on one thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from loopixmix.sweeps.threads import WhileAny


def test_numerics_run_on_one_thread_while_a_task_runs() -> None:
    import scipy.linalg  # noqa: F401 (loads its library)

    from loopixmix.sweeps.threads import _loaded, one_thread

    for setter, _ in _loaded():
        setter(2)
    with one_thread():
        assert [threads for _, threads in _loaded()] == [1, 1]  # numpy's and scipy's
    assert [threads for _, threads in _loaded()] == [2, 2]


def test_a_setting_lasts_until_the_last_that_needs_it_has_ended() -> None:
    told: list[str] = []

    def make() -> Callable[[], object]:
        told.append("made")
        return lambda: told.append("ended")

    setting = WhileAny(make)
    for _ in range(2):
        first, second = ExitStack(), ExitStack()
        first.enter_context(setting())
        second.enter_context(setting())
        first.close()
        assert told == ["made"]
        second.close()
        assert told == ["made", "ended"]
        told.clear()
