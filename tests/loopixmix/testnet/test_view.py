"""The table of a test network."""

from __future__ import annotations

import msgspec
from rich.console import Console

from loopixmix.observing.observers import LinkCounts, LoopCounts
from loopixmix.observing.status import NodeStatus
from loopixmix.testnet.view import health, network_table

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


def test_a_row_shows_traffic_drops_loops_beside_theory_entropy_and_links() -> None:
    others = {"board": "full", "carol": None}
    table = network_table({"mix-1": MIX, "mix-2": None}, others, running=frozenset({"mix-1"}), now_s=NOW_S)
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    row, other = (line for line in capture.get().splitlines() if "mix-" in line)
    assert row.split() == ["mix-1", "2", "ok", "50", "49", "3", "replay", "90%", "151", "150", "5.2", "4"]
    assert "stopped" in other
    shown = " ".join(capture.get().split())
    assert "board full" in shown
    assert "carol ok" in shown


def test_a_terminal_of_80_columns_holds_all_headings_whole() -> None:
    provider = msgspec.structs.replace(MIX, name="provider-1", role="provider", layer=None, dropped={})
    slow = msgspec.structs.replace(
        provider, loops=msgspec.structs.replace(MIX.loops, mean_s=1.017, expected_mean_s=0.35)
    )
    table = network_table({"provider-1": slow, "mix-1": MIX}, {}, running=frozenset({"provider-1"}), now_s=NOW_S)
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    headings = next(line for line in capture.get().splitlines() if "node" in line)
    assert headings.split() == [
        "node",
        "layer",
        "health",
        *["in/s", "out/s", "drops", "loops", "ms", "theory", "bits", "links"],
    ]
