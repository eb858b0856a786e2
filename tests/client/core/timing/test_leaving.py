from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.core.retry import RetryPolicy
from client.core.timing.leaving import leaving_s, reserve_s
from loopixmix.params import NetworkParams

TIMES_S = st.floats(0, 1e9)


def test_without_a_time_it_leaves_at_once() -> None:
    assert leaving_s(None, None, now_s=100.0, reserve_s=5.0, draw=0.5) == 0.0
    assert leaving_s(None, 1000.0, now_s=100.0, reserve_s=5.0, draw=0.5) == 0.0


def test_without_a_deadline_it_leaves_as_soon_as_it_may() -> None:
    assert leaving_s(200.0, None, now_s=100.0, reserve_s=5.0, draw=0.5) == 200.0
    assert leaving_s(50.0, None, now_s=100.0, reserve_s=5.0, draw=0.5) == 0.0


def test_the_draw_spreads_it_evenly_up_to_the_reserve() -> None:
    moments_s = [leaving_s(200.0, 305.0, now_s=100.0, reserve_s=5.0, draw=draw) for draw in (0.0, 0.25, 0.5, 1.0)]
    assert moments_s == [200.0, 225.0, 250.0, 300.0]
    # Of a time that has begun already only the rest counts.
    assert leaving_s(0.0, 305.0, now_s=100.0, reserve_s=5.0, draw=0.5) == 200.0


def test_without_time_between_it_leaves_as_soon_as_it_may() -> None:
    assert leaving_s(200.0, 203.0, now_s=100.0, reserve_s=5.0, draw=0.9) == 200.0
    assert leaving_s(90.0, 103.0, now_s=100.0, reserve_s=5.0, draw=0.9) == 0.0


@given(first_s=TIMES_S, span_s=TIMES_S, now_s=TIMES_S, reserve=st.floats(0, 1e6), draw=st.floats(0, 1))
def test_it_is_never_before_its_time_nor_in_the_reserve(
    first_s: float, span_s: float, now_s: float, reserve: float, draw: float
) -> None:
    at_s = leaving_s(first_s, first_s + span_s, now_s=now_s, reserve_s=reserve, draw=draw)
    if at_s == 0.0:
        assert first_s <= now_s
        return
    assert at_s >= max(first_s, now_s)
    assert at_s <= max(first_s, now_s, first_s + span_s - reserve) * (1 + 1e-9)


def test_the_reserve_grows_with_the_message_and_with_the_waits_for_what_is_lost() -> None:
    params = NetworkParams(payload_rate_per_s=2.0)
    assert reserve_s(10, params, RetryPolicy(first_s=4.0, longest_s=60.0)) == 10.0 + 18.0
    assert reserve_s(20, params, RetryPolicy(first_s=4.0, longest_s=60.0)) == 20.0 + 18.0
    assert reserve_s(10, params, RetryPolicy(first_s=8.0, longest_s=60.0)) == 10.0 + 36.0
