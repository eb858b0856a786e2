from __future__ import annotations

import pytest

from client.streams.silence import LEAST_SILENT_S, MANY_MEANS, Silence


class Seconds:
    """A clock that nobody sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("rate_per_s", "longest_s"), [(0.1, MANY_MEANS / 0.1), (40.0, LEAST_SILENT_S)])
def test_a_stream_that_is_silent_for_many_of_its_means_is_a_problem(rate_per_s: float, longest_s: float) -> None:
    clock = Seconds()
    silence = Silence("loops", clock)
    silence.expect(rate_per_s)
    clock.now_s += longest_s
    assert silence.problem is None
    clock.now_s += 1.0
    assert silence.problem is not None
    assert f"the stream of loops has been silent for {longest_s + 1:.0f} s" in silence.problem
    silence.heard()
    assert silence.problem is None


def test_a_stream_that_is_to_be_silent_is_none() -> None:
    clock = Seconds()
    silence = Silence("loops", clock)
    clock.now_s += 1e6
    assert silence.problem is None
    silence.expect(10.0)
    assert silence.problem is None
    silence.expect(0.0)
    clock.now_s += 1e6
    assert silence.problem is None
