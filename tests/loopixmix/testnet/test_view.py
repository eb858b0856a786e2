"""The table of a test network."""

from __future__ import annotations

import msgspec
from rich.console import Console

from loopixmix.observing.observers import LinkCounts, LoopCounts
from loopixmix.observing.status import NodeStatus
from loopixmix.testnet.view import health, network_view

NOW_S = 1_000_000.0
MIX = NodeStatus(
    name="mix-1",
    id="00",
    role="mix",
    layer=2,
    pid=1,
    started_at_s=NOW_S - 10,
    written_at_s=NOW_S - 1,
    epoch=5,
    healthy=True,
    problem=None,
    engine="native",
    packets_in=500,
    packets_out=490,
    dropped={"replay": 3},
    loops=LoopCounts(sent=20, returned=9, lost=1, mean_s=0.151, expected_mean_s=0.15),
    entropy_bits=5.25,
    links=LinkCounts(open=4),
)


def test_health_is_the_nodes_own_word_while_it_is_fresh() -> None:
    assert health(MIX, running=True, now_s=NOW_S) == "ok"
    assert health(MIX, running=True, now_s=NOW_S + 60) == "not answering"
    assert health(MIX, running=True, now_s=NOW_S - 60) == "not answering"
    assert health(MIX, running=False, now_s=NOW_S) == "stopped"
    assert health(None, running=True, now_s=NOW_S) == "starting"
    ill = msgspec.structs.replace(MIX, healthy=False, problem="the clock is wrong")
    assert health(ill, running=True, now_s=NOW_S) == "the clock is wrong"


def shown(statuses: dict[str, NodeStatus | None], others: dict[str, str | None], *, width: int = 80) -> list[str]:
    running = frozenset(name for name, status in statuses.items() if status is not None)
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(network_view(statuses, others, running=running, now_s=NOW_S))
    return [line.strip() for line in capture.get().splitlines()]


def test_a_row_shows_traffic_drops_loops_beside_theory_entropy_and_links() -> None:
    lines = shown({"mix-1": MIX, "mix-2": None}, {"board": "full", "carol": None})
    row, other = (line for line in lines if line.startswith("mix-") and "dropped" not in line)
    assert row.split() == ["mix-1", "2", "ok", "50", "49", "3", "90%", "151", "150", "5.2", "4"]
    assert other.split() == ["mix-2", "stopped"]
    assert "board: full" in lines
    assert "mix-1 dropped 3 as replay" in lines
    assert ["carol", "ok"] in [line.split() for line in lines]


def test_a_terminal_of_80_columns_holds_all_of_it_when_something_is_wrong() -> None:
    problem = "the document of epoch 497222 has expired 4,000 s ago: is the clock ahead? ntp tells"
    ill = msgspec.structs.replace(
        MIX,
        name="provider-10",
        role="provider",
        healthy=False,
        problem=problem,
        packets_in=123_450,
        packets_out=123_450,
        dropped={"replay": 31_234, "unknown_hop": 2_345, "rate_limit": 9_999},
        loops=msgspec.structs.replace(MIX.loops, mean_s=11.017, expected_mean_s=0.35),
    )
    silent = msgspec.structs.replace(MIX, written_at_s=NOW_S - 60)
    lines = shown({"provider-10": ill, "mix-1": silent}, {"collector-of-a-city": "has not written status.json yet"})
    assert max(map(len, lines)) <= 80
    headings = next(line for line in lines if "health" in line)
    figures = ["in/s", "out/s", "drops", "loops", "ms", "theory", "bits", "links"]
    assert headings.split() == ["node", "layer", "health", *figures]
    [row] = [line for line in lines if line.startswith("provider-10 ") and "problem" in line]
    assert row.split()[2:] == ["problem", "12,345", "12,345", "43,578", "90%", "11,017", "350", "5.2", "4"]
    assert ["mix-1", "2", "silent"] in [line.split()[:3] for line in lines]
    below = " ".join(" ".join(lines).split())
    assert f"provider-10: {problem}" in below
    assert "mix-1: not answering" in below
    assert "collector-of-a-city: has not written status.json yet" in below
    assert "provider-10 dropped 9,999 as rate_limit, 31,234 as replay, 2,345 as unknown_hop" in below
