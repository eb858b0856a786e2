"""What is in time, at every edge."""

from __future__ import annotations

import pytest

from loopixmix.params import NetworkParams
from provider.hosting.times import RequestTimes

PARAMS = NetworkParams(epoch_length_s=1000, grace_s=60)
TIMES = RequestTimes(PARAMS)


@pytest.mark.parametrize(
    ("now_s", "first", "last"),
    [(5000.0, 4, 7), (5059.9, 4, 7), (5060.0, 5, 7), (5939.9, 5, 7), (5940.0, 5, 8), (5999.9, 5, 8), (6000.0, 5, 8)],
)
def test_a_request_is_over_outside_of_its_time(now_s: float, first: int, last: int) -> None:
    in_time = [epoch for epoch in range(12) if not TIMES.is_over(epoch, now_s)]
    assert in_time == list(range(first, last + 1))
    assert TIMES.ended(now_s) == first - 1
    assert TIMES.present(now_s) == now_s // 1000


@pytest.mark.parametrize(("now_s", "epoch"), [(5000.0, 4), (5029.9, 4), (5030.0, 5), (6029.0, 5)])
def test_blocks_are_used_until_half_of_the_grace(now_s: float, epoch: int) -> None:
    assert TIMES.first_block_epoch(now_s) == epoch


def test_the_pace_is_that_of_free_places() -> None:
    assert TIMES.shares_per_s == PARAMS.free_pulls_per_s == pytest.approx(3.5)
    assert TIMES.settling_s == pytest.approx(2 * 5 * 0.2 + 1)
