"""Published counters are right on average, coarse, and change with one packet as seldom as promised."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.observing.metrics import (
    COUNTERS_PER_PACKET,
    ROUND_TO,
    PublishedMetrics,
    published_counts,
    round_at_random,
)
from loopixmix.observing.observers import LinkCounts, LoopCounts, Snapshot


class Drawn(random.Random):
    """Draws one given value for every rounding."""

    def __init__(self, value: int) -> None:
        super().__init__(0)
        self._value = value

    def randrange(self, *_: int) -> int:  # type: ignore[override]
        return self._value


def told(metrics: PublishedMetrics) -> str:
    registry = CollectorRegistry()
    registry.register(metrics)
    return generate_latest(registry).decode()


@given(count=st.integers(0, 10_000))
def test_rounding_is_right_on_average(count: int) -> None:
    """Over all equally likely draws the mean is the count itself, exactly."""
    rounded = [round_at_random(count, Drawn(draw)) for draw in range(ROUND_TO)]
    assert sum(rounded) == count * ROUND_TO
    assert set(rounded) <= {count - count % ROUND_TO, count - count % ROUND_TO + ROUND_TO}


@given(count=st.integers(0, 10_000))
def test_one_packet_more_changes_one_draw_in_a_hundred(count: int) -> None:
    changed = [
        draw
        for draw in range(ROUND_TO)
        if round_at_random(count, Drawn(draw)) != round_at_random(count + 1, Drawn(draw))
    ]
    assert len(changed) == 1


def test_a_packet_touches_no_more_counters_than_promised() -> None:
    before = published_counts(Snapshot())
    lost_after_leaving = Snapshot(packets_in=1, packets_out=1, dropped={"no_link": 1})
    after = published_counts(lost_after_leaving)
    assert sum(after[key] != before[key] for key in after) == COUNTERS_PER_PACKET


def test_increments_add_up_and_never_go_back() -> None:
    rng = random.Random(1)
    metrics = PublishedMetrics(rng=rng)
    packets, last = 0, 0.0
    for _ in range(400):
        packets += rng.randrange(250)
        metrics.renew(Snapshot(packets_in=packets), healthy=True)
        line = next(line for line in told(metrics).splitlines() if line.startswith("loopixmix_packets_in_total"))
        now = float(line.split()[1])
        assert now % ROUND_TO == 0
        assert now >= last
        last = now
    # 400 roundings of sd at most 50: sd of the sum 1,000; bound 4 sd (6e-5), seeded.
    assert abs(last - packets) < 4000


def test_between_two_renewals_nothing_changes() -> None:
    metrics = PublishedMetrics(rng=random.Random(1))
    metrics.renew(Snapshot(packets_in=1234), healthy=True)
    assert told(metrics) == told(metrics)


def test_every_reason_is_there_before_the_first_packet() -> None:
    """That a reason appears would tell of a single packet."""
    metrics = PublishedMetrics(rng=random.Random(1))
    metrics.renew(Snapshot(), healthy=False)
    text = told(metrics)
    for reason in DropReason:
        assert f'loopixmix_packets_dropped_total{{reason="{reason}"}} 0.0' in text
    for refusal in RefusalReason:
        assert f'loopixmix_links_refused_total{{reason="{refusal}"}} 0.0' in text
    assert "loopixmix_healthy 0.0\n" in text


@pytest.mark.parametrize(("bits", "published"), [(0.0, "0.0"), (0.49, "0.0"), (7.09, "7.0"), (7.5, "7.5")])
def test_entropy_is_told_in_steps(bits: float, published: str) -> None:
    metrics = PublishedMetrics(rng=random.Random(1))
    snapshot = Snapshot(entropy_bits=bits, loops=LoopCounts(sent=3), links=LinkCounts(opened=2))
    metrics.renew(snapshot, healthy=True)
    assert f"loopixmix_entropy_bits {published}\n" in told(metrics)
    assert "loopixmix_healthy 1.0\n" in told(metrics)
