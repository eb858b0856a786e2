"""What the demo takes for right and wrong."""

from __future__ import annotations

import math
import random
import statistics

import msgspec
import pytest

from client.api import ClientStatus, StreamStatus
from client.demo.judgement import cover_share, judge, loops_between, overhead_between
from client.demo.scenario import Conversation
from loopixmix.observing.observers import ROUND_TRIPS_KEPT, Counters, LoopCounts
from loopixmix.observing.status import NodeStatus
from loopixmix.seams import LoopReturned
from loopixmix.testnet.plan import FAST_PARAMS
from loopixmix.verdict import Verdict

STREAM = StreamStatus(rate_per_s=1.0, sent=100)
CLIENT = ClientStatus(
    address="alice@home",
    registered=True,
    connected=True,
    epoch=1,
    problem="",
    queued_messages=0,
    queued_fragments=0,
    unread=0,
    payload=STREAM,
    loop=STREAM,
    drop=STREAM,
    real_sent=60,
    loops_returned=0,
    loops_lost=0,
    loop_round_trip_mean_s=0.0,
    expected_delivery_s=0.0,
)
CONVERSATION = Conversation(
    texts_sent=20,
    texts_received=20,
    texts_intact=True,
    text_times_s=[0.4] * 20,
    file_intact=True,
    file_time_s=20.0,
    file_fragments=600,
    overtaking_s=5.0,
    echoed=True,
    echo_time_s=0.5,
    anonymous_answered=True,
    alice=CLIENT,
    bob=CLIENT,
)
MEAN_S = FAST_PARAMS.layers * FAST_PARAMS.delay_mean_s
LOOPS = LoopCounts(
    sent=200,
    returned=200,
    all_mean_s=MEAN_S + 0.01,
    all_squares_s2=199 * FAST_PARAMS.layers * FAST_PARAMS.delay_mean_s**2,
    all_overhead_mean_s=0.01,
)
MIX = NodeStatus(
    name="mix-1",
    id="00" * 32,
    role="mix",
    layer=1,
    pid=1,
    started_at_s=0.0,
    written_at_s=60.0,
    epoch=1,
    healthy=True,
    problem=None,
    engine="native",
    packets_in=12_000,
    loops=LOOPS,
    entropy_bits=math.log2(math.e * 12_000 / 60 * FAST_PARAMS.delay_mean_s),
)
NOTHING = msgspec.structs.replace(MIX, loops=LoopCounts(), packets_in=0)


def judged(
    conversation: Conversation = CONVERSATION, mix: NodeStatus = MIX, *, demo_s: float = 30.0, memory_mb: float = 500.0
) -> Verdict:
    return judge(conversation, {"mix-1": NOTHING}, {"mix-1": mix}, FAST_PARAMS, demo_s=demo_s, memory_mb=memory_mb)


def failed(result: Verdict) -> list[str]:
    return [check.name for check in result.checks if not check.passed]


def test_a_good_run_passes_with_its_figures() -> None:
    result = judged()
    assert failed(result) == []
    assert result.passed
    assert result.figures["delivered_share"] == 1.0
    assert result.figures["cover_share"] == pytest.approx(1 - 60 / 300)
    assert result.figures["mix_loop_mean_s"] == pytest.approx(MEAN_S + 0.01)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"texts_received": 19}, "messages both ways"),
        ({"texts_intact": False}, "messages both ways"),
        ({"file_intact": False}, "1 MB file"),
        ({"overtaking_s": 0.0}, "short message after the file"),
        ({"echoed": False}, "anonymous request"),
        ({"anonymous_answered": False}, "anonymous message"),
        ({"text_times_s": [9.0] * 20}, f"messages against Gamma({FAST_PARAMS.layers + 1})"),
        ({"text_times_s": []}, f"messages against Gamma({FAST_PARAMS.layers + 1})"),
        (
            {key: msgspec.structs.replace(CLIENT, real_sent=300) for key in ("alice", "bob")},
            "cover",
        ),
    ],
)
def test_what_goes_wrong_in_the_conversation_fails_its_check(changes: dict[str, object], wrong: str) -> None:
    assert failed(judged(msgspec.structs.replace(CONVERSATION, **changes))) == [wrong]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"entropy_bits": 1.0}, "entropy of the mixes"),
        ({"dropped": {"replay": 100}}, "packets dropped"),
        ({"loops": msgspec.structs.replace(LOOPS, lost=20)}, "loops lost"),
        (
            {"loops": msgspec.structs.replace(LOOPS, all_mean_s=2 * MEAN_S)},
            f"mix loops against Gamma({FAST_PARAMS.layers})",
        ),
    ],
)
def test_what_goes_wrong_in_the_nodes_fails_its_check(changes: dict[str, object], wrong: str) -> None:
    assert failed(judged(mix=msgspec.structs.replace(MIX, **changes))) == [wrong]


def test_too_slow_or_too_big_fails() -> None:
    assert failed(judged(demo_s=61.0)) == ["demo time"]
    assert failed(judged(memory_mb=1501.0)) == ["memory of all processes"]


def test_loops_from_before_the_conversation_do_not_count() -> None:
    slow = msgspec.structs.replace(
        MIX, loops=LoopCounts(sent=100, returned=100, all_mean_s=9.0, all_overhead_mean_s=8.0)
    )
    both = LoopCounts(
        sent=300,
        returned=300,
        all_mean_s=(100 * 9.0 + 200 * LOOPS.all_mean_s) / 300,
        all_overhead_mean_s=(100 * 8.0 + 200 * 0.01) / 300,
    )
    end = {"mix-1": msgspec.structs.replace(MIX, loops=both)}
    assert loops_between({"mix-1": slow}, end).mean_s == pytest.approx(LOOPS.all_mean_s)
    assert overhead_between({"mix-1": slow}, end) == pytest.approx(0.01)
    assert overhead_between({}, end) == 0.0


def test_loops_count_that_no_status_has_among_its_latest_any_more(rng: random.Random) -> None:
    counters = Counters(delay_mean_s=0.05)
    trips_s = [rng.gammavariate(3, 0.05) + 0.01 for _ in range(5 * ROUND_TRIPS_KEPT)]
    statuses = []
    for number, trip_s in enumerate(trips_s):
        if number == ROUND_TRIPS_KEPT:
            statuses.append({"mix-1": msgspec.structs.replace(MIX, loops=counters.snapshot().loops)})
        counters.observe(LoopReturned(number, round_trip_s=trip_s, delays_s=trip_s - 0.01, delay_count=3))
    statuses.append({"mix-1": msgspec.structs.replace(MIX, loops=counters.snapshot().loops)})
    between = loops_between(*statuses)
    assert between.count == 4 * ROUND_TRIPS_KEPT
    assert between.mean_s == pytest.approx(statistics.fmean(trips_s[ROUND_TRIPS_KEPT:]))
    assert between.sd_s == pytest.approx(statistics.stdev(trips_s[ROUND_TRIPS_KEPT:]))
    assert overhead_between(*statuses) == pytest.approx(0.01)


def test_without_packets_nothing_is_cover() -> None:
    assert cover_share([]) == 0.0
