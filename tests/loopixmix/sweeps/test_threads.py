"""Numerics on one thread."""

from __future__ import annotations


def test_numerics_run_on_one_thread_while_a_task_runs() -> None:
    import scipy.linalg  # noqa: F401 (loads its library)

    from loopixmix.sweeps.threads import _loaded, one_thread

    for setter, _ in _loaded():
        setter(2)
    with one_thread():
        assert [threads for _, threads in _loaded()] == [1, 1]  # numpy's and scipy's
    assert [threads for _, threads in _loaded()] == [2, 2]
