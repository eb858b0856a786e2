"""Measures out of what nodes and clients say, against sums done by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from client.api import ClientStatus, StreamStatus
from loopixmix.observing.observers import LoopCounts
from loopixmix.observing.status import NodeStatus
from simulations.importing.samples import HOW, NetworkSample, TimedMessage, link_s, outcome_of
from simulations.measures.catalogue import MEASURES

SECONDS = 20
PER_SECOND = {"mix-1": 100, "mix-2": 60, "provider-1": 90}


def node(name: str, *, second: int, queue: int, dropped: int = 0) -> NodeStatus:
    return NodeStatus(
        name=name,
        id=name,
        role=name.partition("-")[0],
        layer=1,
        pid=1,
        started_at_s=0.0,
        written_at_s=1000.0 + second,
        epoch=0,
        healthy=True,
        problem=None,
        engine="",
        packets_in=500 + PER_SECOND[name] * second,
        dropped={"mac": dropped},
        entropy_bits=4.0 if name == "mix-1" else 3.0,
        loops=LoopCounts(returned=10, overhead_mean_s=0.04 if name == "mix-1" else 0.02),
        queue=queue,
    )


def client(second: int) -> ClientStatus:
    return ClientStatus(
        address="a@b",
        registered=True,
        connected=True,
        epoch=0,
        problem="",
        queued_messages=0,
        queued_fragments=0,
        unread=0,
        payload=StreamStatus(rate_per_s=40, sent=40 * second),
        loop=StreamStatus(rate_per_s=5, sent=5 * second),
        drop=StreamStatus(rate_per_s=5, sent=5 * second),
        real_sent=4 * second,
        loops_returned=0,
        loops_lost=0,
        loop_round_trip_mean_s=0.0,
        expected_delivery_s=0.0,
    )


def samples() -> list[NetworkSample]:
    found = []
    for second in range(SECONDS + 1):
        nodes: Mapping[str, NodeStatus] = {
            "mix-1": node("mix-1", second=second, queue=5 + second % 2, dropped=second),
            "mix-2": node("mix-2", second=second, queue=3),
            "provider-1": node("provider-1", second=second, queue=8),
        }
        found.append(NetworkSample(at_s=1000.0 + second, nodes=nodes, clients=[client(second), client(second)]))
    return found


DELIVERIES = [TimedMessage(float(n), n + 0.3 + n % 5 / 10) for n in range(50)] + [TimedMessage(60.0, None)]


def test_figures_are_those_of_the_samples() -> None:
    outcome, batches = outcome_of(samples(), DELIVERIES, all_users=True)
    odd_seconds, all_seconds = 10, 21
    assert outcome.figures == pytest.approx(
        {
            "pool_mean": (8 + odd_seconds / all_seconds) / 2,
            "provider_pool_mean": 8.0,
            "entropy_live_bits": 3.5,
            "mix_rate_per_s": 80.0,
            "dropped_share": 1 / 250,
            "cover_share": 1 - 4 / 50,
            "throughput_per_s": 100.0,
            "delivery_mean_s": 0.5,
            "delivery_p50_s": 0.5,
            "delivery_p95_s": 0.7,
        }
    )
    assert outcome.distributions["delivery_s"].count == 50
    assert {len(parts) for parts in batches.values()} == {10}
    for name, parts in batches.items():
        assert sum(parts) / len(parts) == pytest.approx(outcome.figures[name], rel=0.05)


def test_what_is_measured_is_in_the_catalogue_and_is_explained() -> None:
    outcome, _ = outcome_of(samples(), DELIVERIES, all_users=True)
    measured = {*outcome.figures, *outcome.distributions}
    assert measured == set(HOW)
    assert measured <= set(MEASURES)


def test_what_cannot_be_known_is_left_out() -> None:
    outcome, _ = outcome_of(samples(), [TimedMessage(1.0, None)], all_users=False)
    assert "throughput_per_s" not in outcome.figures
    assert not {"delivery_mean_s", "delivery_s"} & {*outcome.figures, *outcome.distributions}
    bare = [NetworkSample(at_s=sample.at_s, nodes={}, clients=[]) for sample in samples()]
    assert outcome_of(bare, [], all_users=True)[0].figures == {"throughput_per_s": 0.0}


def test_a_status_that_was_not_renewed_gives_no_rate() -> None:
    late = [samples()[0], samples()[0], *samples()[1:]]  # within the first second nobody wrote anew
    outcome, batches = outcome_of(late[:5], DELIVERIES, all_users=True)
    assert outcome.figures["mix_rate_per_s"] == 80.0
    assert batches["mix_rate_per_s"] == (80.0,) * 3


def test_links_take_what_loops_took_beyond_their_delays() -> None:
    assert link_s(samples(), layers=3) == pytest.approx(0.03 / 4)
    assert link_s([NetworkSample(at_s=0.0, nodes={}, clients=[])], layers=3) == 0.0
